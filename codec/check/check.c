/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/check/check_private.h"

#include "codec/store/gc.h"

#include <string.h>

const char *bfs_check_kind_name(enum bfs_check_kind kind)
{
    static const char *const names[] = {"catalog", "bundle", "file", "chunk", "blob", "statement"};
    return names[kind];
}

void bfs_check_problem(struct bfs_check *check, enum bfs_check_kind kind, uint32_t entry,
                       const char *path, const uint32_t *chunk, const struct bfs_error *error)
{
    char name[BFS_REFERENCE_MAX + 1];
    struct bfs_check_problem problem = {
        .kind = kind,
        .bundle = bfs_reference_text(&check->entries[entry].reference, name),
        .path = path,
        .has_chunk = chunk != NULL,
        .chunk = chunk ? *chunk : 0,
        .error = error,
    };
    (void)pthread_mutex_lock(&check->mutex);
    check->report.n_problems++;
    check->n_problems[entry]++;
    check->options->problem(check->options->context, &problem);
    (void)pthread_mutex_unlock(&check->mutex);
}

int bfs_check_progress(struct bfs_check *check, uint64_t bytes)
{
    check->done += bytes;
    if (!check->options->progress)
        return 0;
    return check->options->progress(check->options->context, check->done, check->total) ? -EINTR
                                                                                        : 0;
}

int bfs_check_file_key(const struct bfs_inode *inode, struct bfs_digest *ret)
{
    struct {
        struct bfs_digest table, content;
        uint64_t size;
    } key;
    memset(&key, 0, sizeof(key));
    key.table = inode->table_digest;
    key.content = inode->digest;
    key.size = inode->size;
    return bfs_sha256(&key, sizeof(key), ret);
}

static int need_blob(struct bfs_check *check, uint32_t entry, const struct bfs_digest *digest,
                     uint64_t size)
{
    if (bfs_digest_set_find(&check->blobs, digest))
        return 0;
    struct bfs_digest_item item = {.digest = *digest, .size = size, .owner = entry};
    check->report.n_blobs++;
    check->report.blobs_size += size;
    check->total += check->options->quick ? 0 : size;
    return bfs_digest_set_add(&check->blobs, &item);
}

static int need_blobs(struct bfs_check *check, uint32_t entry, const struct bfs_bundle *bundle)
{
    size_t config_size;
    int r = need_blob(check, entry, &check->entries[entry].manifest,
                      check->entries[entry].manifest_size);
    (void)bfs_bundle_config_bytes(bundle, &config_size);
    if (r == 0)
        r = need_blob(check, entry, bfs_bundle_config_digest(bundle), config_size);
    for (uint32_t i = 0; r == 0 && i < bfs_bundle_n_layers(bundle); i++) {
        const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, i);
        r = need_blob(check, entry, &layer->digest, layer->size);
    }
    return r;
}

static int need_files(struct bfs_check *check, uint32_t entry, const struct bfs_bundle *bundle)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    for (uint32_t number = 0; number < bfs_index_n_inodes(index); number++) {
        struct bfs_inode inode = bfs_index_inode(index, number);
        struct bfs_digest_item item = {.size = inode.size, .owner = entry};
        if (!S_ISREG(inode.mode))
            continue;
        int r = bfs_check_file_key(&inode, &item.digest);
        check->report.n_files++;
        if (r == 0 && !bfs_digest_set_find(&check->files, &item.digest)) {
            r = bfs_digest_set_add(&check->files, &item);
            check->report.n_files_read++;
            check->report.content_size += inode.size;
            check->total += check->options->quick ? 0 : inode.size;
        }
        if (r)
            return r;
    }
    return 0;
}

/* Opens a bundle; a damaged one is a problem (and *ret NULL), not a failure. */
static int open_bundle(struct bfs_check *check, uint32_t entry, bool tell, struct bfs_bundle **ret,
                       struct bfs_error *error)
{
    struct bfs_error found = {0};
    int r = bfs_bundle_open(check->store, &check->entries[entry].manifest,
                            check->entries[entry].manifest_size, ret, &found);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r && tell)
        bfs_check_problem(check, BFS_CHECK_BUNDLE, entry, NULL, NULL, &found);
    return 0;
}

/* What there is to do; bundles are not kept open, for there may be thousands. */
static int survey(struct bfs_check *check, struct bfs_error *error)
{
    for (uint32_t entry = 0; entry < check->n_entries; entry++) {
        BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
        int r = open_bundle(check, entry, true, &bundle, error);
        check->report.n_bundles++;
        if (r == 0 && bundle &&
            ((r = need_blobs(check, entry, bundle)) || (r = need_files(check, entry, bundle))))
            (void)bfs_fail(error, r, "%s", strerror(-r));
        if (r == 0 && (r = bfs_check_progress(check, 0)))
            (void)bfs_fail(error, r, "interrupted");
        if (r)
            return r;
    }
    return 0;
}

/* Nobody needs it for reading, but who packed it meant it to be one. */
static int check_trace(struct bfs_check *check, uint32_t entry, const struct bfs_bundle *bundle,
                       struct bfs_error *error)
{
    bfs_autoorder struct bfs_order order = {0};
    struct bfs_error found = {0};
    int r = bfs_bundle_trace(bundle, &order, &found);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (r)
        bfs_check_problem(check, BFS_CHECK_BUNDLE, entry, NULL, NULL, &found);
    return 0;
}

static int check_bundles(struct bfs_check *check, struct bfs_error *error)
{
    for (uint32_t entry = 0; entry < check->n_entries; entry++) {
        BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
        int r = open_bundle(check, entry, false, &bundle, error);
        if (r == 0 && bundle && (r = check_trace(check, entry, bundle, error)) == 0)
            r = bfs_check_files(check, entry, bundle, error);
        if (r)
            return r;
    }
    return 0;
}

static void report_refusals(struct bfs_check *check, const struct bfs_catalog *catalog)
{
    for (size_t i = 0; i < catalog->n_refusals; i++) {
        const struct bfs_catalog_refusal *refusal = &catalog->refusals[i];
        struct bfs_error error = {0};
        struct bfs_check_problem problem = {
            .kind = BFS_CHECK_CATALOG, .bundle = refusal->name, .error = &error};
        (void)bfs_fail(&error, -EINVAL, "%s", refusal->reason);
        check->report.n_problems++;
        check->options->problem(check->options->context, &problem);
    }
}

/* Information only: unknown while a pack runs, or in a store that cannot be locked. */
static int look_for_garbage(struct bfs_check *check, struct bfs_error *error)
{
    struct bfs_gc_report garbage;
    int r = bfs_store_gc(check->store, true, 0, &garbage, NULL);
    if (r)
        return r == -ENOMEM ? bfs_fail(error, r, "out of memory") : 0;
    check->report.has_garbage = true;
    check->report.n_unreferenced = garbage.n_removed;
    check->report.unreferenced_size = garbage.removed_size;
    check->report.n_temporaries = garbage.n_temporaries;
    check->report.temporaries_size = garbage.temporaries_size;
    return 0;
}

/* Keeps gc from taking away what is being read. A store that this user or anybody can only read
 * is checked without. */
static int lock_content(const struct bfs_store *store, int *ret, struct bfs_error *error)
{
    enum { GC_WAIT_MS = 60000 };
    struct bfs_error found = {0};
    int r = bfs_store_lock(store, BFS_STORE_LOCK_CONTENT, false, GC_WAIT_MS, ret, &found);
    if (r == -EROFS || r == -EACCES || r == -EPERM || r == -ENOENT)
        return 0;
    if (r && error)
        *error = found;
    return r;
}

int bfs_check_store(const struct bfs_store *store, const struct bfs_catalog *catalog,
                    const struct bfs_check_options *options, struct bfs_check_report *ret,
                    struct bfs_error *error)
{
    bfs_autoclose int lock = -1;
    struct bfs_check check = {
        .store = store,
        .entries = options->entry ? options->entry : catalog->entries,
        .n_entries = options->entry ? 1 : catalog->n_entries,
        .options = options,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
    };
    bfs_autofree uint64_t *n_problems = calloc(check.n_entries + 1, sizeof(*n_problems));
    check.n_problems = n_problems;
    if (!n_problems)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = options->entry ? 0 : look_for_garbage(&check, error);
    if (r)
        return r;
    if (!options->entry)
        report_refusals(&check, catalog);
    if ((r = lock_content(store, &lock, error)) == 0 && (r = survey(&check, error)) == 0 &&
        (r = check_bundles(&check, error)) == 0 && (r = bfs_check_blobs(&check, error)) == 0)
        r = bfs_check_statements(&check, catalog, error);
    bfs_digest_set_done(&check.files);
    bfs_digest_set_done(&check.blobs);
    (void)pthread_mutex_destroy(&check.mutex);
    if (r)
        return r;
    for (size_t entry = 0; options->verdict && entry < check.n_entries; entry++)
        options->verdict(options->context, &check.entries[entry], n_problems[entry]);
    *ret = check.report;
    return 0;
}

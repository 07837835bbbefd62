/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/gc.h"

#include "codec/store/catalog_change.h"
#include "codec/store/files.h"
#include "verify/array.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MANIFEST_DEPTH_MAX = 4 }; /* an index of indexes of manifests, and one to spare */

struct marks {
    struct bfs_digest *digests;
    size_t n;
};

static void marks_done(struct marks *marks)
{
    free(marks->digests);
}

static int mark(struct marks *marks, const struct bfs_digest *digest)
{
    int r = bfs_array_grow(&marks->digests, marks->n, sizeof(*marks->digests));
    if (r == 0)
        marks->digests[marks->n++] = *digest;
    return r;
}

static int compare_digests(const void *a, const void *b)
{
    return bfs_digest_compare(a, b);
}

static bool is_marked(const struct marks *marks, const struct bfs_digest *digest)
{
    return marks->n &&
           bsearch(digest, marks->digests, marks->n, sizeof(*digest), compare_digests) != NULL;
}

static int mark_document(const struct bfs_store *store, const struct bfs_descriptor *descriptor,
                         int depth, struct marks *marks, struct bfs_error *error);

static int mark_descriptor(const struct bfs_store *store, struct bfs_json_value object, int depth,
                           struct marks *marks, struct bfs_error *error)
{
    struct bfs_descriptor descriptor;
    int r = bfs_descriptor_take(object, "descriptor", &descriptor, error);
    if (r)
        return r;
    if (strcmp(descriptor.media_type, BFS_MEDIA_OCI_MANIFEST) == 0 ||
        strcmp(descriptor.media_type, BFS_MEDIA_OCI_INDEX) == 0)
        return mark_document(store, &descriptor, depth + 1, marks, error);
    r = mark(marks, &descriptor.digest);
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

/* Whatever a manifest or index of any OCI kind names: config, layers, manifests, and the blobs of
 * foreign artifacts that use the same fields. */
static int mark_members(const struct bfs_store *store, struct bfs_json_value root, int depth,
                        struct marks *marks, struct bfs_error *error)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value name, value, element;
    int r = 0;
    while (r == 0 && bfs_json_value_next_member(root, &members, &name, &value)) {
        struct bfs_json_elements elements = {0};
        if (bfs_json_value_is(name, "config") && !bfs_json_value_is_null(value))
            r = mark_descriptor(store, value, depth, marks, error);
        if (!bfs_json_value_is(name, "layers") && !bfs_json_value_is(name, "manifests") &&
            !bfs_json_value_is(name, "blobs"))
            continue;
        while (r == 0 && bfs_json_value_next(value, &elements, &element))
            r = mark_descriptor(store, element, depth, marks, error);
    }
    return r;
}

static int mark_document(const struct bfs_store *store, const struct bfs_descriptor *descriptor,
                         int depth, struct marks *marks, struct bfs_error *error)
{
    char digest[BFS_DIGEST_TEXT_SIZE];
    if (depth > MANIFEST_DEPTH_MAX)
        return bfs_fail(error, -E2BIG, "manifests nest deeper than %d", MANIFEST_DEPTH_MAX);
    int r = mark(marks, &descriptor->digest);
    if (r)
        return bfs_fail(error, r, "out of memory");
    bfs_autofree uint8_t *text = NULL;
    struct bfs_json_value root;
    if ((r = bfs_store_read_blob(store, &descriptor->digest, descriptor->size, BFS_CATALOG_SIZE_MAX,
                                 &text, error)) ||
        (r = bfs_json_value_open(text, (size_t)descriptor->size,
                                 bfs_digest_text(&descriptor->digest, digest), &root, error)))
        return r;
    return mark_members(store, root, depth, marks, error);
}

static int mark_all(const struct bfs_store *store, struct marks *marks, struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    struct bfs_json_value root;
    size_t size;
    int r;
    if ((r = bfs_read_file(bfs_store_index_path(store), BFS_CATALOG_SIZE_MAX, &text, &size,
                           error)) ||
        (r = bfs_json_value_open(text, size, "index.json", &root, error)))
        return r;
    if (!bfs_json_value_member(root, "manifests", BFS_JSON_ARRAY).text)
        return bfs_fail(error, -EBADMSG, "index.json: no list of manifests");
    r = mark_members(store, root, 0, marks, error);
    if (r)
        return bfs_fail_context(error, r,
                                "nothing was removed, because not all that is in use is "
                                "known");
    if (marks->n)
        qsort(marks->digests, marks->n, sizeof(*marks->digests), compare_digests);
    return 0;
}

/* Removes what `unwanted` says from one folder. */
static int sweep(const char *path, bool dry_run, const struct marks *marks, uint64_t *kept,
                 uint64_t *removed, uint64_t *removed_size, struct bfs_error *error)
{
    DIR *folder = opendir(path);
    if (!folder)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    int r = 0;
    const struct dirent *entry;
    while (r == 0 && (entry = readdir(folder))) {
        struct bfs_digest digest;
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (marks && (bfs_digest_parse_hex(entry->d_name, &digest) || is_marked(marks, &digest))) {
            (*kept)++;
            continue;
        }
        if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (!dry_run && unlinkat(dirfd(folder), entry->d_name, 0) != 0 && errno != ENOENT)) {
            r = bfs_fail(error, -errno, "%s/%s: cannot remove: %s", path, entry->d_name,
                         strerror(errno));
            break;
        }
        (*removed)++;
        *removed_size += (uint64_t)st.st_size;
    }
    (void)closedir(folder);
    return r;
}

int bfs_store_gc(const struct bfs_store *store, bool dry_run, unsigned wait_ms,
                 struct bfs_gc_report *ret, struct bfs_error *error)
{
    bfs_autoclose int content = -1;
    BFS_CLEANUP(marks_done) struct marks marks = {0};
    struct bfs_gc_report report = {0};
    uint64_t unused = 0;
    int r = bfs_store_lock(store, BFS_STORE_LOCK_CONTENT, true, wait_ms, &content, error);
    if (r == -EBUSY)
        return bfs_fail(error, r, "%s: busy, a pack is running; try again, or wait longer (--wait)",
                        bfs_store_path(store));
    /* An index.json that a power cut brings back must not name what is removed now. */
    if (r || (!dry_run && (r = bfs_catalog_sync(store, error))) ||
        (r = mark_all(store, &marks, error)) ||
        (r = sweep(bfs_store_blobs_path(store), dry_run, &marks, &report.n_blobs, &report.n_removed,
                   &report.removed_size, error)) ||
        (r = sweep(bfs_store_tmp_path(store), dry_run, NULL, &unused, &report.n_temporaries,
                   &report.temporaries_size, error)))
        return r;
    *ret = report;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/check/check_private.h"
#include "codec/content/content.h"

#include <string.h>

/* The files of one bundle, while they are read. */
struct reading {
    struct bfs_check *check;
    const struct bfs_index *index;
    uint32_t entry;
};

/* The item of a file; found, because the survey added it. */
static struct bfs_digest_item *item_of(const struct bfs_check *check, const struct bfs_inode *inode)
{
    struct bfs_digest key;
    return bfs_check_file_key(inode, &key) ? NULL : bfs_digest_set_find(&check->files, &key);
}

static int report(const struct reading *reading, uint32_t number, const uint32_t *chunk,
                  const struct bfs_error *error)
{
    bfs_autofree char *path = bfs_index_path(reading->index, number);
    struct bfs_inode inode = bfs_index_inode(reading->index, number);
    if (!path)
        return -ENOMEM;
    bfs_check_problem(reading->check, chunk ? BFS_CHECK_CHUNK : BFS_CHECK_FILE, reading->entry,
                      path, chunk, error);
    (void)pthread_mutex_lock(&reading->check->mutex);
    struct bfs_digest_item *item = item_of(reading->check, &inode);
    if (item)
        item->bad = true;
    (void)pthread_mutex_unlock(&reading->check->mutex);
    return 0;
}

static int on_failed(void *context, uint32_t inode, const uint32_t *chunk,
                     const struct bfs_error *error)
{
    return report(context, inode, chunk, error);
}

static int on_progress(void *context, uint64_t bytes)
{
    const struct reading *reading = context;
    return bfs_check_progress(reading->check, bytes);
}

/* Puts the files that this bundle was the first to bring at the front of `ret`, and those that
 * share such content at its end. */
static int select_files(const struct reading *reading, uint32_t *ret, size_t *ret_n,
                        size_t *ret_first_shared)
{
    *ret_n = 0;
    *ret_first_shared = bfs_index_n_inodes(reading->index);
    for (uint32_t number = 0; number < bfs_index_n_inodes(reading->index); number++) {
        struct bfs_inode inode = bfs_index_inode(reading->index, number);
        if (!S_ISREG(inode.mode))
            continue;
        struct bfs_digest_item *item = item_of(reading->check, &inode);
        if (!item)
            return -EIO;
        if (item->owner == reading->entry) {
            ret[(*ret_n)++] = number;
            item->owner = UINT32_MAX; /* a second file of this content is not read either */
        } else {
            ret[--*ret_first_shared] = number;
        }
    }
    return 0;
}

/* Damage was told for the first file of that content only. */
static int report_shared(const struct reading *reading, const uint32_t *files, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        struct bfs_inode inode = bfs_index_inode(reading->index, files[i]);
        const struct bfs_digest_item *item = item_of(reading->check, &inode);
        struct bfs_error error = {0};
        if (!item || !item->bad)
            continue;
        (void)bfs_fail(&error, -EBADMSG, "shares content that is damaged, see above");
        int r = report(reading, files[i], NULL, &error);
        if (r)
            return r;
    }
    return 0;
}

static int open_tables(struct reading *reading, struct bfs_bundle *bundle, const uint32_t *files,
                       size_t n)
{
    for (size_t i = 0; i < n; i++) {
        BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
        struct bfs_error error = {0};
        int r = bfs_file_open(bundle, files[i], &file, &error);
        if (r == -ENOMEM)
            return r;
        r = r ? report(reading, files[i], NULL, &error) : 0;
        if (r || (r = bfs_check_progress(reading->check, 0)))
            return r;
    }
    return 0;
}

int bfs_check_files(struct bfs_check *check, uint32_t entry, struct bfs_bundle *bundle,
                    struct bfs_error *error)
{
    static const struct bfs_content_ops ops = {.failed = on_failed, .progress = on_progress};
    struct reading reading = {.check = check, .index = bfs_bundle_index(bundle), .entry = entry};
    uint32_t n_inodes = bfs_index_n_inodes(reading.index);
    bfs_autofree uint32_t *files = calloc(n_inodes, sizeof(*files));
    size_t n = 0, first_shared = 0;
    int r = files ? select_files(&reading, files, &n, &first_shared) : -ENOMEM;
    if (r == 0 && check->options->quick) {
        r = open_tables(&reading, bundle, files, n);
    } else if (r == 0) {
        r = bfs_content_read(bundle, files, n, check->options->n_jobs, &ops, &reading, error);
        if (r)
            return r;
    }
    if (r == 0)
        r = report_shared(&reading, files + first_shared, n_inodes - first_shared);
    return r ? bfs_fail(error, r, "%s", strerror(-r)) : 0;
}

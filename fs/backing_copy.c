/* SPDX-License-Identifier: Apache-2.0
 * A chunk that is in a backing file need not be decoded again, whether the file is full or not.
 *
 * Why that is safe: the file is unnamed and the daemon's own; a chunk's bit is set after all of its
 * bytes were written, which were proved before that; and what is read is checked by the chunk's
 * XXH3, so pages that the disk lost are noticed, as those of any chunk that was proved once. What
 * is not right there is decoded instead, and the file is given up. */
#include "fs/backing_private.h"

static bool is_damaged(const struct bfs_backed *backed)
{
    return backed->state == BFS_BACKED_DAMAGED || (backed->fill && backed->fill->error);
}

static struct bfs_backing_file *find_copy(struct bfs_backing *backing, const struct bfs_file *file,
                                          uint32_t i)
{
    struct bfs_digest content = bfs_backing_content(file);
    struct bfs_backing_file *copy = NULL;
    (void)pthread_mutex_lock(&backing->mutex);
    for (struct bfs_backed *backed = bfs_backed_content_locked(backing, &content); backed && !copy;
         backed = backed->content_next)
        if (backed->file && !is_damaged(backed) && bfs_digest_equal(&backed->content, &content) &&
            bfs_backing_file_has(backed->file, i))
            copy = bfs_backing_file_ref(backed->file);
    (void)pthread_mutex_unlock(&backing->mutex);
    return copy;
}

/* One whose disk has lost something: it is not filled further, nor opened. The keeper says so. */
static void give_up(struct bfs_backing *backing, const struct bfs_file *file,
                    const struct bfs_backing_file *copy, int error)
{
    struct bfs_digest content = bfs_backing_content(file);
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_content_locked(backing, &content);
    while (backed && backed->file != copy)
        backed = backed->content_next;
    if (backed)
        bfs_backed_damage_locked(backed, error);
    (void)pthread_mutex_unlock(&backing->mutex);
}

static bool has(void *context, const struct bfs_file *file, uint32_t i)
{
    struct bfs_backing *backing = context;
    if (atomic_load(&backing->n_files) == 0)
        return false;
    BFS_CLEANUP(bfs_backing_file_cleanup)
    struct bfs_backing_file *copy = find_copy(backing, file, i);
    return copy != NULL;
}

static int read_copy(void *context, const struct bfs_file *file, uint32_t i, uint8_t *raw)
{
    struct bfs_backing *backing = context;
    BFS_CLEANUP(bfs_backing_file_cleanup)
    struct bfs_backing_file *copy = find_copy(backing, file, i);
    if (!copy)
        return -ENOENT;
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), i);
    int r = bfs_backing_file_read(copy, &chunk, raw);
    if (r == 0)
        bfs_metric_add(backing->metrics, BFS_METRIC_BACKING_READ_BYTES, chunk.raw_size);
    else
        give_up(backing, file, copy, r);
    return r;
}

const struct bfs_cache_copies bfs_backing_copies = {
    .has = has, .read = read_copy, .decoded = bfs_backing_decoded};

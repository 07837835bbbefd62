/* SPDX-License-Identifier: Apache-2.0
 * Chunks that were read are in the kernel's page cache, from where they may be had back without
 * being decoded again. Pages may be missing, or not filled yet, so what comes is judged by the
 * chunk's XXH3: the bytes were proved when they were given away, and nobody writes to a read-only
 * mount. What is not right is decoded. */
#include "fs/backing_private.h"

enum { RETRIEVED_MAX = 1 << 20 }; /* in one message */

static void give_room(struct bfs_fill_part *part)
{
    bfs_cache_give_room(part->backed->backing->cache, part->kept, part->size);
    part->kept = NULL;
}

/* Runs in a worker. */
static void judge(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct bfs_fill_part *part =
        (struct bfs_fill_part *)((char *)job - offsetof(struct bfs_fill_part, job));
    struct bfs_backed *backed = part->backed;
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(backed->fill->source), part->index);
    bool right = false;
    int status = reader ? 0 : -ESHUTDOWN;
    if (reader && part->n_kept == part->size) {
        struct bfs_xxh128 check = bfs_xxh128(part->kept, part->size);
        right = bfs_xxh128_equal(&check, &chunk.check);
    }
    if (right) {
        status = bfs_fill_claim_and_write(backed, part->index, part->kept);
        bfs_metric_add(backed->backing->metrics, BFS_METRIC_BACKING_RETRIEVED_BYTES, part->size);
    }
    give_room(part);
    if (right || status)
        bfs_fill_part_done(part, status);
    else
        bfs_fill_decode(part);
}

static int ask(struct bfs_fill_part *part)
{
    struct bfs_backed *backed = part->backed;
    const struct bfs_backing_kernel *kernel = &backed->backing->kernel;
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(backed->fill->source), part->index);
    size_t size = part->size - part->n_kept;
    return kernel->retrieve(kernel->context, backed->node, chunk.raw_off + part->n_kept,
                            size < RETRIEVED_MAX ? size : RETRIEVED_MAX, part);
}

int bfs_fill_retrieve(struct bfs_fill_part *part)
{
    struct bfs_backing *backing = part->backed->backing;
    if (!backing->kernel.retrieve)
        return -ENOSYS;
    part->kept = bfs_cache_take_room(backing->cache, part->size);
    if (!part->kept)
        return -ENOMEM;
    part->n_kept = 0;
    int r = ask(part);
    if (r)
        give_room(part); /* otherwise it may be answered already */
    return r;
}

uint8_t *bfs_backing_retrieved_room(void *cookie, size_t *ret_size)
{
    struct bfs_fill_part *part = cookie;
    *ret_size = part->size - part->n_kept;
    return part->kept + part->n_kept;
}

/* Runs in a worker. */
static void ask_for_more(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct bfs_fill_part *part =
        (struct bfs_fill_part *)((char *)job - offsetof(struct bfs_fill_part, job));
    if (!reader || ask(part) != 0)
        judge(job, reader);
}

/* The kernel lets who asks wait while it drops the inode, and for that it may wait for reads that
 * no request thread has taken yet: it is not asked from here. */
void bfs_backing_retrieved(void *cookie, size_t size)
{
    struct bfs_fill_part *part = cookie;
    part->n_kept += size;
    /* It gives as much as it has without a gap, and no more than fits into a message. */
    bool is_more = size > 0 && part->n_kept < part->size;
    part->job = (struct bfs_job){.run = is_more ? ask_for_more : judge};
    bfs_pool_submit(part->backed->backing->pool, &part->job, BFS_PRIORITY_FILL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Chunks that were decoded for somebody else, on their way into backing files. */
#include "fs/backing_private.h"

#include "fs/clock.h"
#include "fs/node.h"

/* Chunks that wait to be written keep memory of the cache. */
enum { OFFERED_MAX = 8 << 20 };

/* On its way to a worker that writes it. */
struct offer {
    struct bfs_job job;
    struct bfs_backed *backed;
    struct bfs_block *block; /* a reference */
    uint32_t index;
};

static void run_offer(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct offer *offer = (struct offer *)job; /* its first member */
    struct bfs_backed *backed = offer->backed;
    struct bfs_backing *backing = backed->backing;
    uint32_t size = bfs_block_size(offer->block);
    int status =
        reader ? bfs_fill_write(backed, offer->index, bfs_block_bytes(offer->block)) : -ESHUTDOWN;
    /* Written before it is let go: until then the cache has it, from then on the backing file. */
    bfs_cache_put(backing->cache, offer->block);
    (void)pthread_mutex_lock(&backing->mutex);
    backing->offered -= size;
    (void)pthread_mutex_unlock(&backing->mutex);
    bfs_fill_work_done(backed, status);
    free(offer);
}

static bool wants_locked(const struct bfs_backed *backed, uint32_t i, uint32_t size)
{
    return backed->state == BFS_BACKED_FILLING && !backed->fill->error &&
           !backed->backing->stopping && !bfs_fill_must_wait_locked(backed) &&
           !bfs_backing_file_is_claimed(backed->file, i) &&
           bfs_chunk_table_at(bfs_file_table(backed->fill->source), i).raw_size == size;
}

static bool fits_locked(const struct bfs_backing *backing, uint32_t size)
{
    return backing->offered + size <= OFFERED_MAX;
}

static void claim_locked(struct bfs_backed *backed, uint32_t i)
{
    (void)bfs_backing_file_claim(backed->file, i);
    backed->fill->n_work++;
}

static void send(struct offer *offer, struct bfs_backed *backed, uint32_t i,
                 struct bfs_block *block)
{
    struct bfs_backing *backing = backed->backing;
    *offer = (struct offer){.job = {.run = run_offer},
                            .backed = backed,
                            .block = bfs_cache_ref(backing->cache, block),
                            .index = i};
    bfs_pool_submit(backing->pool, &offer->job, BFS_PRIORITY_FILL);
}

void bfs_backing_offer(struct bfs_backing *backing, uint64_t node, uint32_t i,
                       struct bfs_block *block)
{
    uint32_t size = bfs_block_size(block);
    if (atomic_load(&backing->n_files) == 0)
        return;
    struct offer *offer = malloc(sizeof(*offer));
    if (!offer)
        return;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    bool wanted = backed && wants_locked(backed, i, size) && fits_locked(backing, size);
    if (wanted) {
        claim_locked(backed, i);
        backing->offered += size;
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    if (wanted)
        send(offer, backed, i, block);
    else
        free(offer);
}

/* Who wants it among those with that content. */
static struct bfs_backed *find_locked(struct bfs_backing *backing, const struct bfs_digest *content,
                                      uint32_t i, uint32_t size)
{
    struct bfs_backed *backed = bfs_backed_content_locked(backing, content);
    while (backed &&
           !(bfs_digest_equal(&backed->content, content) && wants_locked(backed, i, size)))
        backed = backed->content_next;
    return backed;
}

/* Runs in the worker that decoded it. When more waits than may, it is written at once, so that it
 * need not be decoded a second time; unless the disk is so slow that readers would wait for it, and
 * what the kernel then has of it is as good. */
void bfs_backing_decoded(void *context, struct bfs_file *file, uint32_t i, struct bfs_block *block)
{
    struct bfs_backing *backing = context;
    uint32_t size = bfs_block_size(block);
    if (atomic_load(&backing->n_files) == 0)
        return;
    struct bfs_digest content = bfs_backing_content(file);
    struct offer *offer = malloc(sizeof(*offer));
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = find_locked(backing, &content, i, size);
    bool waits = backed && offer && fits_locked(backing, size);
    if (backed && !waits && bfs_now_ms() < atomic_load(&backing->slow_until_ms) &&
        !bfs_fill_is_asked_locked(backed->fill, i))
        backed = NULL;
    if (backed)
        claim_locked(backed, i);
    if (waits)
        backing->offered += size;
    (void)pthread_mutex_unlock(&backing->mutex);
    if (waits) {
        send(offer, backed, i, block);
        return;
    }
    free(offer);
    if (backed)
        bfs_fill_work_done(backed, bfs_fill_write(backed, i, bfs_block_bytes(block)));
}

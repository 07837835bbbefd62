/* SPDX-License-Identifier: Apache-2.0
 * How a backing file gets its content: from chunks that reads have decoded anyhow, and from chunks
 * that are decoded for it, a few at a time, when the workers have nothing else to do. */
#include "fs/backing_private.h"

#include "fs/node.h"

/* Chunks that wait to be written keep memory of the cache. */
enum { OFFERED_MAX = 8 << 20 };

static void part_done(struct bfs_waiter *waiter, int status, struct bfs_block *block);

struct bfs_fill *bfs_fill_new(struct bfs_backed *backed, struct bfs_file *source, bool complete)
{
    struct bfs_fill *fill = calloc(1, sizeof(*fill));
    if (!fill)
        return NULL;
    fill->source = bfs_file_ref(source);
    fill->complete = complete;
    for (unsigned i = 0; i < BFS_FILL_PARTS; i++) {
        fill->parts[i].waiter.done = part_done;
        fill->parts[i].backed = backed;
        fill->parts[i].next_free = fill->free;
        fill->free = &fill->parts[i];
    }
    return fill;
}

struct bfs_fill *bfs_fill_free(struct bfs_fill *fill)
{
    if (fill) {
        (void)bfs_file_unref(fill->source);
        free(fill);
    }
    return NULL;
}

static void note_error_locked(struct bfs_fill *fill, int status)
{
    if (status && !fill->error)
        fill->error = status;
}

void bfs_fill_end_locked(struct bfs_backed *backed)
{
    struct bfs_fill *fill = backed->fill;
    if (backed->state != BFS_BACKED_FILLING || fill->n_work > 0 || fill->asking)
        return;
    bool all_asked = fill->next == bfs_chunk_table_n_chunks(bfs_file_table(fill->source));
    if (!fill->error && !bfs_backing_file_is_full(backed->file) && !all_asked)
        return;
    backed->state = BFS_BACKED_ENDING;
    bfs_backing_queue_locked(backed->backing, backed);
}

/* Writes a chunk that is proved and decoded; runs where blocking is fine. */
static int write_chunk(struct bfs_backed *backed, uint32_t i, const struct bfs_block *block)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(backed->fill->source), i);
    if (chunk.raw_size != bfs_block_size(block))
        return -EBADMSG;
    if (bfs_backing_file_has(backed->file, i))
        return 0;
    int r = bfs_backing_file_write(backed->file, i, &chunk, bfs_block_bytes(block));
    if (r == 0)
        bfs_metric_add(backed->backing->metrics, BFS_METRIC_BACKING_WRITTEN_BYTES, chunk.raw_size);
    return r;
}

/* What it works on stays, and so does the fill, until it is no longer counted in n_work. */
static void part_done(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    struct bfs_fill_part *part = (struct bfs_fill_part *)waiter; /* its first member */
    struct bfs_backed *backed = part->backed;
    struct bfs_backing *backing = backed->backing;
    struct bfs_fill *fill = backed->fill;
    if (status == 0) {
        status = write_chunk(backed, part->index, block);
        bfs_cache_put_delivered(backing->cache, block, part->size);
    }
    (void)pthread_mutex_lock(&backing->mutex);
    note_error_locked(fill, status);
    fill->asked -= part->size;
    part->next_free = fill->free;
    fill->free = part;
    (void)pthread_mutex_unlock(&backing->mutex);
    bfs_fill_go_on(backed);
    (void)pthread_mutex_lock(&backing->mutex);
    fill->n_work--;
    bfs_fill_end_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}

/* The next chunk to ask for, counted as work; NULL: none at present. */
static struct bfs_fill_part *next_part_locked(struct bfs_backed *backed)
{
    struct bfs_fill *fill = backed->fill;
    const struct bfs_chunk_table *table = bfs_file_table(fill->source);
    while (fill->next < bfs_chunk_table_n_chunks(table) &&
           bfs_backing_file_has(backed->file, fill->next))
        fill->next++;
    if (fill->error || backed->backing->stopping || !fill->free ||
        fill->asked >= BFS_FILL_AHEAD_MAX || fill->next == bfs_chunk_table_n_chunks(table))
        return NULL;
    struct bfs_fill_part *part = fill->free;
    fill->free = part->next_free;
    part->index = fill->next++;
    part->size = bfs_chunk_table_at(table, part->index).raw_size;
    fill->asked += part->size;
    fill->n_work++;
    return part;
}

void bfs_fill_go_on(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    struct bfs_fill_part *part;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_fill *fill = backed->fill;
    /* By halves, so that workers find several to prove together. */
    if (backed->state != BFS_BACKED_FILLING || !fill->complete || fill->asking ||
        fill->asked > BFS_FILL_AHEAD_MAX / 2) {
        (void)pthread_mutex_unlock(&backing->mutex);
        return;
    }
    fill->asking = true;
    while ((part = next_part_locked(backed))) {
        struct bfs_block *block = NULL;
        (void)pthread_mutex_unlock(&backing->mutex);
        int r =
            bfs_cache_get_later(backing->cache, fill->source, part->index, &part->waiter, &block);
        if (r)
            part_done(&part->waiter, r < 0 ? r : 0, block);
        (void)pthread_mutex_lock(&backing->mutex);
    }
    fill->asking = false;
    bfs_fill_end_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}

/* A decoded chunk on its way to a worker that writes it. */
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
    int status = reader ? write_chunk(backed, offer->index, offer->block) : -ESHUTDOWN;
    bfs_cache_put(backing->cache, offer->block);
    (void)pthread_mutex_lock(&backing->mutex);
    backing->offered -= size;
    note_error_locked(backed->fill, status);
    backed->fill->n_work--;
    bfs_fill_end_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
    free(offer);
}

/* The file that wants this chunk, with the work counted; NULL: none does. */
static struct bfs_backed *accept_offer(struct bfs_backing *backing, uint64_t node, uint32_t i,
                                       uint32_t size)
{
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    if (backed &&
        (backed->state != BFS_BACKED_FILLING || backed->fill->error || backing->stopping ||
         bfs_backing_file_has(backed->file, i) || backing->offered + size > OFFERED_MAX))
        backed = NULL;
    if (backed) {
        backed->fill->n_work++;
        backing->offered += size;
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    return backed;
}

void bfs_backing_offer(struct bfs_backing *backing, uint64_t node, uint32_t i,
                       struct bfs_block *block)
{
    if (!atomic_load_explicit(&backing->started, memory_order_acquire))
        return;
    struct offer *offer = calloc(1, sizeof(*offer));
    struct bfs_backed *backed =
        offer ? accept_offer(backing, node, i, bfs_block_size(block)) : NULL;
    if (!backed) {
        free(offer);
        return;
    }
    *offer = (struct offer){.job = {.run = run_offer},
                            .backed = backed,
                            .block = bfs_cache_ref(backing->cache, block),
                            .index = i};
    bfs_pool_submit(backing->pool, &offer->job, BFS_PRIORITY_FILL);
}

/* SPDX-License-Identifier: Apache-2.0
 * How a block of the cache gets its bytes: in a worker, together with others when many wait. */
#include "fs/cache_private.h"

#include "fs/chunk_log.h"

/* What a settled block leaves behind, to be dealt with after the mutex is released. */
struct settled {
    int status;
    struct bfs_waiter *waiters; /* a reference to the block is theirs each */
    struct bfs_file *file;      /* decoded chunks do not keep files, and so blobs, open */
};

/* Ends LOADING, with the mutex held. */
static struct settled settle(struct bfs_cache *cache, struct bfs_block *block, int status,
                             uint8_t *raw)
{
    struct settled settled = {.status = status, .waiters = block->waiters, .file = block->file};
    block->waiters = NULL;
    block->file = NULL;
    if (status) {
        block->state = BFS_BLOCK_DROPPED;
        bfs_cache_unhash(cache, block);
        if (raw)
            bfs_slab_release(&cache->slab, raw, block->chunk.raw_size);
    } else {
        block->state = BFS_BLOCK_READY;
        block->raw = raw;
        for (struct bfs_waiter *waiter = settled.waiters; waiter; waiter = waiter->next)
            block->references++;
    }
    return settled;
}

/* Calls who waits; the block is loaded with a reference of the caller. */
static void wake(const struct settled *settled, struct bfs_block *block)
{
    for (struct bfs_waiter *waiter = settled->waiters, *next; waiter; waiter = next) {
        next = waiter->next; /* done() may free it */
        waiter->done(waiter, settled->status, settled->status ? NULL : block);
    }
}

static void offer(const struct settled *settled, struct bfs_block *block)
{
    const struct bfs_cache *cache = block->cache;
    if (settled->status == 0 && cache->copies)
        cache->copies->decoded(cache->copies_context, settled->file, block->index, block);
}

/* Takes the block over for loading, with a reference; false when another job did. */
static bool take_over(struct bfs_cache *cache, struct bfs_block *block)
{
    (void)pthread_mutex_lock(&cache->mutex);
    bool ours = !block->started;
    if (ours) {
        block->started = true;
        block->references++;
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return ours;
}

/* Memory for the chunk. When there is none, the block is settled under the same lock: nobody may
 * join it any more. */
static uint8_t *make_room(struct bfs_cache *cache, struct bfs_block *block, bool stopping,
                          struct settled *ret_settled)
{
    uint8_t *raw = NULL;
    (void)pthread_mutex_lock(&cache->mutex);
    if (!stopping)
        raw = bfs_cache_allocate(cache, block->chunk.raw_size, block->waiters != NULL);
    if (!raw)
        *ret_settled = settle(cache, block, stopping ? -ESHUTDOWN : -ENOMEM, NULL);
    (void)pthread_mutex_unlock(&cache->mutex);
    return raw;
}

static bool is_needed(const struct bfs_block *block)
{
    const struct bfs_waiter *waiter = block->waiters;
    while (waiter && waiter->is_needed && !waiter->is_needed(waiter))
        waiter = waiter->next;
    return waiter || !block->waiters; /* without waiters it is read-ahead */
}

/* Settles a block whose readers were all answered at their deadline. After the store hung, live
 * reads would wait behind such blocks. */
static bool drop_unneeded(struct bfs_block *block)
{
    struct bfs_cache *cache = block->cache;
    struct settled settled = {0};
    (void)pthread_mutex_lock(&cache->mutex);
    bool needed = is_needed(block);
    if (!needed)
        settled = settle(cache, block, -ETIMEDOUT, NULL);
    (void)pthread_mutex_unlock(&cache->mutex);
    if (needed)
        return false;
    wake(&settled, block);
    (void)bfs_file_unref(settled.file);
    return true;
}

/* What a worker has taken over and not loaded yet. */
struct batch {
    struct bfs_block *blocks[BFS_CHUNKS_MAX];
    struct bfs_chunk_want wants[BFS_CHUNKS_MAX];
    struct bfs_blob_state states[BFS_CHUNKS_MAX]; /* when proofs are remembered */
    size_t n;
    size_t stored_size;
};

static void remember(struct bfs_cache *cache, const struct batch *batch, size_t k)
{
    const struct bfs_chunk_want *want = &batch->wants[k];
    if (cache->proofs && !want->is_proved)
        bfs_proofs_add(cache->proofs, want->file, want->index, &batch->states[k]);
}

/* The k-th of what the reader has fetched; `reader` NULL: the pool is stopping. */
static void take_chunk(const struct batch *batch, size_t k, struct bfs_chunk_reader *reader)
{
    struct bfs_block *block = batch->blocks[k];
    struct bfs_cache *cache = block->cache;
    struct settled settled = {0};
    struct bfs_error error = {0};
    uint8_t *raw = make_room(cache, block, !reader, &settled);
    if (raw) {
        int status = bfs_file_take_chunk(reader, k, &batch->wants[k], raw, &error);
        if (status) {
            bfs_log_chunk(cache->log, cache->metrics, block->file, status, &error);
        } else {
            bfs_decoded_count(cache->decoded, &block->chunk, batch->wants[k].is_proved);
            remember(cache, batch, k);
        }
        (void)pthread_mutex_lock(&cache->mutex);
        settled = settle(cache, block, status, raw);
        (void)pthread_mutex_unlock(&cache->mutex);
    }
    wake(&settled, block);
    offer(&settled, block);
    (void)bfs_file_unref(settled.file);
}

/* Takes the chunk from where it is kept decoded; false: it is not, or not well. */
static bool take_copy(struct bfs_block *block)
{
    struct bfs_cache *cache = block->cache;
    struct settled settled = {0};
    if (!cache->copies || !cache->copies->has(cache->copies_context, block->file, block->index))
        return false;
    uint8_t *raw = make_room(cache, block, false, &settled);
    int r = raw ? cache->copies->read(cache->copies_context, block->file, block->index, raw) : 0;
    (void)pthread_mutex_lock(&cache->mutex);
    if (r)
        bfs_slab_release(&cache->slab, raw, block->chunk.raw_size);
    else if (raw)
        settled = settle(cache, block, 0, raw);
    (void)pthread_mutex_unlock(&cache->mutex);
    if (r)
        return false;
    wake(&settled, block);
    (void)bfs_file_unref(settled.file);
    return true;
}

/* Ends a job on the block. */
static void leave(struct bfs_block *block, bool ours)
{
    struct bfs_cache *cache = block->cache;
    (void)pthread_mutex_lock(&cache->mutex);
    if (ours)
        bfs_cache_unreference(cache, block);
    block->n_jobs--;
    bfs_cache_collect(block);
    (void)pthread_mutex_unlock(&cache->mutex);
}

static void add_to_batch(struct batch *batch, struct bfs_block *block)
{
    struct bfs_cache *cache = block->cache;
    size_t k = batch->n++;
    batch->blocks[k] = block;
    batch->stored_size += block->chunk.stored_size;
    batch->wants[k] = (struct bfs_chunk_want){.file = block->file, .index = block->index};
    if (cache->proofs)
        batch->wants[k].is_proved =
            bfs_proofs_has(cache->proofs, block->file, block->index, &batch->states[k]);
}

/* All chunks are proved together; each is decoded, and whoever waits for it is called, before the
 * next one is. */
static void load_batch(struct batch *batch, struct bfs_chunk_reader *reader)
{
    if (reader && batch->n > 0)
        bfs_file_fetch_chunks(reader, batch->wants, batch->n);
    for (size_t i = 0; i < batch->n; i++) {
        take_chunk(batch, i, reader);
        leave(batch->blocks[i], true);
    }
    batch->n = 0;
    batch->stored_size = 0;
}

/* Runs in a worker. */
static void load(struct bfs_job *jobs[], size_t n, struct bfs_chunk_reader *reader)
{
    struct batch batch = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        struct bfs_block *block = ((struct bfs_block_job *)jobs[i])->block;
        size_t stored_size = block->chunk.stored_size;
        if (batch.stored_size + stored_size > block->cache->together)
            load_batch(&batch, reader);
        if (!take_over(block->cache, block)) {
            leave(block, false);
            continue;
        }
        if (reader && (drop_unneeded(block) || take_copy(block)))
            leave(block, true);
        else
            add_to_batch(&batch, block);
    }
    load_batch(&batch, reader);
}

static void load_one(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    load(&job, 1, reader);
}

const struct bfs_job bfs_cache_loading = {.run = load_one, .run_together = load};

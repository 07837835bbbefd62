/* SPDX-License-Identifier: Apache-2.0
 * One mutex for the hash, the list of unreferenced blocks and the slab: each is held for well below
 * a microsecond, against a hundred for decoding a chunk. */
#include "fs/area.h"
#include "fs/cache_private.h"

#include <string.h>
#include <sys/random.h>

enum {
    /* Sixteen ordinary chunks; more would leave the processor's cache. */
    TOGETHER_MAX = 4 << 20,
    /* Of all workers: this memory comes on top of the cache's limit. */
    TOGETHER_OF_ALL = 32 << 20,
    PASSED_ROOM = 64 << 20,
};

const uint8_t *bfs_block_bytes(const struct bfs_block *block)
{
    return block->raw;
}

uint32_t bfs_block_size(const struct bfs_block *block)
{
    return block->chunk.raw_size;
}

size_t bfs_cache_limit(const struct bfs_cache *cache)
{
    return cache->limit;
}

size_t bfs_cache_limit_now(const struct bfs_cache *cache)
{
    size_t tables = bfs_file_tables_size();
    size_t taken = tables > BFS_CACHE_TABLES_FREE ? tables - BFS_CACHE_TABLES_FREE : 0;
    size_t least = cache->limit < BFS_CACHE_SIZE_MIN ? cache->limit : BFS_CACHE_SIZE_MIN;
    size_t bound = atomic_load(&cache->bound);
    size_t limit = taken < cache->limit - least ? cache->limit - taken : least;
    if (limit > bound)
        limit = bound > least ? bound : least;
    return limit;
}

void bfs_cache_bound(struct bfs_cache *cache, size_t bound)
{
    atomic_store(&cache->bound, bound);
}

size_t bfs_cache_together(const struct bfs_cache *cache)
{
    return cache->together;
}

void bfs_cache_count_decoded(struct bfs_cache *cache, const struct bfs_chunk *chunk,
                             bool was_proved)
{
    bfs_decoded_count(cache->decoded, chunk, was_proved);
}

void bfs_cache_set_proofs(struct bfs_cache *cache, struct bfs_proofs *proofs)
{
    cache->proofs = proofs;
}

void bfs_cache_set_copies(struct bfs_cache *cache, const struct bfs_cache_copies *copies,
                          void *context)
{
    cache->copies = copies;
    cache->copies_context = context;
}

static bool is_same(const struct bfs_chunk *a, const struct bfs_chunk *b)
{
    return bfs_digest_equal(&a->digest, &b->digest) && bfs_xxh128_equal(&a->check, &b->check) &&
           a->raw_size == b->raw_size && a->stored_size == b->stored_size &&
           bfs_encoding_equal(a->encoding, b->encoding);
}

static struct bfs_block **bucket_of(struct bfs_cache *cache, const struct bfs_chunk *chunk)
{
    uint64_t check, digest;
    /* Both: all-zero chunks of all sizes share a digest of their stored bytes. */
    memcpy(&check, chunk->check.bytes, sizeof(check));
    memcpy(&digest, chunk->digest.bytes, sizeof(digest));
    uint64_t key = check * cache->keys[0] + digest * cache->keys[1];
    return &cache->buckets[key >> 32 & (cache->n_buckets - 1)];
}

/* A decoded chunk; or one that is being loaded for the same file: another file may have the chunk
 * at a damaged place, and its failure must not become this one's. */
static struct bfs_block *find(struct bfs_cache *cache, const struct bfs_chunk *chunk,
                              const struct bfs_file *file)
{
    struct bfs_block *block = *bucket_of(cache, chunk);
    while (block && !((block->state == BFS_BLOCK_READY || block->file == file) &&
                      is_same(&block->chunk, chunk)))
        block = block->hash_next;
    return block;
}

void bfs_cache_unhash(struct bfs_cache *cache, struct bfs_block *block)
{
    struct bfs_block **at = bucket_of(cache, &block->chunk);
    while (*at != block)
        at = &(*at)->hash_next;
    *at = block->hash_next;
}

static void list_add(struct bfs_cache *cache, struct bfs_block *block)
{
    block->older = cache->newest;
    block->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = block;
    cache->newest = block;
}

/* At the other end: the next to go. */
static void list_add_oldest(struct bfs_cache *cache, struct bfs_block *block)
{
    block->newer = cache->oldest;
    block->older = NULL;
    *(cache->oldest ? &cache->oldest->older : &cache->newest) = block;
    cache->oldest = block;
}

static bool is_delivered(const struct bfs_block *block)
{
    return block->delivered >= block->chunk.raw_size;
}

static void list_remove(struct bfs_cache *cache, struct bfs_block *block)
{
    *(block->older ? &block->older->newer : &cache->oldest) = block->newer;
    *(block->newer ? &block->newer->older : &cache->newest) = block->older;
}

static void release_memory(struct bfs_cache *cache, struct bfs_block *block)
{
    if (block->raw)
        bfs_slab_release(&cache->slab, block->raw, block->chunk.raw_size);
    block->raw = NULL;
}

/* Frees a block that nobody can reach any more, with the mutex held. */
void bfs_cache_collect(struct bfs_block *block)
{
    if (block->state == BFS_BLOCK_DROPPED && block->references == 0 && block->n_jobs == 0)
        free(block);
}

static void evict_oldest(struct bfs_cache *cache)
{
    struct bfs_block *block = cache->oldest;
    list_remove(cache, block);
    bfs_cache_unhash(cache, block);
    release_memory(cache, block);
    block->state = BFS_BLOCK_DROPPED;
    bfs_cache_collect(block);
    bfs_metric_add(cache->metrics, BFS_METRIC_EVICTIONS, 1);
}

/* Without huge pages, growing costs more than decoding again for a reader who comes late. With them
 * it does not: what has been read directly stays for such readers until the cache is full. */
static size_t passed_room(void)
{
    return bfs_area_has_huge() ? SIZE_MAX : PASSED_ROOM;
}

static bool goes_before_growth(const struct bfs_cache *cache, const struct bfs_block *block)
{
    return is_delivered(block) || (block->is_passed && cache->slab.mapped >= cache->passed_room);
}

/* Gives back what demand took beyond the limit, with the mutex held. */
static void shrink(struct bfs_cache *cache)
{
    size_t limit = bfs_cache_limit_now(cache);
    if (cache->slab.mapped <= limit)
        return;
    while (cache->slab.in_use > limit && cache->oldest)
        evict_oldest(cache);
    bfs_slab_trim(&cache->slab, limit);
    while (cache->slab.mapped > limit && cache->oldest) {
        evict_oldest(cache);
        bfs_slab_trim(&cache->slab, limit);
    }
}

/* Room for a chunk, with the mutex held. Demand may go over the limit when everything is in use:
 * the readers that are admitted at once are bounded elsewhere, and must not wait for each other. */
uint8_t *bfs_cache_allocate(struct bfs_cache *cache, uint32_t size, bool demanded)
{
    /* Reuse before mapping more: fresh memory costs page faults, and misses in every cache. */
    if (cache->oldest && goes_before_growth(cache, cache->oldest))
        evict_oldest(cache);
    uint8_t *raw = bfs_slab_alloc(&cache->slab, size, bfs_cache_limit_now(cache));
    while (!raw && cache->oldest) {
        evict_oldest(cache);
        raw = bfs_slab_alloc(&cache->slab, size, bfs_cache_limit_now(cache));
    }
    if (!raw && demanded) /* just as much, not a whole area */
        raw = bfs_slab_alloc(&cache->slab, size, cache->slab.mapped + bfs_slab_round(size));
    bfs_cache_ask_for_spare(cache);
    return raw;
}

/* Drops one reference, with the mutex held. */
void bfs_cache_unreference(struct bfs_cache *cache, struct bfs_block *block)
{
    if (--block->references > 0)
        return;
    if (block->state != BFS_BLOCK_READY)
        bfs_cache_collect(block);
    else if (is_delivered(block))
        list_add_oldest(cache, block);
    else
        list_add(cache, block);
    shrink(cache);
}

void bfs_cache_put(struct bfs_cache *cache, struct bfs_block *block)
{
    (void)pthread_mutex_lock(&cache->mutex);
    bfs_cache_unreference(cache, block);
    (void)pthread_mutex_unlock(&cache->mutex);
}

static void reference(struct bfs_cache *cache, struct bfs_block *block)
{
    block->is_passed = false;
    if (block->references++ == 0)
        list_remove(cache, block);
}

void bfs_cache_put_delivered(struct bfs_cache *cache, struct bfs_block *block, size_t bytes)
{
    (void)pthread_mutex_lock(&cache->mutex);
    block->delivered += bytes;
    bfs_cache_unreference(cache, block);
    (void)pthread_mutex_unlock(&cache->mutex);
}

void bfs_cache_let_go(struct bfs_cache *cache, const struct bfs_file *file, uint32_t first,
                      uint32_t n)
{
    if (n == 0)
        return;
    (void)pthread_mutex_lock(&cache->mutex);
    for (uint32_t i = first; i < first + n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), i);
        struct bfs_block *block = find(cache, &chunk, file);
        if (!block || block->state != BFS_BLOCK_READY || block->references > 0)
            continue;
        list_remove(cache, block);
        block->is_passed = true;
        list_add_oldest(cache, block);
    }
    (void)pthread_mutex_unlock(&cache->mutex);
}

/* A block that is LOADING, in the hash, with its job; the mutex is held. */
static struct bfs_block *new_block(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                                   const struct bfs_chunk *chunk)
{
    struct bfs_block *block = calloc(1, sizeof(*block));
    if (!block)
        return NULL;
    *block = (struct bfs_block){.cache = cache,
                                .chunk = *chunk,
                                .file = bfs_file_ref(file),
                                .index = i,
                                .state = BFS_BLOCK_LOADING,
                                .n_jobs = 1,
                                .job = {bfs_cache_loading, block},
                                .urgent_job = {bfs_cache_loading, block}};
    struct bfs_block **bucket = bucket_of(cache, chunk);
    block->hash_next = *bucket;
    *bucket = block;
    return block;
}

/* With the mutex held; *ret_job is what to submit after releasing it, or NULL. */
static int get_locked(struct bfs_cache *cache, struct bfs_file *file, uint32_t i, bool demanded,
                      struct bfs_waiter *waiter, struct bfs_block **ret, struct bfs_job **ret_job)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), i);
    struct bfs_block *block = find(cache, &chunk, file);
    if (block && block->state == BFS_BLOCK_READY) {
        reference(cache, block);
        bfs_metric_add(cache->metrics, BFS_METRIC_CACHE_HITS, demanded);
        *ret = block;
        return 1;
    }
    bfs_metric_add(cache->metrics, BFS_METRIC_CACHE_MISSES, demanded);
    if (!block) {
        block = new_block(cache, file, i, &chunk);
        if (!block)
            return -ENOMEM;
        block->urgent = demanded;
        *ret_job = &block->job.job;
    } else if (demanded && !block->urgent && !block->started) {
        block->urgent = true;
        block->n_jobs++;
        *ret_job = &block->urgent_job.job;
    }
    waiter->next = block->waiters;
    block->waiters = waiter;
    return 0;
}

static int get(struct bfs_cache *cache, struct bfs_file *file, uint32_t i, bool demanded,
               struct bfs_waiter *waiter, struct bfs_block **ret)
{
    struct bfs_job *job = NULL;
    (void)pthread_mutex_lock(&cache->mutex);
    int r = get_locked(cache, file, i, demanded, waiter, ret, &job);
    (void)pthread_mutex_unlock(&cache->mutex);
    if (job)
        bfs_pool_submit(cache->pool, job, demanded ? BFS_PRIORITY_DEMAND : BFS_PRIORITY_FILL);
    return r;
}

int bfs_cache_get(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                  struct bfs_waiter *waiter, struct bfs_block **ret)
{
    return get(cache, file, i, true, waiter, ret);
}

int bfs_cache_get_later(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                        struct bfs_waiter *waiter, struct bfs_block **ret)
{
    return get(cache, file, i, false, waiter, ret);
}

struct bfs_block *bfs_cache_ref(struct bfs_cache *cache, struct bfs_block *block)
{
    (void)pthread_mutex_lock(&cache->mutex);
    block->references++;
    (void)pthread_mutex_unlock(&cache->mutex);
    return block;
}

void bfs_cache_prefetch(struct bfs_cache *cache, struct bfs_file *file, const uint32_t chunks[],
                        size_t n, enum bfs_priority priority)
{
    struct bfs_job *first = NULL, **last = &first;
    uint64_t n_new = 0;
    (void)pthread_mutex_lock(&cache->mutex);
    for (size_t i = 0; i < n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), chunks[i]);
        struct bfs_block *block =
            find(cache, &chunk, file) ? NULL : new_block(cache, file, chunks[i], &chunk);
        if (!block)
            continue;
        *last = &block->job.job;
        last = &block->job.job.next;
        n_new++;
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    bfs_metric_add(cache->metrics, BFS_METRIC_CHUNKS_AHEAD, n_new);
    bfs_pool_submit_all(cache->pool, first, priority);
}

bool bfs_cache_has(struct bfs_cache *cache, const struct bfs_chunk *chunk)
{
    (void)pthread_mutex_lock(&cache->mutex);
    bool has = find(cache, chunk, NULL) != NULL;
    (void)pthread_mutex_unlock(&cache->mutex);
    return has;
}

struct bfs_block *bfs_cache_peek(struct bfs_cache *cache, const struct bfs_chunk *chunk)
{
    (void)pthread_mutex_lock(&cache->mutex);
    struct bfs_block *block = find(cache, chunk, NULL);
    if (block)
        reference(cache, block);
    (void)pthread_mutex_unlock(&cache->mutex);
    return block;
}

uint8_t *bfs_cache_take_room(struct bfs_cache *cache, uint32_t size)
{
    (void)pthread_mutex_lock(&cache->mutex);
    uint8_t *room = bfs_cache_allocate(cache, size, false);
    (void)pthread_mutex_unlock(&cache->mutex);
    return room;
}

void bfs_cache_give_room(struct bfs_cache *cache, uint8_t *room, uint32_t size)
{
    (void)pthread_mutex_lock(&cache->mutex);
    bfs_slab_release(&cache->slab, room, size);
    shrink(cache);
    (void)pthread_mutex_unlock(&cache->mutex);
}

void bfs_cache_shrink(struct bfs_cache *cache)
{
    (void)pthread_mutex_lock(&cache->mutex);
    shrink(cache);
    (void)pthread_mutex_unlock(&cache->mutex);
}

size_t bfs_cache_size(struct bfs_cache *cache)
{
    (void)pthread_mutex_lock(&cache->mutex);
    size_t size = cache->slab.mapped;
    (void)pthread_mutex_unlock(&cache->mutex);
    return size;
}

int bfs_cache_new(size_t limit, struct bfs_pool *pool, struct bfs_metrics *metrics,
                  const struct bfs_log *log, struct bfs_cache **ret)
{
    BFS_CLEANUP(bfs_cache_cleanup) struct bfs_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return -ENOMEM;
    cache->limit = limit;
    cache->passed_room = passed_room();
    atomic_init(&cache->bound, SIZE_MAX);
    cache->together = TOGETHER_OF_ALL / bfs_pool_n_workers(pool);
    if (cache->together > TOGETHER_MAX)
        cache->together = TOGETHER_MAX;
    cache->pool = pool;
    cache->metrics = metrics;
    cache->log = log;
    /* Without entropy this early in a boot, the keys are merely not secret. */
    (void)!getrandom(cache->keys, sizeof(cache->keys), GRND_NONBLOCK);
    cache->keys[0] |= 1;
    cache->keys[1] |= 1;
    (void)pthread_mutex_init(&cache->mutex, NULL);
    (void)pthread_cond_init(&cache->spare_wanted, NULL);
    cache->n_buckets = 1024;
    while (cache->n_buckets < limit / (64 << 10)) /* as many as there can be small chunks */
        cache->n_buckets *= 2;
    cache->buckets = calloc(cache->n_buckets, sizeof(struct bfs_block *));
    if (!cache->buckets || bfs_decoded_new(metrics, &cache->decoded))
        return -ENOMEM;
    int r = bfs_cache_start_spare_maker(cache);
    if (r)
        return r;
    *ret = bfs_steal(&cache);
    return 0;
}

struct bfs_cache *bfs_cache_free(struct bfs_cache *cache)
{
    if (!cache)
        return NULL;
    bfs_cache_stop_spare_maker(cache);
    while (cache->oldest) {
        struct bfs_block *block = cache->oldest;
        list_remove(cache, block);
        release_memory(cache, block);
        free(block);
    }
    bfs_slab_trim(&cache->slab, 0);
    (void)pthread_cond_destroy(&cache->spare_wanted);
    (void)bfs_decoded_free(cache->decoded);
    free(cache->buckets);
    (void)pthread_mutex_destroy(&cache->mutex);
    free(cache);
    return NULL;
}

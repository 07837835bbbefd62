/* SPDX-License-Identifier: Apache-2.0
 * One mutex for the hash, the list of unreferenced blocks and the slab: each is held for well below
 * a microsecond, against a hundred for decoding a chunk. */
#include "fs/cache.h"

#include "fs/slab.h"

#include <pthread.h>
#include <string.h>
#include <sys/random.h>

enum state {
    LOADING,
    READY,
    DROPPED, /* not in the hash any more: it failed, or was evicted */
};

struct bfs_block {
    struct bfs_cache *cache;
    struct bfs_chunk chunk; /* its identity, and where this file has it */
    struct bfs_file *file;  /* a reference until the block is settled */
    uint32_t index;

    /* All below is protected by the cache's mutex. */
    enum state state;
    bool started;        /* a worker is or was on it */
    unsigned references; /* of users and the loading worker */
    unsigned n_jobs; /* queued or running: they keep this object, but not the memory of the chunk */
    uint8_t *raw;
    uint64_t delivered; /* bytes that are in the kernel's page cache; more when read twice */
    struct bfs_waiter *waiters;
    struct bfs_block *hash_next;
    struct bfs_block *older, *newer; /* while READY and unreferenced */

    /* A prefetch that waits in its queue is overtaken by a second job when somebody asks. */
    struct bfs_job job;
    struct bfs_job urgent_job;
    bool urgent;
};

struct bfs_cache {
    size_t limit;
    struct bfs_pool *pool;
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    uint64_t keys[2]; /* secret, so that no chunk table can fill one bucket */
    pthread_mutex_t mutex;
    struct bfs_block **buckets; /* protected by mutex, like all below */
    size_t n_buckets;           /* a power of two */
    struct bfs_block *oldest, *newest;
    struct bfs_slab slab;
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
    while (block &&
           !((block->state == READY || block->file == file) && is_same(&block->chunk, chunk)))
        block = block->hash_next;
    return block;
}

static void unhash(struct bfs_cache *cache, struct bfs_block *block)
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
static void collect(struct bfs_block *block)
{
    if (block->state == DROPPED && block->references == 0 && block->n_jobs == 0)
        free(block);
}

static void evict_oldest(struct bfs_cache *cache)
{
    struct bfs_block *block = cache->oldest;
    list_remove(cache, block);
    unhash(cache, block);
    release_memory(cache, block);
    block->state = DROPPED;
    collect(block);
    bfs_metric_add(cache->metrics, BFS_METRIC_EVICTIONS, 1);
}

/* Gives back what demand took beyond the limit, with the mutex held. */
static void shrink(struct bfs_cache *cache)
{
    if (cache->slab.mapped > cache->limit)
        bfs_slab_trim(&cache->slab);
    while (cache->slab.mapped > cache->limit && cache->oldest) {
        evict_oldest(cache);
        bfs_slab_trim(&cache->slab);
    }
}

/* Room for a chunk, with the mutex held. Demand may go over the limit when everything is in use:
 * the readers that are admitted at once are bounded elsewhere, and must not wait for each other. */
static uint8_t *allocate(struct bfs_cache *cache, uint32_t size, bool demanded)
{
    /* Reuse before mapping more: fresh memory costs page faults, and misses in every cache. */
    if (cache->oldest && is_delivered(cache->oldest))
        evict_oldest(cache);
    for (;;) {
        uint8_t *raw = bfs_slab_alloc(&cache->slab, size, cache->limit);
        if (raw)
            return raw;
        if (!cache->oldest)
            return demanded ? bfs_slab_alloc(&cache->slab, size, SIZE_MAX) : NULL;
        evict_oldest(cache);
    }
}

/* Drops one reference, with the mutex held. */
static void unreference(struct bfs_cache *cache, struct bfs_block *block)
{
    if (--block->references > 0)
        return;
    if (block->state != READY)
        collect(block);
    else if (is_delivered(block))
        list_add_oldest(cache, block);
    else
        list_add(cache, block);
    shrink(cache);
}

void bfs_cache_put(struct bfs_cache *cache, struct bfs_block *block)
{
    (void)pthread_mutex_lock(&cache->mutex);
    unreference(cache, block);
    (void)pthread_mutex_unlock(&cache->mutex);
}

static void reference(struct bfs_cache *cache, struct bfs_block *block)
{
    if (block->references++ == 0)
        list_remove(cache, block);
}

void bfs_cache_put_delivered(struct bfs_cache *cache, struct bfs_block *block, size_t bytes)
{
    (void)pthread_mutex_lock(&cache->mutex);
    block->delivered += bytes;
    unreference(cache, block);
    (void)pthread_mutex_unlock(&cache->mutex);
}

static void log_failure(struct bfs_cache *cache, struct bfs_block *block, int status,
                        const struct bfs_error *error)
{
    struct bfs_bundle *bundle = bfs_file_bundle(block->file);
    char name[BFS_REFERENCE_MAX + 1], text[BFS_ERROR_TEXT_SIZE], hex[BFS_DIGEST_HEX_SIZE];
    bfs_autofree char *path = bfs_index_path(bfs_bundle_index(bundle), bfs_file_inode(block->file));
    if (status == -EBADMSG || status == -EPROTONOSUPPORT)
        bfs_metric_add(cache->metrics, BFS_METRIC_CORRUPT_CHUNKS, 1);
    bfs_log(cache->log, BFS_LOG_ERROR, "%s (%.12s): %s: %s",
            bfs_reference_text(&bfs_bundle_config(bundle)->reference, name),
            bfs_digest_hex(bfs_bundle_id(bundle), hex), path ? path : "?",
            bfs_error_text(error, text));
}

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
        block->state = DROPPED;
        unhash(cache, block);
        if (raw)
            bfs_slab_release(&cache->slab, raw, block->chunk.raw_size);
    } else {
        block->state = READY;
        block->raw = raw;
        for (struct bfs_waiter *waiter = settled.waiters; waiter; waiter = waiter->next)
            block->references++;
    }
    return settled;
}

static void wake(const struct settled *settled, struct bfs_block *block)
{
    for (struct bfs_waiter *waiter = settled->waiters, *next; waiter; waiter = next) {
        next = waiter->next; /* done() may free it */
        waiter->done(waiter, settled->status, settled->status ? NULL : block);
    }
    (void)bfs_file_unref(settled->file);
}

static void count_decoded(struct bfs_cache *cache, const struct bfs_block *block)
{
    bfs_metric_add(cache->metrics, BFS_METRIC_CHUNKS_DECODED, 1);
    bfs_metric_add(cache->metrics, BFS_METRIC_DECODED_BYTES, block->chunk.raw_size);
    bfs_metric_add(cache->metrics, BFS_METRIC_STORED_BYTES, block->chunk.stored_size);
}

/* Takes the block over for loading, with a reference and the memory it needs; false when another
 * job did. A block that cannot be loaded is settled under the same lock: nobody may join it any
 * more. */
static bool take_over(struct bfs_cache *cache, struct bfs_block *block, bool stopping,
                      uint8_t **ret_raw, struct settled *ret_settled)
{
    (void)pthread_mutex_lock(&cache->mutex);
    bool ours = !block->started;
    if (ours) {
        block->started = true;
        block->references++;
        if (!stopping)
            *ret_raw = allocate(cache, block->chunk.raw_size, block->waiters != NULL);
        if (!*ret_raw)
            *ret_settled = settle(cache, block, stopping ? -ESHUTDOWN : -ENOMEM, NULL);
    }
    (void)pthread_mutex_unlock(&cache->mutex);
    return ours;
}

static struct settled read_chunk(struct bfs_cache *cache, struct bfs_block *block,
                                 struct bfs_chunk_reader *reader, uint8_t *raw)
{
    struct bfs_error error = {0};
    int status = bfs_file_read_chunk(block->file, reader, block->index, raw, &error);
    if (status)
        log_failure(cache, block, status, &error);
    else
        count_decoded(cache, block);
    (void)pthread_mutex_lock(&cache->mutex);
    struct settled settled = settle(cache, block, status, raw);
    (void)pthread_mutex_unlock(&cache->mutex);
    return settled;
}

/* Runs in a worker. */
static void load(struct bfs_block *block, struct bfs_chunk_reader *reader)
{
    struct bfs_cache *cache = block->cache;
    struct settled settled = {0};
    uint8_t *raw = NULL;
    bool ours = take_over(cache, block, !reader, &raw, &settled);
    if (raw)
        settled = read_chunk(cache, block, reader, raw);
    wake(&settled, block);
    (void)pthread_mutex_lock(&cache->mutex);
    if (ours)
        unreference(cache, block);
    block->n_jobs--;
    collect(block);
    (void)pthread_mutex_unlock(&cache->mutex);
}

static void run_job(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    load((struct bfs_block *)((char *)job - offsetof(struct bfs_block, job)), reader);
}

static void run_urgent_job(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    load((struct bfs_block *)((char *)job - offsetof(struct bfs_block, urgent_job)), reader);
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
                                .state = LOADING,
                                .n_jobs = 1,
                                .job = {.run = run_job},
                                .urgent_job = {.run = run_urgent_job}};
    struct bfs_block **bucket = bucket_of(cache, chunk);
    block->hash_next = *bucket;
    *bucket = block;
    return block;
}

/* With the mutex held; *ret_job is what to submit after releasing it, or NULL. */
static int get_locked(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                      struct bfs_waiter *waiter, struct bfs_block **ret, struct bfs_job **ret_job)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), i);
    struct bfs_block *block = find(cache, &chunk, file);
    if (block && block->state == READY) {
        reference(cache, block);
        bfs_metric_add(cache->metrics, BFS_METRIC_CACHE_HITS, 1);
        *ret = block;
        return 1;
    }
    bfs_metric_add(cache->metrics, BFS_METRIC_CACHE_MISSES, 1);
    if (!block) {
        block = new_block(cache, file, i, &chunk);
        if (!block)
            return -ENOMEM;
        block->urgent = true;
        *ret_job = &block->job;
    } else if (!block->urgent && !block->started) {
        block->urgent = true;
        block->n_jobs++;
        *ret_job = &block->urgent_job;
    }
    waiter->next = block->waiters;
    block->waiters = waiter;
    return 0;
}

int bfs_cache_get(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                  struct bfs_waiter *waiter, struct bfs_block **ret)
{
    struct bfs_job *job = NULL;
    (void)pthread_mutex_lock(&cache->mutex);
    int r = get_locked(cache, file, i, waiter, ret, &job);
    (void)pthread_mutex_unlock(&cache->mutex);
    if (job)
        bfs_pool_submit(cache->pool, job, BFS_PRIORITY_DEMAND);
    return r;
}

void bfs_cache_prefetch(struct bfs_cache *cache, struct bfs_file *file, uint32_t i)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), i);
    (void)pthread_mutex_lock(&cache->mutex);
    struct bfs_block *block = find(cache, &chunk, file) ? NULL : new_block(cache, file, i, &chunk);
    (void)pthread_mutex_unlock(&cache->mutex);
    if (block) {
        bfs_metric_add(cache->metrics, BFS_METRIC_CHUNKS_AHEAD, 1);
        bfs_pool_submit(cache->pool, &block->job, BFS_PRIORITY_AHEAD);
    }
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
    cache->pool = pool;
    cache->metrics = metrics;
    cache->log = log;
    /* Without entropy this early in a boot, the keys are merely not secret. */
    (void)!getrandom(cache->keys, sizeof(cache->keys), GRND_NONBLOCK);
    cache->keys[0] |= 1;
    cache->keys[1] |= 1;
    (void)pthread_mutex_init(&cache->mutex, NULL);
    cache->n_buckets = 1024;
    while (cache->n_buckets < limit / (64 << 10)) /* as many as there can be small chunks */
        cache->n_buckets *= 2;
    cache->buckets = calloc(cache->n_buckets, sizeof(struct bfs_block *));
    if (!cache->buckets)
        return -ENOMEM;
    *ret = bfs_steal(&cache);
    return 0;
}

struct bfs_cache *bfs_cache_free(struct bfs_cache *cache)
{
    if (!cache)
        return NULL;
    while (cache->oldest) {
        struct bfs_block *block = cache->oldest;
        list_remove(cache, block);
        release_memory(cache, block);
        free(block);
    }
    bfs_slab_trim(&cache->slab);
    free(cache->buckets);
    (void)pthread_mutex_destroy(&cache->mutex);
    free(cache);
    return NULL;
}

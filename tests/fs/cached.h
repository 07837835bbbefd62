/* SPDX-License-Identifier: Apache-2.0
 * A cache over a file of a served model, and askers for its chunks. Included after cmocka.h. */
#ifndef BFS_TESTS_CACHED_H
#define BFS_TESTS_CACHED_H

#include "tests/fs/served.h"

#include <pthread.h>

static inline void prefetch(struct bfs_cache *cache, struct bfs_file *file, uint32_t chunk)
{
    bfs_cache_prefetch(cache, file, &chunk, 1, BFS_PRIORITY_AHEAD);
}

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

/* A cache and pool of the test's own over a file of a served model. */
struct fixture {
    struct served served;
    struct bfs_open_file *open;
    struct bfs_metrics metrics;
    struct bfs_pool *pool;
    struct bfs_cache *cache;
    uint8_t *source;
    size_t size;
};

static inline void set_up(struct fixture *fixture, size_t limit, unsigned n_workers)
{
    *fixture = (struct fixture){0};
    served_make(&fixture->served);
    fixture->open = served_open(&fixture->served, model);
    fixture->source = served_source(&fixture->served, "model.safetensors", &fixture->size);
    assert_int_equal(bfs_pool_new(n_workers, &fixture->pool), 0);
    assert_int_equal(bfs_cache_new(limit, fixture->pool, &fixture->metrics, &fixture->served.log,
                                   &fixture->cache),
                     0);
}

static inline void tear_down(struct fixture *fixture)
{
    (void)bfs_pool_free(fixture->pool);
    (void)bfs_cache_free(fixture->cache);
    bfs_files_unref(fixture->served.fs->files, fixture->open);
    free(fixture->source);
    served_done(&fixture->served);
}

static inline uint64_t metric(struct fixture *fixture, enum bfs_metric which)
{
    return bfs_metric_get(&fixture->metrics, which);
}

/* Somebody who wants a chunk. */
struct asker {
    struct bfs_waiter waiter;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned n_answers; /* protected by mutex, like the two below */
    int status;
    struct bfs_block *block;
};

static inline void answer(struct asker *asker, int status, struct bfs_block *block)
{
    (void)pthread_mutex_lock(&asker->mutex);
    asker->n_answers++;
    asker->status = status;
    asker->block = block;
    (void)pthread_cond_broadcast(&asker->answered);
    (void)pthread_mutex_unlock(&asker->mutex);
}

static inline void on_done(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    answer((struct asker *)waiter, status, block);
}

/* What bfs_cache_get() returned. */
static inline int try_ask(struct fixture *fixture, struct asker *asker, struct bfs_file *file,
                          uint32_t i)
{
    struct bfs_block *block = NULL;
    *asker = (struct asker){.waiter = {.done = on_done}};
    (void)pthread_mutex_init(&asker->mutex, NULL);
    (void)pthread_cond_init(&asker->answered, NULL);
    int r = bfs_cache_get(fixture->cache, file, i, &asker->waiter, &block);
    if (r == 1)
        answer(asker, 0, block);
    return r;
}

static inline void ask(struct fixture *fixture, struct asker *asker, struct bfs_file *file,
                       uint32_t i)
{
    int r = try_ask(fixture, asker, file, i);
    assert_true(r == 0 || r == 1);
}

static inline void await_answer(struct asker *asker)
{
    (void)pthread_mutex_lock(&asker->mutex);
    while (asker->n_answers == 0)
        (void)pthread_cond_wait(&asker->answered, &asker->mutex);
    (void)pthread_mutex_unlock(&asker->mutex);
}

static inline struct bfs_block *await(struct asker *asker, int status)
{
    await_answer(asker);
    assert_int_equal(asker->n_answers, 1);
    assert_int_equal(asker->status, status);
    assert_int_equal(asker->block != NULL, status == 0);
    return asker->block;
}

static inline bool is_chunk(const struct fixture *fixture, uint32_t i,
                            const struct bfs_block *block)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(fixture->open->file), i);
    return bfs_block_size(block) == chunk.raw_size &&
           memcmp(bfs_block_bytes(block), fixture->source + chunk.raw_off, chunk.raw_size) == 0;
}

static inline void check_block(const struct fixture *fixture, uint32_t i,
                               const struct bfs_block *block)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(fixture->open->file), i);
    assert_int_equal(bfs_block_size(block), chunk.raw_size);
    assert_memory_equal(bfs_block_bytes(block), fixture->source + chunk.raw_off, chunk.raw_size);
}

static inline struct bfs_block *get(struct fixture *fixture, uint32_t i)
{
    struct asker asker;
    ask(fixture, &asker, fixture->open->file, i);
    struct bfs_block *block = await(&asker, 0);
    check_block(fixture, i, block);
    return block;
}

/* In threads, where nothing can be asserted; NULL: it failed, or was not the chunk. */
static inline struct bfs_block *try_get(struct fixture *fixture, uint32_t i)
{
    struct asker asker;
    if (try_ask(fixture, &asker, fixture->open->file, i) < 0)
        return NULL;
    await_answer(&asker);
    if (asker.status || is_chunk(fixture, i, asker.block))
        return asker.block;
    bfs_cache_put(fixture->cache, asker.block);
    return NULL;
}

#endif

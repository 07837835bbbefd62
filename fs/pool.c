/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/pool.h"

#include "fs/clock.h"
#include "fs/thread.h"

struct queue {
    struct bfs_job *first;
    struct bfs_job **last; /* where the next one is linked */
};

struct bfs_pool {
    pthread_mutex_t mutex;
    pthread_cond_t submitted;
    struct queue queues[BFS_N_PRIORITIES]; /* protected by mutex, like all below */
    uint64_t n_queued;
    bool stopping;
    pthread_t *threads;
    struct bfs_chunk_reader **readers;
    uint64_t *started_ms; /* of each worker's job, 0 when it has none; protected by mutex */
    unsigned n_threads;
    unsigned n_started; /* protected by mutex: each worker takes a reader */
};

/* Called with the mutex held; NULL when nothing is queued. */
static struct bfs_job *take(struct bfs_pool *pool)
{
    for (int i = 0; i < BFS_N_PRIORITIES; i++) {
        struct queue *queue = &pool->queues[i];
        struct bfs_job *job = queue->first;
        if (!job)
            continue;
        queue->first = job->next;
        if (!queue->first)
            queue->last = &queue->first;
        pool->n_queued--;
        return job;
    }
    return NULL;
}

static void *run_worker(void *argument)
{
    struct bfs_pool *pool = argument;
    (void)pthread_mutex_lock(&pool->mutex);
    unsigned self = pool->n_started++;
    struct bfs_chunk_reader *reader = pool->readers[self];
    for (;;) {
        struct bfs_job *job = NULL;
        while (!pool->stopping && !(job = take(pool)))
            (void)pthread_cond_wait(&pool->submitted, &pool->mutex);
        if (!job)
            break;
        pool->started_ms[self] = bfs_now_ms();
        (void)pthread_mutex_unlock(&pool->mutex);
        job->run(job, reader);
        (void)pthread_mutex_lock(&pool->mutex);
        pool->started_ms[self] = 0;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

struct bfs_pool *bfs_pool_free(struct bfs_pool *pool)
{
    if (!pool)
        return NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->submitted);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->n_threads; i++)
        (void)pthread_join(pool->threads[i], NULL);
    for (struct bfs_job *job; (job = take(pool));)
        job->run(job, NULL);
    for (unsigned i = 0; pool->readers && pool->readers[i]; i++)
        (void)bfs_chunk_reader_free(pool->readers[i]);
    free(pool->readers);
    free(pool->started_ms);
    free(pool->threads);
    (void)pthread_mutex_destroy(&pool->mutex);
    (void)pthread_cond_destroy(&pool->submitted);
    free(pool);
    return NULL;
}

int bfs_pool_new(unsigned n_workers, struct bfs_pool **ret)
{
    BFS_CLEANUP(bfs_pool_cleanup) struct bfs_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->submitted, NULL);
    for (int i = 0; i < BFS_N_PRIORITIES; i++)
        pool->queues[i].last = &pool->queues[i].first;
    pool->threads = calloc(n_workers, sizeof(*pool->threads));
    pool->readers = calloc(n_workers + (size_t)1, sizeof(struct bfs_chunk_reader *));
    pool->started_ms = calloc(n_workers, sizeof(*pool->started_ms));
    if (!pool->threads || !pool->readers || !pool->started_ms)
        return -ENOMEM;
    for (unsigned i = 0; i < n_workers; i++) {
        int r = bfs_chunk_reader_new(&pool->readers[i]);
        if (r)
            return r;
    }
    for (; pool->n_threads < n_workers; pool->n_threads++) {
        int r = bfs_thread_start(&pool->threads[pool->n_threads], run_worker, pool);
        if (r)
            return r;
    }
    *ret = bfs_steal(&pool);
    return 0;
}

void bfs_pool_submit(struct bfs_pool *pool, struct bfs_job *job, enum bfs_priority priority)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    *pool->queues[priority].last = job;
    pool->queues[priority].last = &job->next;
    pool->n_queued++;
    (void)pthread_cond_signal(&pool->submitted);
    (void)pthread_mutex_unlock(&pool->mutex);
}

uint64_t bfs_pool_queued(struct bfs_pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    uint64_t n = pool->n_queued;
    (void)pthread_mutex_unlock(&pool->mutex);
    return n;
}

uint64_t bfs_pool_longest_ms(struct bfs_pool *pool)
{
    uint64_t longest = 0, now = bfs_now_ms();
    (void)pthread_mutex_lock(&pool->mutex);
    for (unsigned i = 0; i < pool->n_threads; i++)
        if (pool->started_ms[i] && now > pool->started_ms[i] && now - pool->started_ms[i] > longest)
            longest = now - pool->started_ms[i];
    (void)pthread_mutex_unlock(&pool->mutex);
    return longest;
}

unsigned bfs_pool_n_workers(const struct bfs_pool *pool)
{
    return pool->n_threads;
}

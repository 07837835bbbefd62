/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/pool.h"

#include "fs/clock.h"
#include "fs/thread.h"

#include <limits.h>

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
    unsigned n_idle;    /* workers that wait for jobs; protected by mutex */
    unsigned n_started; /* protected by mutex: each worker takes a reader */
};

/* The next one, with the mutex held; NULL when nothing is queued. */
static struct bfs_job *peek(const struct bfs_pool *pool, int *ret_priority)
{
    for (int i = 0; i < BFS_N_PRIORITIES; i++)
        if (pool->queues[i].first) {
            *ret_priority = i;
            return pool->queues[i].first;
        }
    return NULL;
}

static struct bfs_job *take(struct bfs_pool *pool)
{
    int priority;
    struct bfs_job *job = peek(pool, &priority);
    if (!job)
        return NULL;
    struct queue *queue = &pool->queues[priority];
    queue->first = job->next;
    if (!queue->first)
        queue->last = &queue->first;
    pool->n_queued--;
    return job;
}

/* The next ones that can be run together, and no more than leaves as many to every worker that has
 * nothing to do. */
static size_t take_several(struct bfs_pool *pool, struct bfs_job *ret[BFS_CHUNKS_MAX])
{
    size_t share = (pool->n_queued + pool->n_idle) / (pool->n_idle + 1), n = 0;
    int priority;
    ret[n] = take(pool);
    if (!ret[n++])
        return 0;
    while (ret[0]->run_together && n < share && n < BFS_CHUNKS_MAX) {
        const struct bfs_job *next = peek(pool, &priority);
        if (!next || next->run_together != ret[0]->run_together)
            break;
        ret[n++] = take(pool);
    }
    return n;
}

static void *run_worker(void *argument)
{
    struct bfs_pool *pool = argument;
    (void)pthread_mutex_lock(&pool->mutex);
    unsigned self = pool->n_started++;
    struct bfs_chunk_reader *reader = pool->readers[self];
    for (;;) {
        struct bfs_job *jobs[BFS_CHUNKS_MAX];
        size_t n = 0;
        while (!pool->stopping && (n = take_several(pool, jobs)) == 0) {
            pool->n_idle++;
            (void)pthread_cond_wait(&pool->submitted, &pool->mutex);
            pool->n_idle--;
        }
        if (n == 0)
            break;
        pool->started_ms[self] = bfs_now_ms();
        (void)pthread_mutex_unlock(&pool->mutex);
        if (jobs[0]->run_together)
            jobs[0]->run_together(jobs, n, reader);
        else
            jobs[0]->run(jobs[0], reader);
        (void)pthread_mutex_lock(&pool->mutex);
        pool->started_ms[self] = 0;
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

bool bfs_pool_stop(struct bfs_pool *pool, unsigned timeout_ms)
{
    uint64_t end = bfs_now_ms() + timeout_ms;
    bool ended = true;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->submitted);
    (void)pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < pool->n_threads; i++) {
        uint64_t now = bfs_now_ms();
        unsigned left = timeout_ms == UINT_MAX ? UINT_MAX : now < end ? (unsigned)(end - now) : 0;
        ended = bfs_thread_stop(pool->threads[i], left) && ended;
    }
    pool->n_threads = 0;
    return ended;
}

struct bfs_pool *bfs_pool_free(struct bfs_pool *pool)
{
    if (!pool)
        return NULL;
    (void)bfs_pool_stop(pool, UINT_MAX);
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

void bfs_pool_submit_all(struct bfs_pool *pool, struct bfs_job *first, enum bfs_priority priority)
{
    (void)pthread_mutex_lock(&pool->mutex);
    *pool->queues[priority].last = first;
    for (struct bfs_job *job = first; job; job = job->next) {
        pool->queues[priority].last = &job->next;
        pool->n_queued++;
        (void)pthread_cond_signal(&pool->submitted);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
}

void bfs_pool_submit(struct bfs_pool *pool, struct bfs_job *job, enum bfs_priority priority)
{
    job->next = NULL;
    bfs_pool_submit_all(pool, job, priority);
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

bool bfs_pool_is_stopping(struct bfs_pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    bool is_stopping = pool->stopping;
    (void)pthread_mutex_unlock(&pool->mutex);
    return is_stopping;
}

unsigned bfs_pool_n_workers(const struct bfs_pool *pool)
{
    return pool->n_threads;
}

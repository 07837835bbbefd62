/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { N_JOBS = 64 };

/* What the jobs of one test share. */
struct log {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned order[4 * N_JOBS]; /* protected by mutex, like all below */
    unsigned n;
    unsigned n_without_reader;
    bool held; /* a job stands in wait_here() */
    bool let_go;
};

struct noted_job {
    struct bfs_job job;
    struct log *log;
    struct bfs_pool *pool;
    unsigned number;
    struct noted_job *child; /* submitted by this one */
};

static void log_init(struct log *log)
{
    *log = (struct log){0};
    assert_int_equal(pthread_mutex_init(&log->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&log->changed, NULL), 0);
}

static void note(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct noted_job *noted = (struct noted_job *)job;
    struct log *log = noted->log;
    (void)pthread_mutex_lock(&log->mutex);
    log->order[log->n++] = noted->number;
    log->n_without_reader += !reader;
    (void)pthread_cond_broadcast(&log->changed);
    (void)pthread_mutex_unlock(&log->mutex);
    if (noted->child)
        bfs_pool_submit(noted->pool, &noted->child->job, BFS_PRIORITY_METADATA);
}

static void wait_here(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct log *log = ((struct noted_job *)job)->log;
    (void)reader;
    (void)pthread_mutex_lock(&log->mutex);
    log->held = true;
    (void)pthread_cond_broadcast(&log->changed);
    while (!log->let_go)
        (void)pthread_cond_wait(&log->changed, &log->mutex);
    (void)pthread_mutex_unlock(&log->mutex);
}

/* Occupies the only worker. */
static void hold(struct bfs_pool *pool, struct noted_job *job, struct log *log)
{
    *job = (struct noted_job){.job = {.run = wait_here}, .log = log};
    bfs_pool_submit(pool, &job->job, BFS_PRIORITY_METADATA);
    (void)pthread_mutex_lock(&log->mutex);
    while (!log->held)
        (void)pthread_cond_wait(&log->changed, &log->mutex);
    (void)pthread_mutex_unlock(&log->mutex);
}

static void let_go(struct log *log)
{
    (void)pthread_mutex_lock(&log->mutex);
    log->let_go = true;
    (void)pthread_cond_broadcast(&log->changed);
    (void)pthread_mutex_unlock(&log->mutex);
}

static void await(struct log *log, unsigned n)
{
    (void)pthread_mutex_lock(&log->mutex);
    while (log->n < n)
        (void)pthread_cond_wait(&log->changed, &log->mutex);
    (void)pthread_mutex_unlock(&log->mutex);
}

static void by_priority_then_in_order(void **state)
{
    (void)state;
    struct log log;
    struct bfs_pool *pool = NULL;
    struct noted_job holder, jobs[6];
    static const enum bfs_priority priorities[6] = {BFS_PRIORITY_AHEAD,    BFS_PRIORITY_DEMAND,
                                                    BFS_PRIORITY_METADATA, BFS_PRIORITY_AHEAD,
                                                    BFS_PRIORITY_DEMAND,   BFS_PRIORITY_METADATA};
    static const unsigned expected[6] = {2, 5, 1, 4, 0, 3};
    log_init(&log);
    assert_int_equal(bfs_pool_new(1, &pool), 0);
    assert_int_equal(bfs_pool_n_workers(pool), 1);
    hold(pool, &holder, &log);
    for (unsigned i = 0; i < 6; i++) {
        jobs[i] = (struct noted_job){.job = {.run = note}, .log = &log, .number = i};
        bfs_pool_submit(pool, &jobs[i].job, priorities[i]);
    }
    assert_int_equal(bfs_pool_queued(pool), 6);
    let_go(&log);
    await(&log, 6);
    assert_int_equal(bfs_pool_queued(pool), 0);
    assert_memory_equal(log.order, expected, sizeof(expected));
    assert_int_equal(log.n_without_reader, 0);
    (void)bfs_pool_free(pool);
}

static struct {
    unsigned sizes[N_JOBS];
    unsigned n;
} batches;

static void note_together(struct bfs_job *jobs[], size_t n, struct bfs_chunk_reader *reader)
{
    batches.sizes[batches.n++] = (unsigned)n;
    for (size_t i = 0; i < n; i++)
        note(jobs[i], reader);
}

/* Those that may be run together are, in order, and no more at once than a reader takes. */
static void several_at_once(void **state)
{
    (void)state;
    enum { N = 40, ALONE = 20 };
    struct log log;
    struct bfs_pool *pool = NULL;
    struct noted_job holder, jobs[N];
    static const unsigned expected[] = {16, 4, 16, 3};
    log_init(&log);
    batches.n = 0;
    assert_int_equal(bfs_pool_new(1, &pool), 0);
    hold(pool, &holder, &log);
    for (unsigned i = 0; i < N; i++) {
        jobs[i] = (struct noted_job){
            .job = {.run = note, .run_together = note_together}, .log = &log, .number = i};
        if (i == ALONE)
            jobs[i].job.run_together = NULL;
        if (i > 0)
            jobs[i - 1].job.next = &jobs[i].job;
    }
    bfs_pool_submit_all(pool, &jobs[0].job, BFS_PRIORITY_AHEAD);
    bfs_pool_submit_all(pool, NULL, BFS_PRIORITY_AHEAD);
    assert_int_equal(bfs_pool_queued(pool), N);
    let_go(&log);
    await(&log, N);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(log.order[i], i);
    assert_int_equal(batches.n, sizeof(expected) / sizeof(expected[0]));
    assert_memory_equal(batches.sizes, expected, sizeof(expected));
    (void)bfs_pool_free(pool);
}

/* As a store that hangs does it. The thread goes on with what it has, so that stays. */
static void a_worker_that_hangs_is_left(void **state)
{
    static struct log log;
    static struct bfs_pool *pool;
    static struct noted_job holder, queued;
    (void)state;
    log_init(&log);
    assert_int_equal(bfs_pool_new(2, &pool), 0);
    hold(pool, &holder, &log);
    assert_false(bfs_pool_is_stopping(pool));
    assert_false(bfs_pool_stop(pool, 20));
    assert_true(bfs_pool_is_stopping(pool));
    queued = (struct noted_job){.job = {.run = note}, .log = &log};
    bfs_pool_submit(pool, &queued.job, BFS_PRIORITY_METADATA);
    assert_int_equal(bfs_pool_queued(pool), 1); /* nobody takes it */
    let_go(&log);
}

static void *stop_pool(void *argument)
{
    return bfs_pool_free(argument);
}

/* Every job runs exactly once, those that no worker took with NULL; also the ones that jobs submit
 * while the pool stops. */
static void the_end_runs_what_is_queued(void **state)
{
    (void)state;
    struct log log;
    struct bfs_pool *pool = NULL;
    struct noted_job holder, jobs[N_JOBS], children[N_JOBS];
    pthread_t stopper;
    log_init(&log);
    assert_int_equal(bfs_pool_new(1, &pool), 0);
    hold(pool, &holder, &log);
    for (unsigned i = 0; i < N_JOBS; i++) {
        children[i] = (struct noted_job){.job = {.run = note}, .log = &log, .number = N_JOBS + i};
        jobs[i] = (struct noted_job){
            .job = {.run = note}, .log = &log, .pool = pool, .number = i, .child = &children[i]};
        bfs_pool_submit(pool, &jobs[i].job, (enum bfs_priority)(i % BFS_N_PRIORITIES));
    }
    assert_int_equal(pthread_create(&stopper, NULL, stop_pool, pool), 0);
    while (!bfs_pool_is_stopping(pool)) /* it stays while its worker is held */
        (void)sched_yield();
    let_go(&log);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    assert_int_equal(log.n, 2 * N_JOBS);
    assert_true(log.n_without_reader > 0);
    bool seen[2 * N_JOBS] = {0};
    for (unsigned i = 0; i < log.n; i++) {
        assert_false(seen[log.order[i]]);
        seen[log.order[i]] = true;
    }
}

struct submitter {
    struct bfs_pool *pool;
    struct log *log;
    struct noted_job jobs[N_JOBS];
};

static void *submit_all(void *argument)
{
    struct submitter *submitter = argument;
    for (unsigned i = 0; i < N_JOBS; i++) {
        submitter->jobs[i] =
            (struct noted_job){.job = {.run = note}, .log = submitter->log, .number = i};
        bfs_pool_submit(submitter->pool, &submitter->jobs[i].job,
                        (enum bfs_priority)(i % BFS_N_PRIORITIES));
    }
    return NULL;
}

static void from_many_threads(void **state)
{
    (void)state;
    enum { N = 4 };
    struct log log;
    struct bfs_pool *pool = NULL;
    struct submitter submitters[N];
    pthread_t threads[N];
    log_init(&log);
    assert_int_equal(bfs_pool_new(4, &pool), 0);
    for (unsigned i = 0; i < N; i++) {
        submitters[i].pool = pool;
        submitters[i].log = &log;
        assert_int_equal(pthread_create(&threads[i], NULL, submit_all, &submitters[i]), 0);
    }
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    await(&log, N * N_JOBS);
    (void)bfs_pool_free(pool);
    assert_int_equal(log.n, N * N_JOBS);
    assert_int_equal(log.n_without_reader, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_hangs_is_left),
        cmocka_unit_test(by_priority_then_in_order),
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(the_end_runs_what_is_queued),
        cmocka_unit_test(from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/parallel.h"

#include "verify/cleanup.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { TICK_MS = 200 };

struct parallel {
    const struct bfs_parallel_ops *ops;
    void *context;
    uint64_t n;
    pthread_mutex_t mutex;
    pthread_cond_t ended; /* a thread ended */
    uint64_t next;        /* first piece that nobody took */
    unsigned n_running;
    uint64_t failed_at;
    struct bfs_error failure; /* code 0: none */
};

struct thread {
    struct parallel *parallel;
    pthread_t thread;
    unsigned number;
};

static bool take(struct parallel *parallel, uint64_t *ret)
{
    if (parallel->failure.code || parallel->next == parallel->n)
        return false;
    *ret = parallel->next++;
    return true;
}

static void fail(struct parallel *parallel, uint64_t i, int code, const struct bfs_error *error)
{
    if (parallel->failure.code && i >= parallel->failed_at)
        return;
    parallel->failed_at = i;
    parallel->failure = *error;
    parallel->failure.code = code;
}

static void *run_thread(void *argument)
{
    const struct thread *thread = argument;
    struct parallel *parallel = thread->parallel;
    uint64_t i;
    (void)pthread_mutex_lock(&parallel->mutex);
    while (take(parallel, &i)) {
        struct bfs_error error = {0};
        (void)pthread_mutex_unlock(&parallel->mutex);
        int r = parallel->ops->work(parallel->context, thread->number, i, &error);
        (void)pthread_mutex_lock(&parallel->mutex);
        if (r)
            fail(parallel, i, r, &error);
    }
    parallel->n_running--;
    (void)pthread_cond_signal(&parallel->ended);
    (void)pthread_mutex_unlock(&parallel->mutex);
    return NULL;
}

static int tick(struct parallel *parallel)
{
    return parallel->ops->tick ? parallel->ops->tick(parallel->context) : 0;
}

/* Waits for the threads, ticking meanwhile. */
static void wait_for_end(struct parallel *parallel)
{
    (void)pthread_mutex_lock(&parallel->mutex);
    while (parallel->n_running) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&parallel->ended, &parallel->mutex, &until);
        (void)pthread_mutex_unlock(&parallel->mutex);
        int r = tick(parallel);
        (void)pthread_mutex_lock(&parallel->mutex);
        if (r) {
            struct bfs_error error = {0};
            (void)bfs_fail(&error, r, "%s", strerror(-r));
            fail(parallel, 0, r, &error);
        }
    }
    (void)pthread_mutex_unlock(&parallel->mutex);
}

static int run_alone(const struct bfs_parallel_ops *ops, void *context, uint64_t n,
                     struct bfs_error *error)
{
    for (uint64_t i = 0; i < n; i++) {
        int r = ops->work(context, 0, i, error);
        if (r)
            return r;
        r = ops->tick ? ops->tick(context) : 0;
        if (r)
            return bfs_fail(error, r, "%s", strerror(-r));
    }
    return 0;
}

/* Fewer threads than asked for do the same work. */
static int start_threads(struct parallel *parallel, struct thread *threads, unsigned wanted,
                         unsigned *ret)
{
    int r = 0;
    for (*ret = 0; *ret < wanted && r == 0;) {
        struct thread *thread = &threads[*ret];
        *thread = (struct thread){.parallel = parallel, .number = *ret};
        (void)pthread_mutex_lock(&parallel->mutex);
        r = -pthread_create(&thread->thread, NULL, run_thread, thread);
        if (r == 0) {
            parallel->n_running++;
            (*ret)++;
        }
        (void)pthread_mutex_unlock(&parallel->mutex);
    }
    return *ret ? 0 : r;
}

int bfs_parallel_run(unsigned n_threads, uint64_t n, const struct bfs_parallel_ops *ops,
                     void *context, struct bfs_error *error)
{
    unsigned wanted = n < n_threads ? (unsigned)n : n_threads, n_started;
    if (wanted <= 1)
        return run_alone(ops, context, n, error);
    bfs_autofree struct thread *threads = calloc(wanted, sizeof(*threads));
    if (!threads)
        return bfs_fail(error, -ENOMEM, "out of memory");
    struct parallel parallel = {.ops = ops,
                                .context = context,
                                .n = n,
                                .mutex = PTHREAD_MUTEX_INITIALIZER,
                                .ended = PTHREAD_COND_INITIALIZER};
    int r = start_threads(&parallel, threads, wanted, &n_started);
    if (r)
        return bfs_fail(error, r, "cannot start threads: %s", strerror(-r));
    wait_for_end(&parallel);
    for (unsigned i = 0; i < n_started; i++)
        (void)pthread_join(threads[i].thread, NULL);
    (void)pthread_mutex_destroy(&parallel.mutex);
    (void)pthread_cond_destroy(&parallel.ended);
    if (parallel.failure.code && error)
        *error = parallel.failure;
    return parallel.failure.code;
}

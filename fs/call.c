/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/call.h"

#include "fs/thread.h"

#include <time.h>

enum { STEP_MS = 100 }; /* how late an answer at the deadline may be */

struct bfs_calls {
    unsigned timeout_ms;
    struct bfs_metrics *metrics;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t stopped;
    struct bfs_call *first, *last; /* by deadline; protected by mutex, like all below */
    uint64_t n_pending;
    bool stopping;
};

static void unlink_call(struct bfs_calls *calls, struct bfs_call *call)
{
    *(call->before ? &call->before->after : &calls->first) = call->after;
    *(call->after ? &call->after->before : &calls->last) = call->before;
    calls->n_pending--;
}

static void link_last(struct bfs_calls *calls, struct bfs_call *call)
{
    call->before = calls->last;
    call->after = NULL;
    *(calls->last ? &calls->last->after : &calls->first) = call;
    calls->last = call;
    calls->n_pending++;
}

void bfs_call_start(struct bfs_calls *calls, struct bfs_call *call, fuse_req_t request)
{
    *call = (struct bfs_call){.request = request, .deadline_ms = bfs_now_ms() + calls->timeout_ms};
    (void)pthread_mutex_lock(&calls->mutex);
    link_last(calls, call);
    (void)pthread_mutex_unlock(&calls->mutex);
}

/* The request is libfuse's to free once it is answered, so it is asked under the mutex. */
int bfs_call_renew(struct bfs_calls *calls, struct bfs_call *call)
{
    (void)pthread_mutex_lock(&calls->mutex);
    int r = call->claimed ? -ETIMEDOUT : fuse_req_interrupted(call->request) ? -EINTR : 0;
    if (r == 0) {
        call->deadline_ms = bfs_now_ms() + calls->timeout_ms;
        unlink_call(calls, call);
        link_last(calls, call);
    }
    (void)pthread_mutex_unlock(&calls->mutex);
    return r;
}

bool bfs_call_claim(struct bfs_calls *calls, struct bfs_call *call)
{
    (void)pthread_mutex_lock(&calls->mutex);
    bool ours = !call->claimed;
    if (ours) {
        call->claimed = true;
        unlink_call(calls, call);
    }
    (void)pthread_mutex_unlock(&calls->mutex);
    return ours;
}

bool bfs_call_is_answered(struct bfs_calls *calls, const struct bfs_call *call)
{
    (void)pthread_mutex_lock(&calls->mutex);
    bool answered = call->claimed;
    (void)pthread_mutex_unlock(&calls->mutex);
    return answered;
}

uint64_t bfs_calls_pending(struct bfs_calls *calls, uint64_t *ret_oldest_ms)
{
    (void)pthread_mutex_lock(&calls->mutex);
    uint64_t n = calls->n_pending;
    uint64_t now = bfs_now_ms();
    uint64_t started = calls->first ? calls->first->deadline_ms - calls->timeout_ms : now;
    *ret_oldest_ms = now > started ? now - started : 0;
    (void)pthread_mutex_unlock(&calls->mutex);
    return n;
}

/* Answers the first call when it is due, with the mutex held on entry and exit. After the claim its
 * memory belongs to the worker, so the request is taken out before. */
static bool expire_one(struct bfs_calls *calls)
{
    struct bfs_call *call = calls->first;
    if (!call || (!calls->stopping && call->deadline_ms > bfs_now_ms()))
        return false;
    fuse_req_t request = call->request;
    call->claimed = true;
    unlink_call(calls, call);
    (void)pthread_mutex_unlock(&calls->mutex);
    bfs_metric_add(calls->metrics, BFS_METRIC_TIMEOUTS, 1);
    (void)fuse_reply_err(request, EIO);
    (void)pthread_mutex_lock(&calls->mutex);
    return true;
}

static void *watch_deadlines(void *argument)
{
    struct bfs_calls *calls = argument;
    (void)pthread_mutex_lock(&calls->mutex);
    while (!calls->stopping) {
        if (expire_one(calls))
            continue;
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += STEP_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        (void)pthread_cond_timedwait(&calls->stopped, &calls->mutex, &until);
    }
    (void)pthread_mutex_unlock(&calls->mutex);
    return NULL;
}

struct bfs_calls *bfs_calls_free(struct bfs_calls *calls)
{
    if (!calls)
        return NULL;
    (void)pthread_mutex_lock(&calls->mutex);
    calls->stopping = true;
    (void)pthread_cond_broadcast(&calls->stopped);
    (void)pthread_mutex_unlock(&calls->mutex);
    if (calls->has_thread)
        (void)pthread_join(calls->thread, NULL);
    (void)pthread_mutex_lock(&calls->mutex);
    while (expire_one(calls))
        continue;
    (void)pthread_mutex_unlock(&calls->mutex);
    (void)pthread_mutex_destroy(&calls->mutex);
    (void)pthread_cond_destroy(&calls->stopped);
    free(calls);
    return NULL;
}

int bfs_calls_new(unsigned timeout_ms, struct bfs_metrics *metrics, struct bfs_calls **ret)
{
    struct bfs_calls *calls = calloc(1, sizeof(*calls));
    if (!calls)
        return -ENOMEM;
    calls->timeout_ms = timeout_ms;
    calls->metrics = metrics;
    (void)pthread_mutex_init(&calls->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&calls->stopped, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    int r = bfs_thread_start(&calls->thread, watch_deadlines, calls);
    calls->has_thread = r == 0;
    if (r) {
        (void)bfs_calls_free(calls);
        return r;
    }
    *ret = calls;
    return 0;
}

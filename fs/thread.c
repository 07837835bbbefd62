/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/thread.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

int bfs_thread_start(pthread_t *ret, void *(*run)(void *), void *argument)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(ret, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

bool bfs_thread_join(pthread_t thread, unsigned timeout_ms)
{
    struct timespec until;
    if (timeout_ms == UINT_MAX)
        return pthread_join(thread, NULL) == 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

bool bfs_thread_stop(pthread_t thread, unsigned timeout_ms)
{
    bool has_ended = bfs_thread_join(thread, timeout_ms);
    if (!has_ended)
        (void)pthread_detach(thread);
    return has_ended;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/thread.h"

#include <signal.h>
#include <stddef.h>

int bfs_thread_start(pthread_t *ret, void *(*run)(void *), void *argument)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(ret, NULL, run, argument);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

/* SPDX-License-Identifier: Apache-2.0
 * Threads of the daemon start with all signals blocked: those are for the session's thread. */
#ifndef BFS_FS_THREAD_H
#define BFS_FS_THREAD_H

#include <pthread.h>

/* Errors: -EAGAIN. */
int bfs_thread_start(pthread_t *ret, void *(*run)(void *), void *argument);

#endif

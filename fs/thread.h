/* SPDX-License-Identifier: Apache-2.0
 * Threads of the daemon start with all signals blocked: those are for the session's thread. */
#ifndef BFS_FS_THREAD_H
#define BFS_FS_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Errors: -EAGAIN. */
int bfs_thread_start(pthread_t *ret, void *(*run)(void *), void *argument);

/* Waits until it has ended; false: it has not within `timeout_ms`, and may be joined again.
 * UINT_MAX: however long it takes. */
bool bfs_thread_join(pthread_t thread, unsigned timeout_ms);
/* The same for the last time: when false, the thread is left. It may go on, and ends by itself, so
 * nobody joins it any more, and what it uses is never freed. */
bool bfs_thread_stop(pthread_t thread, unsigned timeout_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Descriptors that a daemon inherits.
 *
 * THREAD SAFETY: for a process with one thread. */
#ifndef BFS_TOOLS_DESCRIPTORS_H
#define BFS_TOOLS_DESCRIPTORS_H

#include <stddef.h>

/* The number N of a path /dev/fd/N or /proc/self/fd/N; -1: it is no such path, or NULL. */
int bfs_descriptor_of_path(const char *path);
/* Closes all descriptors from 3 on but these n, in any order; numbers below 3 among them mean
 * nothing. */
void bfs_descriptors_close_others(const int *kept, size_t n);

#endif

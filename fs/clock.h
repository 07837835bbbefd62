/* SPDX-License-Identifier: Apache-2.0
 * Time that only goes forward. */
#ifndef BFS_FS_CLOCK_H
#define BFS_FS_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t bfs_now_ms(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/clock.h"

#include <time.h>

uint64_t bfs_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* SPDX-License-Identifier: Apache-2.0
 * Which views a host can use, and which is best. docs/views-hosts.md has the rules.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_FIT_H
#define BFS_ACCEL_FIT_H

#include "accel/host.h"
#include "verify/hardware_key.h"

#include <stdbool.h>

enum { BFS_FIT_REASON_MAX = 255 };

struct bfs_fit {
    bool fits;
    uint64_t score;                      /* larger is better; 0: does not fit */
    char reason[BFS_FIT_REASON_MAX + 1]; /* one sentence: why it fits, or what is missing */
};

/* Of a view, what its key does not say. */
struct bfs_fit_view {
    uint64_t size; /* what it takes in memory, unless the key has that */
    /* Its weights are a bare array of bytes, for programs that were written for them: runtimes that
     * open files do not open it. */
    bool is_bare;
};

void bfs_fit_judge(const struct bfs_host *host, const struct bfs_hardware_key *key,
                   struct bfs_fit_view view, struct bfs_fit *ret);

/* The best of n: number of the fitting view with the highest score, of equal ones the one whose id
 * sorts first; -1: none fits. */
int bfs_fit_best(const struct bfs_fit *fits, const char *const *ids, size_t n);

#endif

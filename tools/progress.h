/* SPDX-License-Identifier: Apache-2.0
 * A progress bar on stderr, when that is a terminal.
 *
 * THREAD SAFETY: belongs to one thread at a time. */
#ifndef BFS_TOOLS_PROGRESS_H
#define BFS_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct bfs_progress {
    bool shown; /* stderr is a terminal */
    bool drawn; /* there is a bar to wipe */
    uint64_t started_ms;
    const char *what; /* stands before the bar: the view that is being packed; NULL: nothing */
};

struct bfs_progress bfs_progress_start(void);
/* Redraws the bar: percent, speed, time and bytes to go. `stored` is what the bytes done became, 0
 * when that is not known. */
void bfs_progress_show(struct bfs_progress *progress, uint64_t done, uint64_t total,
                       uint64_t stored);
/* Wipes the bar, so that other lines may follow. */
void bfs_progress_clear(struct bfs_progress *progress);

#endif

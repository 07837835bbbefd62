/* SPDX-License-Identifier: Apache-2.0
 * Which of a bundle's views this mount shows, and which one is `auto`.
 *
 * THREAD SAFETY: plain data; pure functions. */
#ifndef BFS_FS_VIEWS_H
#define BFS_FS_VIEWS_H

#include "accel/choice.h"

#include <stdatomic.h>

#define BFS_VIEW_AUTO "auto"

/* How a mount chooses; the same for all bundles. */
struct bfs_view_rules {
    const struct bfs_host *host; /* borrowed */
    const char *forced;          /* borrowed; NULL: the best one */
    bool hide_unfit;
    atomic_bool *found; /* set once a bundle has the forced view; NULL: nobody asks */
};

struct bfs_views {
    uint32_t directory; /* inode of `views`; 0: there is none to show */
    int32_t best;       /* position in it of the one that `auto` points to; -1: none */
    uint64_t hidden;    /* bit i: its i-th entry is not shown */
};

/* Errors: -ENOMEM. */
int bfs_views_choose(const struct bfs_view_rules *rules, const struct bfs_bundle *bundle,
                     struct bfs_views *ret);

/* Is the i-th entry of that directory left out? */
static inline bool bfs_views_hides(const struct bfs_views *views, uint32_t directory, uint64_t i)
{
    return views->directory && directory == views->directory && i < BFS_VIEWS_MAX &&
           (views->hidden >> i & 1);
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * All views of one bundle, judged for one host.
 *
 * THREAD SAFETY: a choice is immutable once made. */
#ifndef BFS_ACCEL_CHOICE_H
#define BFS_ACCEL_CHOICE_H

#include "accel/fit.h"
#include "codec/store/bundle.h"

struct bfs_choice_view {
    const struct bfs_view_config *config; /* borrowed from the bundle */
    uint32_t inode;                       /* of its directory */
    uint64_t size;                        /* bytes of all its files */
    struct bfs_fit fit;
};

struct bfs_choice {
    uint32_t directory; /* inode of `views`; 0: the bundle has none */
    unsigned n_views;
    int best;                       /* number of the view that `auto` points to; -1: none fits */
    struct bfs_choice_view views[]; /* in the order of manifest.json, which is that of the names */
};

/* The bundle outlives the choice, which is malloc'ed. `forced` (NULL: none) is the id of the view
 * to take whether it fits or not; a bundle without it has no best. Errors: -ENOMEM. */
int bfs_choice_make(const struct bfs_host *host, const struct bfs_bundle *bundle,
                    const char *forced, struct bfs_choice **ret);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Waiting until what -o warm names is warm, no longer than a store that hangs is waited for: large
 * files READY, those that are too small for that proved, and decoded in the cache.
 *
 * THREAD SAFETY: one call at a time. It never touches the store itself: workers do. */
#ifndef BFS_FS_WARM_UP_H
#define BFS_FS_WARM_UP_H

#include "fs/warm.h"

#include <stdatomic.h>

struct bfs_warm_watcher {
    const atomic_bool *ends; /* true: nobody waits any more */
    /* NULL, or told at most once a second, as long as something moves. */
    void (*moves)(void *context, const struct bfs_warm_status *status);
    void *context;
};

/* Returns when all of it is. Errors: those of bfs_warm_find() and of filling, -ENOTSUP (it is OFF),
 * -ETIMEDOUT (nothing has come for fs->options->timeout, because the store hangs), -ECANCELED
 * (*ends). */
int bfs_warm_up(struct bfs_fs *fs, const char *what, const struct bfs_warm_watcher *watcher,
                struct bfs_error *error);

#endif

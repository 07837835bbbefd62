/* SPDX-License-Identifier: Apache-2.0
 * Models of a store that something depends on, by name, whether they are there or not.
 *
 * THREAD SAFETY: a list belongs to one thread while it grows; afterwards it is immutable. */
#ifndef BFS_CODEC_NEEDS_H
#define BFS_CODEC_NEEDS_H

#include "verify/cleanup.h"

#include <stddef.h>

/* Starts as zeros. */
struct bfs_needs {
    char **names; /* owned; by name, each once */
    size_t n;
};

/* Adds a name that may be there already. Errors: -ENOMEM. */
int bfs_needs_add(struct bfs_needs *needs, const char *name);
void bfs_needs_done(struct bfs_needs *needs);
#define bfs_autoneeds BFS_CLEANUP(bfs_needs_done)

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Walking the files of a bundle in the order of their paths.
 *
 * THREAD SAFETY: an index is immutable. */
#ifndef BFS_TOOLS_TREE_H
#define BFS_TOOLS_TREE_H

#include "codec/index/index.h"

/* Called with each inode but the root, a directory before what is in it; a non-zero result stops
 * the walk and is its result. `path` is borrowed. */
typedef int bfs_tree_visit(void *context, const char *path, uint32_t number,
                           const struct bfs_inode *inode);

/* Errors: -ENOMEM, or what `visit` gives. */
int bfs_tree_walk(const struct bfs_index *index, bfs_tree_visit *visit, void *context);

#endif

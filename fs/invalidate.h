/* SPDX-License-Identifier: Apache-2.0
 * Telling the kernel what is no longer as it remembers it. Failures mean that it does not remember.
 *
 * THREAD SAFETY: for the watching thread alone: inside a request it can deadlock. */
#ifndef BFS_FS_INVALIDATE_H
#define BFS_FS_INVALIDATE_H

#include "fs/state.h"

/* A name that came, went or means something else, and the listing of the directory that holds it.
 */
void bfs_invalidate_name(struct bfs_fs *fs, uint64_t directory, const char *name);
/* Attributes and listing or content of a node. */
void bfs_invalidate_node(struct bfs_fs *fs, uint64_t node);
/* Attributes and ACL of a node: who may open it. What the kernel holds of its content stays. */
void bfs_invalidate_attributes(struct bfs_fs *fs, uint64_t node);

#endif

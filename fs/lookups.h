/* SPDX-License-Identifier: Apache-2.0
 * What the kernel knows. Each entry in a reply is a lookup, and the kernel forgets as many before
 * it lets a node number go; so long, the number's slot or path is kept.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_LOOKUPS_H
#define BFS_FS_LOOKUPS_H

#include "fs/state.h"

/* Counts a lookup, before the reply is sent: the kernel may forget the node at once. False: the
 * node is gone, and must not be answered. */
bool bfs_lookups_add(struct bfs_fs *fs, uint64_t node);
/* The kernel has forgotten n lookups, or did not get the replies. */
void bfs_lookups_forget(struct bfs_fs *fs, uint64_t node, uint64_t n);
/* The inode number that users see of a node. */
uint64_t bfs_lookups_ino(const struct bfs_fs *fs, uint64_t node);
/* Has what is remembered about slots and directories dropped when nobody refers to them; before the
 * first of them, and `false` after the last thread has ended. */
void bfs_lookups_watch(struct bfs_fs *fs, bool on);

#endif

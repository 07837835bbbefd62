/* SPDX-License-Identifier: Apache-2.0
 * The kernel's requests, each turned into an operation and answered exactly once. */
#ifndef BFS_FS_DISPATCH_H
#define BFS_FS_DISPATCH_H

#include "fs/op.h"

/* The session's user data is a struct bfs_fs. */
extern const struct fuse_lowlevel_ops bfs_fuse_ops;

#endif

/* SPDX-License-Identifier: Apache-2.0
 * May a store be mounted at a place? A daemon that reaches its own files through its own mount
 * waits for itself, in the kernel, where no signal but SIGKILL ends it.
 *
 * THREAD SAFETY: pure functions on the file system. */
#ifndef BFS_FS_MOUNT_PLACE_H
#define BFS_FS_MOUNT_PLACE_H

#include "fs/options.h"
#include "verify/error.h"

/* Checks a mount point (absolute, from bfs_mount_path()) before anything is mounted there. Folders
 * are compared by device and inode, so links and bind mounts do not hide them.
 * Errors: -EINVAL: it is the root directory; or the store, a file of the options or /proc, /sys or
 * /dev lies at or below it; or it lies in the store's own folders "blobs" or ".bundlefs".
 * -ENOMEM; errno of stat(2) for the mount point. */
int bfs_mount_place_check(const char *mount_point, const char *store,
                          const struct bfs_mount_options *options, struct bfs_error *error);

#endif

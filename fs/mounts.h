/* SPDX-License-Identifier: Apache-2.0
 * What is mounted where, from /proc/self/mountinfo: asking the mount point itself could hang.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_FS_MOUNTS_H
#define BFS_FS_MOUNTS_H

#include "verify/error.h"

#include <limits.h>
#include <stdbool.h>

#define BFS_FUSE_TYPE "fuse.bundlefs"

struct bfs_mount_entry {
    char device[32]; /* "0:57" */
    char type[64];
};

/* The absolute path of a mount point, whose last component need not answer; malloc'ed.
 * Errors: -ENOENT, -ENOTDIR, -ENOMEM, errno of the file system. */
int bfs_mount_path(const char *path, char **ret, struct bfs_error *error);
/* The topmost mount at exactly that absolute path; false: none. */
bool bfs_mount_find(const char *absolute, struct bfs_mount_entry *ret);
/* The mount point of the last mount of ours that shows the store of that absolute path; malloc'ed.
 * Errors: -ENOENT (none), -ENOMEM. */
int bfs_mount_of_store(const char *absolute, char **ret);
/* The store that the mount of ours at that absolute path shows; malloc'ed. Errors: the same. */
int bfs_mount_store(const char *absolute, char **ret);
/* Is it a mount of ours whose daemon is gone? */
bool bfs_mount_is_stale(const char *absolute);
/* Unmounts, as root by itself and else through fusermount3; `lazy` detaches a busy one.
 * Errors: -EBUSY, -EPERM, -EINVAL (not mounted), errno of umount(2). */
int bfs_mount_detach(const char *absolute, bool lazy, struct bfs_error *error);

#endif

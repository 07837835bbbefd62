/* SPDX-License-Identifier: Apache-2.0
 * Who may read, as the kernel is told: owner, group, mode, and a POSIX ACL where these three do not
 * say all. The first user owns, the first group is the group; others are in the ACL. The kernel
 * enforces it (default_permissions), so it holds for every path to an inode.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_FS_ACCESS_H
#define BFS_FS_ACCESS_H

#include "verify/buffer.h"
#include "verify/policy.h"

#include <sys/stat.h>

/* The extended attribute under which the kernel asks for the ACL. */
#define BFS_ACL_NAME "system.posix_acl_access"

/* Replaces owner, group and permissions of what `stat` describes; its type and whether it was
 * executable stay. Links keep their permissions: the kernel asks for none. */
void bfs_access_apply(const struct bfs_access *access, struct stat *stat);

/* Appends the ACL of a file or directory with the attributes that bfs_access_apply() gave, in the
 * kernel's format (linux/posix_acl_xattr.h, version 2). Errors: -ENODATA (its mode says all),
 * -ENOMEM. */
int bfs_access_acl(const struct bfs_access *access, const struct stat *stat,
                   struct bfs_buffer *ret);

/* Equal for what the kernel is told the same about. Errors: -ENOMEM. */
int bfs_access_print(const struct bfs_access *access, struct bfs_xxh128 *ret);

#endif

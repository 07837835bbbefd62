/* SPDX-License-Identifier: Apache-2.0
 * flock(2) locks of files. A file that the kernel reads by itself has two kernel inodes, and the
 * kernel keeps locks by inode: two exclusive locks were granted on one file. So the daemon keeps
 * them, by the plain node number, where passthrough is possible. Elsewhere the kernel keeps them.
 *
 * Locks of fcntl(2) stay with the kernel: a write lock needs a descriptor that is open for writing,
 * which a read-only mount has none of, and read locks never conflict.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_FLOCKS_H
#define BFS_FS_FLOCKS_H

#include "fs/fuse.h"
#include "verify/cleanup.h"

#include <stdint.h>

struct bfs_flocks;
/* Errors: -ENOMEM. */
int bfs_flocks_new(struct bfs_flocks **ret);
/* Answers what waits with EINTR. NULL is fine. */
struct bfs_flocks *bfs_flocks_free(struct bfs_flocks *flocks);
BFS_DEFINE_CLEANUP(bfs_flocks, bfs_flocks_free)

/* Answers `request` now, or when the lock is granted: 0; EWOULDBLOCK with LOCK_NB; EINTR when the
 * process that waits gets a signal; ENOMEM. `owner` is the open file description. `operation` is
 * that of flock(2); as there, a conversion first gives up the lock that `owner` has. */
void bfs_flock(struct bfs_flocks *flocks, fuse_req_t request, uint64_t node, uint64_t owner,
               int operation);
/* The open file description was closed. Answers nothing. */
void bfs_flock_release(struct bfs_flocks *flocks, uint64_t node, uint64_t owner);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The directory that an unpack fills: a temporary one beside the wanted one, which takes its name
 * at the end.
 *
 * THREAD SAFETY: bfs_target_open_parent() may be called from several threads; the rest belongs to
 * one. */
#ifndef BFS_CODEC_TARGET_H
#define BFS_CODEC_TARGET_H

#include "verify/cleanup.h"
#include "verify/error.h"

#include <stdbool.h>

struct bfs_target {
    char *path;      /* of the wanted directory, absolute */
    char *name;      /* its last component, inside path */
    char *temporary; /* name of the temporary one; NULL: none to remove */
    int parent_fd;   /* of the folder that holds both */
    int fd;          /* of the temporary one */
};

/* `path` must be missing or an empty directory. *ret is to be released in any case. Errors:
 * -EEXIST, -ENOTDIR, -EINVAL, -ENOMEM, errno of the file system. */
int bfs_target_make(const char *path, struct bfs_target *ret, struct bfs_error *error);

/* Opens the directory that holds the relative `path`, component by component and through no link,
 * and gives the last component. Errors: errno of open(2). */
int bfs_target_open_parent(const struct bfs_target *target, const char *path, int *ret_fd,
                           const char **ret_name);

/* Gives the directory its name. With `sync`, that survives a power cut; where the folder cannot be
 * synced, the directory is in place all the same, and the message says so. */
int bfs_target_commit(struct bfs_target *target, bool sync, struct bfs_error *error);

/* Removes what was not committed. */
void bfs_target_done(struct bfs_target *target);
#define bfs_autotarget BFS_CLEANUP(bfs_target_done)

#endif

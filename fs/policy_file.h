/* SPDX-License-Identifier: Apache-2.0
 * The policy of a mount as a file that may change: a new text is taken up when it is right, and one
 * that is not is reported while the old policy stays in force.
 *
 * THREAD SAFETY: bfs_policy_file_look() by one thread; the rest by any. */
#ifndef BFS_FS_POLICY_FILE_H
#define BFS_FS_POLICY_FILE_H

#include "fs/log.h"
#include "verify/policy.h"

struct bfs_policy_file;
/* `named` as for bfs_policy_path(); *ret is NULL when no policy is in force. Errors: those of
 * bfs_policy_load() and bfs_policy_resolve(). */
int bfs_policy_file_open(const char *named, const struct bfs_log *log, struct bfs_policy_file **ret,
                         struct bfs_error *error);
struct bfs_policy_file *bfs_policy_file_free(struct bfs_policy_file *file);
BFS_DEFINE_CLEANUP(bfs_policy_file, bfs_policy_file_free)

/* Absolute. */
const char *bfs_policy_file_path(const struct bfs_policy_file *file);
/* What is in force, with a reference. */
struct bfs_policy *bfs_policy_file_policy(struct bfs_policy_file *file);
/* What is wrong with the file as it is now; false: nothing. */
bool bfs_policy_file_trouble(struct bfs_policy_file *file, char ret[static BFS_ERROR_TEXT_SIZE]);

enum bfs_policy_news {
    BFS_POLICY_SAME,
    BFS_POLICY_CHANGED, /* another policy is in force */
    BFS_POLICY_BROKEN,  /* the file has changed and is not right: the old one stays */
};
enum bfs_policy_news bfs_policy_file_look(struct bfs_policy_file *file);

#endif

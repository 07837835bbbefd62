/* SPDX-License-Identifier: Apache-2.0
 * Key files on disk: created once, never replaced.
 *
 * THREAD SAFETY: pure functions on the file system. */
#ifndef BFS_VERIFY_TRUST_KEY_FILE_H
#define BFS_VERIFY_TRUST_KEY_FILE_H

#include "verify/error.h"

#include <stddef.h>

/* Creates `path`, readable by its owner alone when `is_secret`, and makes it durable: the file and
 * its folder are fsynced. What was begun is removed on failure.
 * Errors: -EEXIST when anything, also a dangling link, has that name; errno of open(2), write(2),
 * fsync(2). */
int bfs_key_file_create(const char *path, bool is_secret, const char *text, size_t size,
                        struct bfs_error *error);

/* Reads a whole regular file of at most BFS_KEY_FILE_MAX bytes; *ret_size tells how many.
 * Errors: -E2BIG, -EINVAL (not a regular file), errno of open(2) and read(2). */
int bfs_key_file_read(const char *path, char *ret, size_t *ret_size, struct bfs_error *error);

#endif

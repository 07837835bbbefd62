/* SPDX-License-Identifier: Apache-2.0
 * A file of the directory being packed that others are made from. What is read must be what was
 * planned from: it is opened anew for each made file, and must not have changed meanwhile.
 *
 * THREAD SAFETY: immutable once made; each descriptor belongs to its opener. */
#ifndef BFS_ACCEL_SOURCE_H
#define BFS_ACCEL_SOURCE_H

#include "codec/pack/scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct bfs_source_file {
    char *path;         /* owned: with the directory, ready for open(2) */
    const char *inside; /* relative to the directory, inside `path` */
    bool dereference;   /* a symlink may be followed */
    uint64_t size;
    struct timespec mtime;
    struct timespec ctime;
};

/* Errors: -ENOMEM. */
int bfs_source_file_make(const char *directory, bool dereference,
                         const struct bfs_scan_entry *entry, struct bfs_source_file *ret);
void bfs_source_file_done(struct bfs_source_file *file);

/* Errors: -ESTALE (changed since the scan, or no regular file any more), errno of open(2). */
int bfs_source_file_open(const struct bfs_source_file *file, int *ret_fd, struct bfs_error *error);
/* Is it still what the scan saw? Errors: -ESTALE. */
int bfs_source_file_check(const struct bfs_source_file *file, int fd, struct bfs_error *error);

#endif

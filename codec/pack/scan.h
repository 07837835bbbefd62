/* SPDX-License-Identifier: Apache-2.0
 * Takes stock of a directory before anything of it is packed, and refuses what a bundle cannot
 * hold.
 *
 * THREAD SAFETY: a scan is immutable once made. */
#ifndef BFS_CODEC_SCAN_H
#define BFS_CODEC_SCAN_H

#include "verify/cleanup.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct bfs_scan_entry {
    char *path;       /* relative to the directory; "" for itself */
    const char *name; /* its last component, inside path */
    uint32_t parent;  /* entry number; parents come before children */
    mode_t mode;      /* type and permission bits */
    uint64_t size;    /* regular files */
    struct timespec mtime;
    struct timespec ctime; /* with mtime and size: has the file changed since? */
    char *target;          /* symlinks */
};

struct bfs_scan {
    struct bfs_scan_entry *entries; /* [0] is the directory; siblings in byte order of names */
    uint32_t n_entries;
    uint64_t total_size; /* bytes of all regular files */
    int64_t newest;      /* largest mtime in seconds */
};

/* With `dereference`, symlinks are replaced by what they point to. Errors: -ENOENT, -ENOTDIR,
 * -EINVAL (empty, a socket or device, an escaping link, a reserved or unusable name: the sentence
 * says what to do), -EACCES, -E2BIG, -ENOMEM, errno of the file system. */
int bfs_scan_directory(const char *path, bool dereference, struct bfs_scan *ret,
                       struct bfs_error *error);
void bfs_scan_done(struct bfs_scan *scan);
#define bfs_autoscan BFS_CLEANUP(bfs_scan_done)

#endif

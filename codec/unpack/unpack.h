/* SPDX-License-Identifier: Apache-2.0
 * From a bundle back to the directory that was packed: names, bytes, permissions, times, links. Or
 * one of its views.
 *
 * THREAD SAFETY: bfs_unpack() starts threads of its own. */
#ifndef BFS_CODEC_UNPACK_H
#define BFS_CODEC_UNPACK_H

#include "codec/store/bundle.h"

struct bfs_unpack_options {
    const char *directory; /* missing, or empty */
    unsigned n_jobs;       /* at least 1 */
    bool metadata;    /* also manifest.json, SHA256SUMS and what the packer made, views included */
    const char *view; /* the directory of this view, whole, instead; NULL: the bundle */
    bool no_sync;     /* leave it to the system when the data reaches the disk */
    /* Called from the calling thread; non-zero stops with -EINTR. NULL is fine. */
    int (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct bfs_unpack_report {
    uint64_t n_files;
    uint64_t content_size; /* bytes of all files written */
};

/* Everything is written and proved in DIRECTORY.partial-XXXXXX beside the directory, which takes
 * its name at the very end: a failure leaves nothing, and even a kill no half-made directory.
 * Directories that the packer made get write permission for their owner, who may want to remove
 * them. Errors: -EEXIST (not empty), -ENOTDIR, -EINVAL (no place for a directory), -ENOENT (no such
 * view), -EINTR, those of bfs_content_read(), errno of the file system. */
int bfs_unpack(struct bfs_bundle *bundle, const struct bfs_unpack_options *options,
               struct bfs_unpack_report *ret, struct bfs_error *error);

#endif

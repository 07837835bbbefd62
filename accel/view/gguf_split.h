/* SPDX-License-Identifier: Apache-2.0
 * Models in several GGUF files, "X-00001-of-00003.gguf". A view keeps the split: names, numbers and
 * counts stay, so they must have been true. llama.cpp opens the first and finds the others by name.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_GGUF_SPLIT_H
#define BFS_ACCEL_GGUF_SPLIT_H

#include "codec/container/gguf.h"

struct bfs_gguf_split {
    const char *path;   /* borrowed: relative to the directory */
    uint64_t no;        /* from 0 */
    uint64_t count;     /* 0: the file stands alone */
    uint64_t n_all;     /* tensors in all files together */
    uint64_t n_tensors; /* in this one */
};

/* Reads the split keys of one file. Errors: -EBADMSG (a key of another type than llama.cpp wants, a
 * number that contradicts the count or the file's name; the key is named). */
int bfs_gguf_split_read(const struct bfs_gguf_header *header, const char *path,
                        struct bfs_gguf_split *ret, struct bfs_error *error);

/* Is every set whole? Sorts `splits` by path. Errors: -EBADMSG (a file is missing, or the counts
 * differ; the file is named), -ENOMEM. */
int bfs_gguf_split_check(struct bfs_gguf_split *splits, size_t n, struct bfs_error *error);

#endif

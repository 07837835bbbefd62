/* SPDX-License-Identifier: Apache-2.0
 * Files that a pack makes from those it packs: the converted files of views.
 *
 * THREAD SAFETY: one thread reads a made file, from begin() to end(), and one file at a time is
 * read. */
#ifndef BFS_CODEC_MADE_H
#define BFS_CODEC_MADE_H

#include "codec/chunk/codec.h"
#include "codec/container/tensor.h"
#include "codec/pack/plan.h"
#include "verify/error.h"

struct bfs_made_ops {
    /* The bytes are wanted now, once: open what they are made from. One that fails has released
     * what it opened. NULL: nothing to do. */
    int (*begin)(void *context, struct bfs_error *error);
    /* The next `size` bytes in file order; of a chunk with a transform, the bytes before it. A
     * failure stops the pack with its code and error. */
    int (*read)(void *context, uint8_t *to, size_t size, struct bfs_error *error);
    /* After a begin() that succeeded, whatever happened since. NULL: nothing to do. */
    void (*end)(void *context);
    /* Releases the context, also of a file that was never begun. NULL: nothing to do. */
    void (*free)(void *context);
};

struct bfs_made {
    const struct bfs_made_ops *ops;
    void *context;             /* owned: released by ops->free */
    uint64_t size;             /* of the file */
    struct bfs_tensor_map map; /* of the file; owned */
    /* Where to cut, when the file wants to decide (to share chunks with its source); chunks of the
     * plan may have a transform. No runs: cut as files are. */
    struct bfs_plan plan;
};

/* Does the map fit the file, and the plan, when it has runs, cover it with chunks of at most
 * `capacity` bytes before their transform? Errors: -EINVAL. */
int bfs_made_check(const struct bfs_made *made, uint32_t capacity, const char *what,
                   struct bfs_error *error);

/* Releases the contents and leaves an empty one. */
void bfs_made_done(struct bfs_made *made);
#define bfs_automade BFS_CLEANUP(bfs_made_done)

#endif

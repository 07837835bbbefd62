/* SPDX-License-Identifier: Apache-2.0
 * Files that a pack makes from those it packs: the converted files of views.
 *
 * THREAD SAFETY: one thread reads a made file, from begin() to end(). */
#ifndef BFS_CODEC_MADE_H
#define BFS_CODEC_MADE_H

#include "codec/chunk/codec.h"
#include "codec/container/tensor.h"
#include "codec/pack/plan.h"
#include "verify/error.h"

struct bfs_made_ops {
    /* The bytes are wanted now: open what they are made from. NULL: nothing to do. */
    int (*begin)(void *context, struct bfs_error *error);
    /* The next `size` bytes in file order; of a chunk with a transform, the bytes before it. */
    int (*read)(void *context, uint8_t *to, size_t size, struct bfs_error *error);
    /* After begin(), in any case. NULL: nothing to do. */
    void (*end)(void *context);
    /* Releases the context. */
    void (*free)(void *context);
};

struct bfs_made {
    const struct bfs_made_ops *ops;
    void *context;             /* owned: released by ops->free */
    uint64_t size;             /* of the file */
    struct bfs_tensor_map map; /* of the file; owned */
    /* Where to cut, when the file wants to decide (to share chunks with its source); chunks of the
     * plan may have a transform. Empty: cut as files are. */
    struct bfs_plan plan;
};

void bfs_made_done(struct bfs_made *made);

#endif

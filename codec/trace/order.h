/* SPDX-License-Identifier: Apache-2.0
 * The order in which a load touches a bundle, as the bundle carries it: parts of its files, no byte
 * twice. docs/format.md has the layout. It is a hint from whoever packed the bundle: it decides
 * what may be decoded early, never what is read or whether it is believed.
 *
 * THREAD SAFETY: plain data, that may be shared while nobody changes it. */
#ifndef BFS_CODEC_ORDER_H
#define BFS_CODEC_ORDER_H

#include "codec/index/index.h"
#include "verify/buffer.h"

#define BFS_ORDER_MAGIC "BFSTRACE"

enum {
    BFS_ORDER_HEADER_SIZE = 32,
    BFS_ORDER_RECORD_SIZE = 24,
    BFS_ORDER_STEPS_MAX = 1 << 16, /* every tensor of a large model, many times over */
    BFS_ORDER_SIZE_MAX = BFS_ORDER_HEADER_SIZE + BFS_ORDER_STEPS_MAX * BFS_ORDER_RECORD_SIZE,
};

struct bfs_order_step {
    uint64_t offset; /* in the file */
    uint64_t size;   /* bytes, at least 1; all inside the file */
    uint32_t inode;  /* a regular file */
};

struct bfs_order {
    struct bfs_order_step *steps; /* owned */
    uint32_t n_steps;
    uint64_t size; /* bytes of all steps */
};

/* Validates all of it against the index that the numbers are of: no byte twice, no step that
 * continues the one before it. Errors: -EBADMSG, -EPROTONOSUPPORT, -E2BIG, -ENOMEM. */
int bfs_order_parse(const void *bytes, size_t size, const struct bfs_index *index,
                    struct bfs_order *ret, struct bfs_error *error);
/* Appends what bfs_order_parse() reads. Errors: -ENOMEM. */
int bfs_order_write(const struct bfs_order *order, struct bfs_buffer *ret);

/* Releases the contents and leaves an empty one. */
void bfs_order_done(struct bfs_order *order);
#define bfs_autoorder BFS_CLEANUP(bfs_order_done)

#endif

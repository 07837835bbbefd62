/* SPDX-License-Identifier: Apache-2.0
 * Writes the header of a GGUF file made from another: the same key-values byte for byte and in
 * order, but for those that say how the file is made; the same tensors with other types.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_GGUF_HEAD_H
#define BFS_ACCEL_GGUF_HEAD_H

#include "codec/container/gguf.h"
#include "verify/buffer.h"

enum {
    BFS_GGUF_VIEW_ALIGNMENT =
        4096, /* a page: tensors can be mapped, and read past the page cache */
    BFS_GGUF_QUANTIZATION_VERSION = 2, /* of ggml's block formats */
};

/* What makes a file one that ggml's reader refuses, though it is a GGUF file to us: arrays of
 * arrays, names of more than 63 bytes, elements that 63 bits do not count, and a key of ours that
 * is no u32. Errors: -EBADMSG, -E2BIG; all named. */
int bfs_gguf_head_check(const struct bfs_gguf_header *source, struct bfs_error *error);

/* Appends header and padding up to the data; `types` holds the new type of each tensor of
 * source->map. *ret_size: of the whole file, with data and padding. Errors: also -ENOMEM, -E2BIG
 * (more bytes than 63 bits count). */
int bfs_gguf_head_write(const struct bfs_gguf_header *source, const enum bfs_dtype *types,
                        uint32_t file_type, struct bfs_buffer *ret, uint64_t *ret_size,
                        struct bfs_error *error);

#endif

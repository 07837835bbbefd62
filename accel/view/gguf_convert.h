/* SPDX-License-Identifier: Apache-2.0
 * Converts a tensor of F32, F16 or BF16 to ggml's blocks, or to F32 or F16, through f32. A row is
 * whole blocks, so the tensor is one run of blocks in the end as at the start.
 *
 * THREAD SAFETY: as part lists. */
#ifndef BFS_ACCEL_GGUF_CONVERT_H
#define BFS_ACCEL_GGUF_CONVERT_H

#include "accel/view/part.h"
#include "codec/container/tensor.h"

/* A part that makes `tensor` of `file` into `to`: a float type or one that bfs_quant_has(), whole
 * blocks for the tensor's rows. Its bytes must be what bfs_tensor_measure() says of `to`. The class
 * is the caller's to set. */
struct bfs_part bfs_gguf_convert_part(const struct bfs_tensor *tensor,
                                      const struct bfs_source_file *file, enum bfs_dtype to,
                                      uint64_t size);

#endif

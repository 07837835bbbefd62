/* SPDX-License-Identifier: Apache-2.0
 * Which type each tensor of a GGUF file has in a quantized view: what llama-quantize makes with
 * --pure and no importance matrix. docs/views-gguf.md has the rules and says where they differ.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_GGUF_POLICY_H
#define BFS_ACCEL_GGUF_POLICY_H

#include "codec/container/tensor.h"
#include "verify/error.h"

#include <stdbool.h>

/* Is a matrix of this name one that llama-quantize quantizes? */
bool bfs_gguf_name_is_quantized(const char *name);

/* The tensor's type in a view whose matrices are `target`; its own: copied as it is. Errors:
 * -EINVAL (the tensor would have to be quantized, and is neither F32, F16, BF16 nor what it should
 * become; named). */
int bfs_gguf_policy(const struct bfs_tensor *tensor, enum bfs_dtype target, enum bfs_dtype *ret,
                    struct bfs_error *error);

/* The same for every tensor of a map; `ret` has room for them. */
int bfs_gguf_policy_map(const struct bfs_tensor_map *map, enum bfs_dtype target,
                        enum bfs_dtype *ret, struct bfs_error *error);

/* The class under which a matrix that is converted reports its error: "embedding", "lm_head" or
 * "linear". */
const char *bfs_gguf_tensor_class(const char *name);

#endif

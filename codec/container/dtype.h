/* SPDX-License-Identifier: Apache-2.0
 * Tensor element types: names, block sizes, and what the encoder makes of them.
 *
 * THREAD SAFETY: constant data. */
#ifndef BFS_CODEC_DTYPE_H
#define BFS_CODEC_DTYPE_H

#include "codec/chunk/layout.h"
#include "codec/container/dtype_list.h"

#include <stdint.h>

enum bfs_dtype {
    BFS_DTYPE_NONE = 0,
#define BFS_DTYPE_ENUM(id, NAME, safetensors, ggml, elements, bytes, layout) BFS_DTYPE_##NAME = id,
    BFS_DTYPE_LIST(BFS_DTYPE_ENUM)
#undef BFS_DTYPE_ENUM
};

struct bfs_dtype_info {
    enum bfs_dtype id;
    const char *name;             /* what reports print: "BF16", "Q4_K" */
    const char *safetensors_name; /* NULL when safetensors has no such type */
    int ggml_type;                /* -1 when GGUF has no such type */
    uint32_t block_elements;
    uint32_t block_bytes;
    enum bfs_layout layout;
};

/* NULL for an unknown number or name. */
const struct bfs_dtype_info *bfs_dtype_info(unsigned id);
const struct bfs_dtype_info *bfs_dtype_from_safetensors(const char *name);
const struct bfs_dtype_info *bfs_dtype_from_ggml(uint32_t type);
/* i-th row of the list, NULL past the last. */
const struct bfs_dtype_info *bfs_dtype_at(unsigned i);

#endif

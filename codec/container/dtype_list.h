/* SPDX-License-Identifier: Apache-2.0
 * Every tensor element type that the containers know, once: the index stores the first column, the
 * parsers map their own names and numbers through the others.
 *
 *   X(id, NAME, safetensors name or NULL, ggml type number or -1, elements and bytes of one block,
 *     layout)
 *
 * ids are part of the format: never renumber, only append. Block sizes: ggml-common.h's structs as
 * the GGUF specification counts them; safetensors' sub-byte types packed. Layout is what the chunk
 * encoder makes of the bytes (codec/chunk/layout.h). */
#ifndef BFS_CODEC_DTYPE_LIST_H
#define BFS_CODEC_DTYPE_LIST_H

#define BFS_DTYPE_LIST(X)                                                                          \
    X(1, F64, "F64", 28, 1, 8, FLOAT64)                                                            \
    X(2, F32, "F32", 0, 1, 4, FLOAT32)                                                             \
    X(3, F16, "F16", 1, 1, 2, FLOAT16)                                                             \
    X(4, BF16, "BF16", 30, 1, 2, BFLOAT16)

#endif

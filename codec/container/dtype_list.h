/* SPDX-License-Identifier: Apache-2.0
 * Every tensor element type that the containers know, once: the index stores the first column, the
 * parsers map their own names and numbers through the others.
 *
 *   X(id, NAME, safetensors name or NULL, ggml type number or -1, elements and bytes of one block,
 *     layout)
 *
 * ids are part of the format: never renumber, only append. Block sizes: ggml-common.h's structs as
 * the GGUF specification counts them; safetensors' sub-byte types packed. Layout is what the chunk
 * encoder makes of the bytes (codec/chunk/layout.h); a complex number is two floats to it. */
#ifndef BFS_CODEC_DTYPE_LIST_H
#define BFS_CODEC_DTYPE_LIST_H

/* clang-format off */
#define BFS_DTYPE_LIST(X)                              \
    X(1, F64, "F64", 28, 1, 8, FLOAT64)                \
    X(2, F32, "F32", 0, 1, 4, FLOAT32)                 \
    X(3, F16, "F16", 1, 1, 2, FLOAT16)                 \
    X(4, BF16, "BF16", 30, 1, 2, BFLOAT16)             \
    X(5, I8, "I8", 24, 1, 1, INTEGER)                  \
    X(6, I16, "I16", 25, 1, 2, INTEGER)                \
    X(7, I32, "I32", 26, 1, 4, INTEGER)                \
    X(8, I64, "I64", 27, 1, 8, INTEGER)                \
    X(9, BOOL, "BOOL", -1, 1, 1, INTEGER)              \
    X(10, U8, "U8", -1, 1, 1, INTEGER)                 \
    X(11, U16, "U16", -1, 1, 2, INTEGER)               \
    X(12, U32, "U32", -1, 1, 4, INTEGER)               \
    X(13, U64, "U64", -1, 1, 8, INTEGER)               \
    X(14, F8_E4M3, "F8_E4M3", -1, 1, 1, FLOAT8)        \
    X(15, F8_E5M2, "F8_E5M2", -1, 1, 1, FLOAT8)        \
    X(16, F8_E8M0, "F8_E8M0", -1, 1, 1, FLOAT8)        \
    X(17, F6_E2M3, "F6_E2M3", -1, 4, 3, OPAQUE)        \
    X(18, F6_E3M2, "F6_E3M2", -1, 4, 3, OPAQUE)        \
    X(19, F4, "F4", -1, 2, 1, OPAQUE)                  \
    X(20, C64, "C64", -1, 1, 8, FLOAT32)               \
    X(21, Q4_0, NULL, 2, 32, 18, BLOCKS)               \
    X(22, Q4_1, NULL, 3, 32, 20, BLOCKS)               \
    X(23, Q5_0, NULL, 6, 32, 22, BLOCKS)               \
    X(24, Q5_1, NULL, 7, 32, 24, BLOCKS)               \
    X(25, Q8_0, NULL, 8, 32, 34, BLOCKS)               \
    X(26, Q8_1, NULL, 9, 32, 36, BLOCKS)               \
    X(27, Q2_K, NULL, 10, 256, 84, BLOCKS)             \
    X(28, Q3_K, NULL, 11, 256, 110, BLOCKS)            \
    X(29, Q4_K, NULL, 12, 256, 144, BLOCKS)            \
    X(30, Q5_K, NULL, 13, 256, 176, BLOCKS)            \
    X(31, Q6_K, NULL, 14, 256, 210, BLOCKS)            \
    X(32, Q8_K, NULL, 15, 256, 292, BLOCKS)            \
    X(33, IQ2_XXS, NULL, 16, 256, 66, BLOCKS)          \
    X(34, IQ2_XS, NULL, 17, 256, 74, BLOCKS)           \
    X(35, IQ3_XXS, NULL, 18, 256, 98, BLOCKS)          \
    X(36, IQ1_S, NULL, 19, 256, 50, BLOCKS)            \
    X(37, IQ4_NL, NULL, 20, 32, 18, BLOCKS)            \
    X(38, IQ3_S, NULL, 21, 256, 110, BLOCKS)           \
    X(39, IQ2_S, NULL, 22, 256, 82, BLOCKS)            \
    X(40, IQ4_XS, NULL, 23, 256, 136, BLOCKS)          \
    X(41, IQ1_M, NULL, 29, 256, 56, BLOCKS)            \
    X(42, TQ1_0, NULL, 34, 256, 54, BLOCKS)            \
    X(43, TQ2_0, NULL, 35, 256, 66, BLOCKS)            \
    X(44, MXFP4, NULL, 39, 32, 17, BLOCKS)             \
    X(45, NVFP4, NULL, 40, 64, 36, BLOCKS)             \
    X(46, Q1_0, NULL, 41, 128, 18, BLOCKS)             \
    X(47, Q2_0, NULL, 42, 64, 18, BLOCKS)             \
    X(48, F8_E4M3FNUZ, "F8_E4M3FNUZ", -1, 1, 1, FLOAT8) \
    X(49, F8_E5M2FNUZ, "F8_E5M2FNUZ", -1, 1, 1, FLOAT8)
/* clang-format on */

#endif

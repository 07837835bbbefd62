/* SPDX-License-Identifier: Apache-2.0
 * ggml's quantized blocks, byte for byte as its reference functions (quantize_row_*_ref, no
 * importance matrix) make them. docs/views-quant.md has the rules and what becomes of NaN and infinity.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_QUANT_H
#define BFS_ACCEL_QUANT_H

#include "codec/container/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is it a type that can be quantized to: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K? */
bool bfs_quant_has(enum bfs_dtype type);

/* Quantizes n floats, a multiple of the type's block, into n / block_elements blocks. Nothing needs
 * to be aligned. The result does not depend on the processor. */
void bfs_quantize(enum bfs_dtype type, const float *from, uint8_t *to, size_t n);
/* The values that the blocks stand for. */
void bfs_dequantize(enum bfs_dtype type, const uint8_t *from, float *to, size_t n);

/* The type that llama-quantize takes for rows of `row` elements when they are not whole blocks of
 * `type` (Q4_K -> Q5_0, Q5_K -> Q5_1, Q6_K -> Q8_0, and F16 when even that does not fit). */
enum bfs_dtype bfs_quant_for_row(enum bfs_dtype type, uint64_t row);

#endif

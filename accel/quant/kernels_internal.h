/* SPDX-License-Identifier: Apache-2.0
 * The tables of each instruction set for kernels.c, and what vector kernels leave to the scalar
 * ones: blocks with something that is not finite, or with scales at the ends of what a float holds.
 * Their results are odd but defined, and defined once. */
#ifndef BFS_ACCEL_QUANT_KERNELS_INTERNAL_H
#define BFS_ACCEL_QUANT_KERNELS_INTERNAL_H

#include "accel/quant/kernels.h"

#define BFS_QUANT_INLINE static inline __attribute__((always_inline))

extern const struct bfs_quant_kernels bfs_quant_kernels_c;
#if defined(__x86_64__)
extern const struct bfs_quant_kernels bfs_quant_kernels_avx2;
extern const struct bfs_quant_kernels bfs_quant_kernels_avx512;
#endif

typedef void bfs_quantize_fn(const float *from, uint8_t *to, size_t n_blocks);

bfs_quantize_fn bfs_quantize_q8_0_c;
bfs_quantize_fn bfs_quantize_q4_0_c;
bfs_quantize_fn bfs_quantize_q4_1_c;
bfs_quantize_fn bfs_quantize_q5_0_c;
bfs_quantize_fn bfs_quantize_q5_1_c;
bfs_quantize_fn bfs_quantize_q4_k_c;
bfs_quantize_fn bfs_quantize_q5_k_c;
bfs_quantize_fn bfs_quantize_q6_k_c;

bfs_quantize_fn bfs_quantize_q8_0_avx2;
bfs_quantize_fn bfs_quantize_q4_0_avx2;
bfs_quantize_fn bfs_quantize_q4_1_avx2;
bfs_quantize_fn bfs_quantize_q5_0_avx2;
bfs_quantize_fn bfs_quantize_q5_1_avx2;
bfs_quantize_fn bfs_quantize_q4_k_avx2;
bfs_quantize_fn bfs_quantize_q5_k_avx2;

#endif

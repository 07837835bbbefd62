/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 pays for the searches; a block of 32 values has no use for wider vectors than AVX2's. */
#include "accel/quant/kernels_internal.h"

#if defined(__x86_64__)

#include "accel/quant/lanes_avx512.h"

#include "accel/quant/dequantize.h"
#include "accel/quant/k_quantize.h"

/* A block that is left behind the last whole group goes to AVX2. */
static size_t whole_groups(size_t n_blocks)
{
    return n_blocks - n_blocks % GROUP_BLOCKS;
}

static void quantize_q4_k_any(const float *from, uint8_t *to, size_t n_blocks)
{
    size_t whole = whole_groups(n_blocks);
    quantize_q4_k(from, to, whole);
    bfs_quantize_q4_k_avx2(from + whole * BFS_QUANT_SUPER, to + whole * sizeof(struct bfs_q4_k),
                           n_blocks - whole);
}

static void quantize_q5_k_any(const float *from, uint8_t *to, size_t n_blocks)
{
    size_t whole = whole_groups(n_blocks);
    quantize_q5_k(from, to, whole);
    bfs_quantize_q5_k_avx2(from + whole * BFS_QUANT_SUPER, to + whole * sizeof(struct bfs_q5_k),
                           n_blocks - whole);
}

BFS_DEQUANTIZE_DEFINE_ALL(TARGET)

const struct bfs_quant_kernels bfs_quant_kernels_avx512 = {
    .name = "avx512",
    .of =
        {
            [BFS_QUANT_Q8_0] = {bfs_quantize_q8_0_avx2, dequantize_q8_0},
            [BFS_QUANT_Q4_0] = {bfs_quantize_q4_0_avx2, dequantize_q4_0},
            [BFS_QUANT_Q4_1] = {bfs_quantize_q4_1_avx2, dequantize_q4_1},
            [BFS_QUANT_Q5_0] = {bfs_quantize_q5_0_avx2, dequantize_q5_0},
            [BFS_QUANT_Q5_1] = {bfs_quantize_q5_1_avx2, dequantize_q5_1},
            [BFS_QUANT_Q4_K] = {quantize_q4_k_any, dequantize_q4_k},
            [BFS_QUANT_Q5_K] = {quantize_q5_k_any, dequantize_q5_k},
            [BFS_QUANT_Q6_K] = {quantize_q6_k, dequantize_q6_k},
        },
};

#endif

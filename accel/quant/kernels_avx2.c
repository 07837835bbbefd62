/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/quant/kernels_internal.h"

#if defined(__x86_64__)

#include "accel/quant/lanes_avx2.h"

#include "accel/quant/dequantize.h"
#include "accel/quant/k_quantize.h"

TARGET void bfs_quantize_q4_k_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    quantize_q4_k(from, to, n_blocks);
}

TARGET void bfs_quantize_q5_k_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    quantize_q5_k(from, to, n_blocks);
}

BFS_DEQUANTIZE_DEFINE_ALL(TARGET)

const struct bfs_quant_kernels bfs_quant_kernels_avx2 = {
    .name = "avx2",
    .of =
        {
            [BFS_QUANT_Q8_0] = {bfs_quantize_q8_0_avx2, dequantize_q8_0},
            [BFS_QUANT_Q4_0] = {bfs_quantize_q4_0_avx2, dequantize_q4_0},
            [BFS_QUANT_Q4_1] = {bfs_quantize_q4_1_avx2, dequantize_q4_1},
            [BFS_QUANT_Q5_0] = {bfs_quantize_q5_0_avx2, dequantize_q5_0},
            [BFS_QUANT_Q5_1] = {bfs_quantize_q5_1_avx2, dequantize_q5_1},
            [BFS_QUANT_Q4_K] = {bfs_quantize_q4_k_avx2, dequantize_q4_k},
            [BFS_QUANT_Q5_K] = {bfs_quantize_q5_k_avx2, dequantize_q5_k},
            [BFS_QUANT_Q6_K] = {quantize_q6_k, dequantize_q6_k},
        },
};

#endif

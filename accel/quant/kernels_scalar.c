/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/quant/dequantize.h"

BFS_DEQUANTIZE_DEFINE_ALL()

const struct bfs_quant_kernels bfs_quant_kernels_c = {
    .name = "scalar",
    .of =
        {
            [BFS_QUANT_Q8_0] = {bfs_quantize_q8_0_c, dequantize_q8_0},
            [BFS_QUANT_Q4_0] = {bfs_quantize_q4_0_c, dequantize_q4_0},
            [BFS_QUANT_Q4_1] = {bfs_quantize_q4_1_c, dequantize_q4_1},
            [BFS_QUANT_Q5_0] = {bfs_quantize_q5_0_c, dequantize_q5_0},
            [BFS_QUANT_Q5_1] = {bfs_quantize_q5_1_c, dequantize_q5_1},
            [BFS_QUANT_Q4_K] = {bfs_quantize_q4_k_c, dequantize_q4_k},
            [BFS_QUANT_Q5_K] = {bfs_quantize_q5_k_c, dequantize_q5_k},
            [BFS_QUANT_Q6_K] = {bfs_quantize_q6_k_c, dequantize_q6_k},
        },
};

/* SPDX-License-Identifier: Apache-2.0
 * Single blocks by every instruction set. Included after cmocka.h. */
#ifndef BFS_TESTS_QUANT_BLOCKS_H
#define BFS_TESTS_QUANT_BLOCKS_H

#include "accel/quant/blocks.h"
#include "accel/quant/kernels.h"

static inline uint16_t half_at(const uint8_t at[2])
{
    return (uint16_t)(at[0] | at[1] << 8);
}

/* Calls check() for every instruction set. */
static inline void with_every_kernel(void (*check)(const struct bfs_quant_kernels *kernels))
{
    for (size_t i = 0; bfs_quant_kernels_at(i) != NULL; i++)
        check(bfs_quant_kernels_at(i));
}

static inline struct bfs_q8_0 q8_0(const struct bfs_quant_kernels *kernels, const float x[32])
{
    struct bfs_q8_0 block;
    kernels->of[BFS_QUANT_Q8_0].quantize(x, (uint8_t *)&block, 1);
    return block;
}

static inline struct bfs_q4_0 q4_0(const struct bfs_quant_kernels *kernels, const float x[32])
{
    struct bfs_q4_0 block;
    kernels->of[BFS_QUANT_Q4_0].quantize(x, (uint8_t *)&block, 1);
    return block;
}

static inline struct bfs_q4_1 q4_1(const struct bfs_quant_kernels *kernels, const float x[32])
{
    struct bfs_q4_1 block;
    kernels->of[BFS_QUANT_Q4_1].quantize(x, (uint8_t *)&block, 1);
    return block;
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Q4_K, Q5_K and Q6_K with the searches of k_lanes.h: as many blocks at once as their sub-blocks
 * fill lanes. Defines quantize_q4_k(), quantize_q5_k() and quantize_q6_k(), which take any number
 * of blocks that is whole groups. Included by the file of an instruction set. */
#ifndef BFS_ACCEL_QUANT_K_QUANTIZE_H
#define BFS_ACCEL_QUANT_K_QUANTIZE_H

#include "accel/quant/k_block.h"
#include "accel/quant/k_lanes.h"

enum {
    /* Blocks of a group of Q4_K and Q5_K; groups of lanes of a block of Q6_K. */
    GROUP_BLOCKS = LANES / BFS_K_SUBS,
    GROUP_VALUES = GROUP_BLOCKS * BFS_QUANT_SUPER,
    BLOCK_GROUPS_Q6_K = BFS_K_SUBS_Q6_K / LANES,
    GROUP_VALUES_Q6_K = LANES * BFS_QUANT_SUB_Q6_K,
};

/* Value i of every sub-block next to each other. */
TARGET static inline void transpose(const float *from, int length, float (*to)[LANES])
{
    for (int i = 0; i < length; i++)
        for (int lane = 0; lane < LANES; lane++)
            to[i][lane] = from[lane * length + i];
}

/* The q that the search found, which stays where a reader's scale will be 0. */
static inline void searched_levels(const float *x, float low, float inverse, int levels, uint8_t *q)
{
    for (int i = 0; i < BFS_QUANT_SUB; i++)
        q[i] = (uint8_t)bfs_k_clamp(bfs_k_nearest(inverse * (x[i] - low)), 0, levels);
}

/* x: the values of a block; fits: from its first lane. */
TARGET static inline void finish_k(const struct bfs_k_plan *plan, const float *x,
                                   const struct lanes_fits *fits, int lane, struct bfs_k_head *head,
                                   uint8_t q[BFS_QUANT_SUPER])
{
    bfs_k_head_put(head, fits->scale + lane, fits->minus + lane);
    struct bfs_k_scales got = bfs_k_head_get(head);
    for (int j = 0; j < BFS_K_SUBS; j++) {
        const float *values = x + j * BFS_QUANT_SUB;
        uint8_t *levels = q + j * BFS_QUANT_SUB;
        if (got.d[j] != 0.0f)
            bfs_k_round_again(values, got.d[j], got.m[j], plan->levels, levels);
        else
            searched_levels(values, fits->low[lane + j], fits->inverse[lane + j], plan->levels,
                            levels);
    }
}

TARGET static void quantize_q4_k(const float *from, uint8_t *to, size_t n_blocks)
{
    const struct bfs_k_plan plan = bfs_k_plan_q4();
    struct bfs_q4_k *block = (struct bfs_q4_k *)(void *)to;
    for (; n_blocks >= GROUP_BLOCKS; n_blocks -= GROUP_BLOCKS, from += GROUP_VALUES) {
        LANES_ALIGNED float x[GROUP_VALUES];
        LANES_ALIGNED float by_lane[BFS_QUANT_SUB][LANES];
        struct lanes_fits fits;
        memcpy(x, from, sizeof(x));
        transpose(x, BFS_QUANT_SUB, by_lane);
        if (!lanes_search(&plan, (const float(*)[LANES])by_lane, &fits)) {
            bfs_quantize_q4_k_c(from, (uint8_t *)block, GROUP_BLOCKS);
            block += GROUP_BLOCKS;
            continue;
        }
        for (int i = 0; i < GROUP_BLOCKS; i++, block++) {
            uint8_t q[BFS_QUANT_SUPER];
            finish_k(&plan, x + i * BFS_QUANT_SUPER, &fits, i * BFS_K_SUBS, &block->head, q);
            bfs_k_nibbles_put(block->q, q);
        }
    }
}

TARGET static void quantize_q5_k(const float *from, uint8_t *to, size_t n_blocks)
{
    const struct bfs_k_plan plan = bfs_k_plan_q5();
    struct bfs_q5_k *block = (struct bfs_q5_k *)(void *)to;
    for (; n_blocks >= GROUP_BLOCKS; n_blocks -= GROUP_BLOCKS, from += GROUP_VALUES) {
        LANES_ALIGNED float x[GROUP_VALUES];
        LANES_ALIGNED float by_lane[BFS_QUANT_SUB][LANES];
        struct lanes_fits fits;
        memcpy(x, from, sizeof(x));
        transpose(x, BFS_QUANT_SUB, by_lane);
        if (!lanes_search(&plan, (const float(*)[LANES])by_lane, &fits)) {
            bfs_quantize_q5_k_c(from, (uint8_t *)block, GROUP_BLOCKS);
            block += GROUP_BLOCKS;
            continue;
        }
        for (int i = 0; i < GROUP_BLOCKS; i++, block++) {
            uint8_t q[BFS_QUANT_SUPER];
            finish_k(&plan, x + i * BFS_QUANT_SUPER, &fits, i * BFS_K_SUBS, &block->head, q);
            bfs_k_nibbles_put(block->q, q);
            bfs_k_fifth_bits_put(block->high, q);
        }
    }
}

static inline void searched_levels_q6(const float *x, float inverse, uint8_t *q)
{
    for (int i = 0; i < BFS_QUANT_SUB_Q6_K; i++)
        q[i] = (uint8_t)(inverse != inverse
                             ? 0
                             : BFS_Q6_K_HALF + bfs_k_clamp(bfs_k_nearest(inverse * x[i]),
                                                           -BFS_Q6_K_HALF, BFS_Q6_K_HALF - 1));
}

/* False: the scalar quantizer must do it. */
TARGET static bool quantize_block_q6_k(const float tries[BFS_Q6_K_TRIES], const float *from,
                                       struct bfs_q6_k *block)
{
    LANES_ALIGNED float x[BFS_QUANT_SUPER];
    float scale[BFS_K_SUBS_Q6_K];
    float inverse[BFS_K_SUBS_Q6_K];
    memcpy(x, from, sizeof(x));
    for (int i = 0; i < BLOCK_GROUPS_Q6_K; i++) {
        LANES_ALIGNED float by_lane[BFS_QUANT_SUB_Q6_K][LANES];
        struct lanes_scales found;
        transpose(x + i * GROUP_VALUES_Q6_K, BFS_QUANT_SUB_Q6_K, by_lane);
        if (!lanes_search_q6(tries, (const float(*)[LANES])by_lane, &found))
            return false;
        memcpy(scale + i * LANES, found.scale, sizeof(found.scale));
        memcpy(inverse + i * LANES, found.inverse, sizeof(found.inverse));
    }
    float d[BFS_K_SUBS_Q6_K];
    uint8_t q[BFS_QUANT_SUPER];
    if (!bfs_q6_k_scales_put(block, scale, d))
        return true;
    for (int j = 0; j < BFS_K_SUBS_Q6_K; j++) {
        const float *values = x + j * BFS_QUANT_SUB_Q6_K;
        uint8_t *levels = q + j * BFS_QUANT_SUB_Q6_K;
        if (d[j] != 0.0f)
            bfs_q6_k_round_again(values, d[j], levels);
        else
            searched_levels_q6(values, inverse[j], levels);
    }
    bfs_q6_k_bits_put(block, q);
    return true;
}

TARGET static void quantize_q6_k(const float *from, uint8_t *to, size_t n_blocks)
{
    float tries[BFS_Q6_K_TRIES];
    bfs_q6_k_tries(tries);
    struct bfs_q6_k *block = (struct bfs_q6_k *)(void *)to;
    for (; n_blocks-- > 0; from += BFS_QUANT_SUPER, block++)
        if (!quantize_block_q6_k(tries, from, block))
            bfs_quantize_q6_k_c(from, (uint8_t *)block, 1);
}

#endif

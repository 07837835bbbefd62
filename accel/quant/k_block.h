/* SPDX-License-Identifier: Apache-2.0
 * From what a search found for the sub-blocks of a block of 256 values to the block's bytes.
 * Inline, so that every instruction set compiles its own; no step depends on the order of the
 * values. */
#ifndef BFS_ACCEL_QUANT_K_BLOCK_H
#define BFS_ACCEL_QUANT_K_BLOCK_H

#include "accel/quant/k_search.h"

#include <math.h>

/* Scales and minima of sub-blocks as a reader of the block has them. */
struct bfs_k_scales {
    float d[BFS_K_SUBS];
    float m[BFS_K_SUBS];
};

/* Six bits of `value` by the largest; negative numbers wrap around and end as 63. */
BFS_QUANT_INLINE unsigned bfs_k_six_bits(float inverse, float value)
{
    unsigned byte = (uint8_t)bfs_k_nearest(inverse * value);
    return byte < 63 ? byte : 63;
}

BFS_QUANT_INLINE void bfs_k_six_bits_get(const uint8_t packed[12], int j, unsigned *ret_scale,
                                         unsigned *ret_minus)
{
    if (j < 4) {
        *ret_scale = packed[j] & 63;
        *ret_minus = packed[j + 4] & 63;
    } else {
        *ret_scale = (unsigned)(packed[j + 4] & 15) | (unsigned)(packed[j - 4] >> 6) << 4;
        *ret_minus = (unsigned)(packed[j + 4] >> 4) | (unsigned)(packed[j] >> 6) << 4;
    }
}

BFS_QUANT_INLINE void bfs_k_six_bits_put(uint8_t packed[12], int j, unsigned scale, unsigned minus)
{
    if (j < 4) {
        packed[j] = (uint8_t)scale;
        packed[j + 4] = (uint8_t)minus;
    } else {
        packed[j + 4] = (uint8_t)((scale & 15) | (minus & 15) << 4);
        packed[j - 4] = (uint8_t)(packed[j - 4] | scale >> 4 << 6);
        packed[j] = (uint8_t)(packed[j] | minus >> 4 << 6);
    }
}

BFS_QUANT_INLINE struct bfs_k_scales bfs_k_head_get(const struct bfs_k_head *head)
{
    float d = bfs_half_get(head->d);
    float dmin = bfs_half_get(head->dmin);
    struct bfs_k_scales scales;
    for (int j = 0; j < BFS_K_SUBS; j++) {
        unsigned scale;
        unsigned minus;
        bfs_k_six_bits_get(head->scales, j, &scale, &minus);
        scales.d[j] = d * (float)scale;
        scales.m[j] = dmin * (float)minus;
    }
    return scales;
}

BFS_QUANT_INLINE void bfs_k_head_put(struct bfs_k_head *head, const float scale[BFS_K_SUBS],
                                     const float minus[BFS_K_SUBS])
{
    float max_scale = 0.0f;
    float max_minus = 0.0f;
    for (int j = 0; j < BFS_K_SUBS; j++) {
        max_scale = scale[j] > max_scale ? scale[j] : max_scale;
        max_minus = minus[j] > max_minus ? minus[j] : max_minus;
    }
    float inverse_scale = max_scale > 0.0f ? 63.0f / max_scale : 0.0f;
    float inverse_minus = max_minus > 0.0f ? 63.0f / max_minus : 0.0f;
    for (int j = 0; j < BFS_K_SUBS; j++)
        bfs_k_six_bits_put(head->scales, j, bfs_k_six_bits(inverse_scale, scale[j]),
                           bfs_k_six_bits(inverse_minus, minus[j]));
    bfs_half_put(head->d, max_scale / 63.0f);
    bfs_half_put(head->dmin, max_minus / 63.0f);
}

/* q of a sub-block, once more, by the scale and the minimum that a reader will have. */
BFS_QUANT_INLINE void bfs_k_round_again(const float *x, float d, float m, int levels, uint8_t *q)
{
    for (int i = 0; i < BFS_QUANT_SUB; i++)
        q[i] = (uint8_t)bfs_k_clamp(bfs_k_nearest((x[i] + m) / d), 0, levels);
}

BFS_QUANT_INLINE void bfs_k_nibbles_put(uint8_t to[128], const uint8_t q[BFS_QUANT_SUPER])
{
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 32; i++)
            to[32 * j + i] = (uint8_t)((q[64 * j + i] & 15) | (q[64 * j + 32 + i] & 15) << 4);
}

/* Bit j of high[i] is the fifth bit of the i-th value of sub-block j. */
BFS_QUANT_INLINE void bfs_k_fifth_bits_put(uint8_t high[32], const uint8_t q[BFS_QUANT_SUPER])
{
    memset(high, 0, 32);
    for (int j = 0; j < BFS_K_SUBS; j++)
        for (int i = 0; i < 32; i++)
            high[i] = (uint8_t)(high[i] | (q[32 * j + i] >> 4) << j);
}

/* -- Q6_K -- */

/* Scales of the sub-blocks as a reader has them. False: the block is nothing, and is written. */
BFS_QUANT_INLINE int bfs_q6_k_scales_put(struct bfs_q6_k *block, const float scale[BFS_K_SUBS_Q6_K],
                                         float ret_d[BFS_K_SUBS_Q6_K])
{
    float largest = 0.0f;
    float farthest = 0.0f;
    for (int j = 0; j < BFS_K_SUBS_Q6_K; j++) {
        if (fabsf(scale[j]) > largest) {
            largest = fabsf(scale[j]);
            farthest = scale[j];
        }
    }
    if (largest < BFS_Q6_K_NOTHING) {
        memset(block, 0, sizeof(*block));
        return 0;
    }
    float inverse = -128.0f / farthest;
    bfs_half_put(block->d, 1.0f / inverse);
    float d = bfs_half_get(block->d);
    for (int j = 0; j < BFS_K_SUBS_Q6_K; j++) {
        int32_t nearest = bfs_k_nearest(inverse * scale[j]);
        uint8_t byte = (uint8_t)(nearest < 127 ? nearest : 127);
        block->scales[j] = byte;
        ret_d[j] = d * (float)(int8_t)byte;
    }
    return 1;
}

BFS_QUANT_INLINE void bfs_q6_k_round_again(const float *x, float d, uint8_t *q)
{
    for (int i = 0; i < BFS_QUANT_SUB_Q6_K; i++)
        q[i] = (uint8_t)(bfs_k_clamp(bfs_k_nearest(x[i] / d), -BFS_Q6_K_HALF, BFS_Q6_K_HALF - 1) +
                         BFS_Q6_K_HALF);
}

/* Each half of the block: 128 values in four quarters of 32. */
BFS_QUANT_INLINE void bfs_q6_k_bits_put(struct bfs_q6_k *block, const uint8_t q[BFS_QUANT_SUPER])
{
    for (int h = 0; h < 2; h++) {
        const uint8_t *from = q + 128 * h;
        for (int i = 0; i < 64; i++)
            block->low[64 * h + i] = (uint8_t)((from[i] & 15) | (from[i + 64] & 15) << 4);
        for (int i = 0; i < 32; i++)
            block->high[32 * h + i] = (uint8_t)(from[i] >> 4 | from[i + 32] >> 4 << 2 |
                                                from[i + 64] >> 4 << 4 | from[i + 96] >> 4 << 6);
    }
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The values of blocks. Inline, so that every instruction set compiles its own; each value stands
 * alone, and its product is rounded before anything is added. */
#ifndef BFS_ACCEL_QUANT_DEQUANTIZE_H
#define BFS_ACCEL_QUANT_DEQUANTIZE_H

#include "accel/quant/k_block.h"

BFS_QUANT_INLINE void bfs_dequantize_q8_0(const struct bfs_q8_0 *block, float y[32])
{
    float d = bfs_half_get(block->d);
    for (int i = 0; i < 32; i++)
        y[i] = (float)(int8_t)block->q[i] * d;
}

/* The 32 numbers of 4 bits of a small block: low halves first. */
BFS_QUANT_INLINE void bfs_nibbles_get(const uint8_t from[16], int32_t q[32])
{
    for (int i = 0; i < 16; i++)
        q[i] = from[i] & 15;
    for (int i = 0; i < 16; i++)
        q[i + 16] = from[i] >> 4;
}

BFS_QUANT_INLINE void bfs_fifth_bits_get(const uint8_t from[4], int32_t q[32])
{
    uint32_t bits;
    memcpy(&bits, from, sizeof(bits));
    for (int i = 0; i < 32; i++)
        q[i] |= (int32_t)(bits >> i & 1) << 4;
}

BFS_QUANT_INLINE void bfs_signed_values(const int32_t q[32], int32_t zero, float d, float y[32])
{
    for (int i = 0; i < 32; i++)
        y[i] = (float)(q[i] - zero) * d;
}

BFS_QUANT_INLINE void bfs_offset_values(const int32_t q[32], float d, float m, float y[32])
{
    for (int i = 0; i < 32; i++)
        y[i] = (float)q[i] * d + m;
}

BFS_QUANT_INLINE void bfs_dequantize_q4_0(const struct bfs_q4_0 *block, float y[32])
{
    int32_t q[32];
    bfs_nibbles_get(block->q, q);
    bfs_signed_values(q, 8, bfs_half_get(block->d), y);
}

BFS_QUANT_INLINE void bfs_dequantize_q4_1(const struct bfs_q4_1 *block, float y[32])
{
    int32_t q[32];
    bfs_nibbles_get(block->q, q);
    bfs_offset_values(q, bfs_half_get(block->d), bfs_half_get(block->m), y);
}

BFS_QUANT_INLINE void bfs_dequantize_q5_0(const struct bfs_q5_0 *block, float y[32])
{
    int32_t q[32];
    bfs_nibbles_get(block->q, q);
    bfs_fifth_bits_get(block->high, q);
    bfs_signed_values(q, 16, bfs_half_get(block->d), y);
}

BFS_QUANT_INLINE void bfs_dequantize_q5_1(const struct bfs_q5_1 *block, float y[32])
{
    int32_t q[32];
    bfs_nibbles_get(block->q, q);
    bfs_fifth_bits_get(block->high, q);
    bfs_offset_values(q, bfs_half_get(block->d), bfs_half_get(block->m), y);
}

BFS_QUANT_INLINE void bfs_dequantize_q4_k(const struct bfs_q4_k *block, float y[256])
{
    struct bfs_k_scales scales = bfs_k_head_get(&block->head);
    for (int j = 0; j < BFS_K_SUBS; j++) {
        const uint8_t *q = block->q + j / 2 * 32;
        float d = scales.d[j];
        float m = scales.m[j];
        int shift = j % 2 * 4;
        for (int i = 0; i < 32; i++)
            y[32 * j + i] = d * (float)(q[i] >> shift & 15) - m;
    }
}

BFS_QUANT_INLINE void bfs_dequantize_q5_k(const struct bfs_q5_k *block, float y[256])
{
    struct bfs_k_scales scales = bfs_k_head_get(&block->head);
    for (int j = 0; j < BFS_K_SUBS; j++) {
        const uint8_t *q = block->q + j / 2 * 32;
        float d = scales.d[j];
        float m = scales.m[j];
        int shift = j % 2 * 4;
        for (int i = 0; i < 32; i++)
            y[32 * j + i] = d * (float)((q[i] >> shift & 15) | (block->high[i] >> j & 1) << 4) - m;
    }
}

BFS_QUANT_INLINE void bfs_dequantize_q6_k(const struct bfs_q6_k *block, float y[256])
{
    float d = bfs_half_get(block->d);
    for (int j = 0; j < BFS_K_SUBS_Q6_K; j++) {
        int quarter = j % 8 / 2; /* of 32 values, within a half of 128 */
        const uint8_t *low = block->low + j / 8 * 64 + quarter % 2 * 32 + j % 2 * 16;
        const uint8_t *high = block->high + j / 8 * 32 + j % 2 * 16;
        int low_shift = quarter / 2 * 4;
        int high_shift = quarter * 2;
        float scale = d * (float)(int8_t)block->scales[j];
        for (int i = 0; i < 16; i++) {
            int q = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
            y[16 * j + i] = scale * (float)(q - BFS_Q6_K_HALF);
        }
    }
}

/* The functions of one instruction set's table; TARGET is its attribute, or nothing. */
#define BFS_DEQUANTIZE_DEFINE(TARGET, name, VALUES)                                                \
    TARGET static void dequantize_##name(const uint8_t *from, float *to, size_t n_blocks)          \
    {                                                                                              \
        const struct bfs_##name *block = (const struct bfs_##name *)(const void *)from;            \
        for (; n_blocks-- > 0; block++, to += (VALUES)) {                                          \
            float y[VALUES];                                                                       \
            bfs_dequantize_##name(block, y);                                                       \
            memcpy(to, y, sizeof(y));                                                              \
        }                                                                                          \
    }

#define BFS_DEQUANTIZE_DEFINE_ALL(TARGET)                                                          \
    BFS_DEQUANTIZE_DEFINE(TARGET, q8_0, BFS_QUANT_SMALL)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q4_0, BFS_QUANT_SMALL)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q4_1, BFS_QUANT_SMALL)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q5_0, BFS_QUANT_SMALL)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q5_1, BFS_QUANT_SMALL)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q4_k, BFS_QUANT_SUPER)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q5_k, BFS_QUANT_SUPER)                                           \
    BFS_DEQUANTIZE_DEFINE(TARGET, q6_k, BFS_QUANT_SUPER)

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The searches behind Q4_K, Q5_K and Q6_K: for a sub-block, the scale (and the minimum) that leave
 * the smallest weighted error among some twenty that are tried. Sums are of 32-bit floats, in the
 * order of the values: another order gives other bytes.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_QUANT_K_SEARCH_H
#define BFS_ACCEL_QUANT_K_SEARCH_H

#include "accel/quant/blocks.h"
#include "accel/quant/half.h"
#include "accel/quant/kernels_internal.h"

enum {
    BFS_K_SUBS = BFS_QUANT_SUPER / BFS_QUANT_SUB,
    BFS_K_SUBS_Q6_K = BFS_QUANT_SUPER / BFS_QUANT_SUB_Q6_K,
    BFS_K_TRIES_MAX = 21,
    BFS_Q6_K_HALF = 32, /* of the levels of a Q6_K value */
    BFS_Q6_K_TRIES = 18,
};

/* x is about scale * q - minus, q in 0..levels. The i-th try divides the range into tries[i]. */
struct bfs_k_plan {
    int levels;
    int n_tries;
    float tries[BFS_K_TRIES_MAX];
};
struct bfs_k_plan bfs_k_plan_q4(void);
struct bfs_k_plan bfs_k_plan_q5(void);

struct bfs_k_fit {
    float scale;
    float minus;
};
struct bfs_k_fit bfs_k_search(const struct bfs_k_plan *plan, const float x[BFS_QUANT_SUB],
                              uint8_t q[BFS_QUANT_SUB]);

/* x is about scale * (q - 32); returns the scale. tries: of bfs_q6_k_tries(). */
void bfs_q6_k_tries(float tries[BFS_Q6_K_TRIES]);
float bfs_q6_k_search(const float tries[BFS_Q6_K_TRIES], const float x[BFS_QUANT_SUB_Q6_K],
                      uint8_t q[BFS_QUANT_SUB_Q6_K]);

/* Below this, all of a Q6_K sub-block counts as zero. */
#define BFS_Q6_K_NOTHING 1e-15f

/* To the nearest integer, ties to even, by the bits that are left when 1.5 * 2^23 is added: wrong
 * beyond +-2^22, but the same wrong everywhere. 0 for NaN. */
BFS_QUANT_INLINE int32_t bfs_k_nearest(float value)
{
    uint32_t bits = bfs_float_bits(value + 12582912.0f);
    int32_t nearest = (int32_t)(bits & 0x007fffff) - 0x00400000;
    return value == value ? nearest : 0;
}

BFS_QUANT_INLINE int32_t bfs_k_clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

#endif

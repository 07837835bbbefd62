/* SPDX-License-Identifier: Apache-2.0
 * Eight floats side by side, for k_lanes.h. */
#ifndef BFS_ACCEL_QUANT_LANES_AVX2_H
#define BFS_ACCEL_QUANT_LANES_AVX2_H

#include <immintrin.h>
#include <stdbool.h>

#define TARGET __attribute__((target("avx2")))

enum { LANES = 8 };
typedef __m256 lanes;
typedef __m256 lanes_mask;

TARGET static inline lanes lanes_all(float value)
{
    return _mm256_set1_ps(value);
}

TARGET static inline lanes lanes_load(const float *from)
{
    return _mm256_load_ps(from);
}

TARGET static inline void lanes_store(float *to, lanes a)
{
    _mm256_store_ps(to, a);
}

TARGET static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm256_add_ps(a, b);
}

TARGET static inline lanes lanes_sub(lanes a, lanes b)
{
    return _mm256_sub_ps(a, b);
}

TARGET static inline lanes lanes_mul(lanes a, lanes b)
{
    return _mm256_mul_ps(a, b);
}

TARGET static inline lanes lanes_div(lanes a, lanes b)
{
    return _mm256_div_ps(a, b);
}

TARGET static inline lanes lanes_sqrt(lanes a)
{
    return _mm256_sqrt_ps(a);
}

TARGET static inline lanes lanes_abs(lanes a)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

/* b where either is NaN, and where they are equal. */
TARGET static inline lanes lanes_min(lanes a, lanes b)
{
    return _mm256_min_ps(a, b);
}

TARGET static inline lanes lanes_max(lanes a, lanes b)
{
    return _mm256_max_ps(a, b);
}

/* False for NaN. */
TARGET static inline lanes_mask lanes_less(lanes a, lanes b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

TARGET static inline lanes_mask lanes_equal(lanes a, lanes b)
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}

TARGET static inline lanes_mask lanes_and(lanes_mask a, lanes_mask b)
{
    return _mm256_and_ps(a, b);
}

TARGET static inline lanes lanes_select(lanes_mask mask, lanes yes, lanes no)
{
    return _mm256_blendv_ps(no, yes, mask);
}

TARGET static inline bool lanes_every(lanes_mask mask)
{
    return _mm256_movemask_ps(mask) == 0xff;
}

#endif

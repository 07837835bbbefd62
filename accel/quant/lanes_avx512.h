/* SPDX-License-Identifier: Apache-2.0
 * Sixteen floats side by side, for k_lanes.h. */
#ifndef BFS_ACCEL_QUANT_LANES_AVX512_H
#define BFS_ACCEL_QUANT_LANES_AVX512_H

#include <immintrin.h>
#include <stdbool.h>

#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512dq,avx512vl")))

enum { LANES = 16 };
typedef __m512 lanes;
typedef __mmask16 lanes_mask;

TARGET static inline lanes lanes_all(float value)
{
    return _mm512_set1_ps(value);
}

TARGET static inline lanes lanes_load(const float *from)
{
    return _mm512_load_ps(from);
}

TARGET static inline void lanes_store(float *to, lanes a)
{
    _mm512_store_ps(to, a);
}

TARGET static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm512_add_ps(a, b);
}

TARGET static inline lanes lanes_sub(lanes a, lanes b)
{
    return _mm512_sub_ps(a, b);
}

TARGET static inline lanes lanes_mul(lanes a, lanes b)
{
    return _mm512_mul_ps(a, b);
}

TARGET static inline lanes lanes_div(lanes a, lanes b)
{
    return _mm512_div_ps(a, b);
}

TARGET static inline lanes lanes_sqrt(lanes a)
{
    return _mm512_sqrt_ps(a);
}

TARGET static inline lanes lanes_abs(lanes a)
{
    return _mm512_abs_ps(a);
}

/* b where either is NaN, and where they are equal. */
TARGET static inline lanes lanes_min(lanes a, lanes b)
{
    return _mm512_min_ps(a, b);
}

TARGET static inline lanes lanes_max(lanes a, lanes b)
{
    return _mm512_max_ps(a, b);
}

/* False for NaN. */
TARGET static inline lanes_mask lanes_less(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

TARGET static inline lanes_mask lanes_equal(lanes a, lanes b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

TARGET static inline lanes_mask lanes_and(lanes_mask a, lanes_mask b)
{
    return (lanes_mask)(a & b);
}

TARGET static inline lanes lanes_select(lanes_mask mask, lanes yes, lanes no)
{
    return _mm512_mask_blend_ps(mask, no, yes);
}

TARGET static inline bool lanes_every(lanes_mask mask)
{
    return mask == 0xffff;
}

#endif

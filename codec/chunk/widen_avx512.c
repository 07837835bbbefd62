/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 widening, in integers for the reason that widen_avx2.c gives. */
#include "codec/chunk/kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512vl")))

/* 16 elements, each in the low half of its place. */
TARGET static inline __m512i load_narrow(const uint8_t *p)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

TARGET static inline void store(uint8_t *p, __m512i v)
{
    _mm512_storeu_si512((void *)p, v);
}

TARGET void bfs_widen_bf16_avx512(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        store(to + 4 * i, _mm512_slli_epi32(load_narrow(from + 2 * i), 16));
        store(to + 4 * i + 64, _mm512_slli_epi32(load_narrow(from + 2 * i + 32), 16));
    }
    bfs_widen_bf16_c(from + 2 * i, count - i, to + 4 * i);
}

TARGET static inline __m512i widen_f16(__m512i v)
{
    const __m512i bias = _mm512_set1_epi32(112 << 23);
    __m512i magnitude = _mm512_and_si512(v, _mm512_set1_epi32(0x7fff));
    __m512i sign = _mm512_slli_epi32(_mm512_xor_si512(v, magnitude), 16);
    __mmask16 is_special = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7bff));
    __mmask16 is_subnormal = _mm512_cmplt_epi32_mask(magnitude, _mm512_set1_epi32(0x400));
    __m512i wide = _mm512_add_epi32(_mm512_slli_epi32(magnitude, 13), bias);
    wide = _mm512_mask_add_epi32(wide, is_special, wide, bias);
    __m512 subnormal = _mm512_mul_ps(_mm512_cvtepi32_ps(magnitude), _mm512_set1_ps(0x1p-24f));
    wide = _mm512_mask_mov_epi32(wide, is_subnormal, _mm512_castps_si512(subnormal));
    return _mm512_or_si512(wide, sign);
}

TARGET void bfs_widen_f16_avx512(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        store(to + 4 * i, widen_f16(load_narrow(from + 2 * i)));
        store(to + 4 * i + 64, widen_f16(load_narrow(from + 2 * i + 32)));
    }
    bfs_widen_f16_c(from + 2 * i, count - i, to + 4 * i);
}

#else
typedef int bfs_widen_avx512_unused;
#endif

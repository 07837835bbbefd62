/* SPDX-License-Identifier: Apache-2.0
 * AVX2 widening. The conversions of F16C would do most of it, but they make signalling NaNs quiet;
 * integers keep every bit, and are as fast as memory. */
#include "codec/chunk/kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

/* 8 elements, each in the low half of its place. */
TARGET static inline __m256i load_narrow(const uint8_t *p)
{
    return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

TARGET static inline void store(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

TARGET void bfs_widen_bf16_avx2(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        store(to + 4 * i, _mm256_slli_epi32(load_narrow(from + 2 * i), 16));
        store(to + 4 * i + 32, _mm256_slli_epi32(load_narrow(from + 2 * i + 16), 16));
    }
    bfs_widen_bf16_c(from + 2 * i, count - i, to + 4 * i);
}

TARGET static inline __m256i widen_f16(__m256i v)
{
    const __m256i bias = _mm256_set1_epi32(112 << 23);
    __m256i magnitude = _mm256_and_si256(v, _mm256_set1_epi32(0x7fff));
    __m256i sign = _mm256_slli_epi32(_mm256_xor_si256(v, magnitude), 16);
    __m256i is_special = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7bff));
    __m256i is_subnormal = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x400), magnitude);
    __m256i normal = _mm256_add_epi32(_mm256_slli_epi32(magnitude, 13), bias);
    normal = _mm256_add_epi32(normal, _mm256_and_si256(is_special, bias));
    __m256 subnormal = _mm256_mul_ps(_mm256_cvtepi32_ps(magnitude), _mm256_set1_ps(0x1p-24f));
    __m256i wide = _mm256_blendv_epi8(normal, _mm256_castps_si256(subnormal), is_subnormal);
    return _mm256_or_si256(wide, sign);
}

TARGET void bfs_widen_f16_avx2(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        store(to + 4 * i, widen_f16(load_narrow(from + 2 * i)));
        store(to + 4 * i + 32, widen_f16(load_narrow(from + 2 * i + 16)));
    }
    bfs_widen_f16_c(from + 2 * i, count - i, to + 4 * i);
}

#else
typedef int bfs_widen_avx2_unused;
#endif

/* SPDX-License-Identifier: Apache-2.0
 * AVX2 plane kernels. Byte shuffles of AVX2 stay within 128-bit lanes, so each kernel orders bytes
 * within lanes first and moves whole lanes (or quarters of them) last. */
#include "codec/chunk/kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

TARGET static inline __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static inline void store(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

TARGET static inline void store_half(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

TARGET static void split2_avx2(const uint8_t *raw, size_t count, uint8_t *const planes[2])
{
    uint8_t *p0 = planes[0];
    uint8_t *p1 = planes[1];
    const __m256i low = _mm256_set1_epi16(0xff);
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        __m256i a = load(raw + 2 * i);
        __m256i b = load(raw + 2 * i + 32);
        a = _mm256_or_si256(_mm256_slli_epi16(a, 1), _mm256_srli_epi16(a, 15));
        b = _mm256_or_si256(_mm256_slli_epi16(b, 1), _mm256_srli_epi16(b, 15));
        __m256i high = _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
        __m256i rest = _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
        store(p0 + i, _mm256_permute4x64_epi64(high, 0xd8));
        store(p1 + i, _mm256_permute4x64_epi64(rest, 0xd8));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split2, raw, count, planes, 2, i);
}

TARGET static void join2_avx2(uint8_t *raw, size_t count, const uint8_t *const planes[2])
{
    const uint8_t *p0 = planes[0];
    const uint8_t *p1 = planes[1];
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        __m256i high = _mm256_permute4x64_epi64(load(p0 + i), 0xd8);
        __m256i rest = _mm256_permute4x64_epi64(load(p1 + i), 0xd8);
        __m256i a = _mm256_unpacklo_epi8(rest, high);
        __m256i b = _mm256_unpackhi_epi8(rest, high);
        store(raw + 2 * i, _mm256_or_si256(_mm256_srli_epi16(a, 1), _mm256_slli_epi16(a, 15)));
        store(raw + 2 * i + 32, _mm256_or_si256(_mm256_srli_epi16(b, 1), _mm256_slli_epi16(b, 15)));
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join2, raw, count, planes, 2, i);
}

/* Rotates 8 elements and gathers, in each lane, four bytes of plane 0, then of 1, 2 and 3. */
TARGET static inline __m256i gather4(const uint8_t *raw)
{
    const __m256i order = _mm256_setr_epi8(3, 7, 11, 15, 2, 6, 10, 14, 1, 5, 9, 13, 0, 4, 8, 12, 3,
                                           7, 11, 15, 2, 6, 10, 14, 1, 5, 9, 13, 0, 4, 8, 12);
    __m256i v = load(raw);
    v = _mm256_or_si256(_mm256_slli_epi32(v, 1), _mm256_srli_epi32(v, 31));
    return _mm256_shuffle_epi8(v, order);
}

TARGET static void split4_avx2(const uint8_t *raw, size_t count, uint8_t *const planes[4])
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        /* after the permutation, quarter k of each holds 8 bytes of plane k */
        __m256i a = _mm256_permutevar8x32_epi32(gather4(raw + 4 * i), order);
        __m256i b = _mm256_permutevar8x32_epi32(gather4(raw + 4 * i + 32), order);
        __m256i c = _mm256_permutevar8x32_epi32(gather4(raw + 4 * i + 64), order);
        __m256i d = _mm256_permutevar8x32_epi32(gather4(raw + 4 * i + 96), order);
        __m256i ab02 = _mm256_unpacklo_epi64(a, b);
        __m256i ab13 = _mm256_unpackhi_epi64(a, b);
        __m256i cd02 = _mm256_unpacklo_epi64(c, d);
        __m256i cd13 = _mm256_unpackhi_epi64(c, d);
        store(planes[0] + i, _mm256_permute2x128_si256(ab02, cd02, 0x20));
        store(planes[1] + i, _mm256_permute2x128_si256(ab13, cd13, 0x20));
        store(planes[2] + i, _mm256_permute2x128_si256(ab02, cd02, 0x31));
        store(planes[3] + i, _mm256_permute2x128_si256(ab13, cd13, 0x31));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split4, raw, count, planes, 4, i);
}

TARGET static inline __m256i unrotate4(__m256i v)
{
    return _mm256_or_si256(_mm256_srli_epi32(v, 1), _mm256_slli_epi32(v, 31));
}

TARGET static void join4_avx2(uint8_t *raw, size_t count, const uint8_t *const planes[4])
{
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        __m256i p0 = load(planes[0] + i);
        __m256i p1 = load(planes[1] + i);
        __m256i p2 = load(planes[2] + i);
        __m256i p3 = load(planes[3] + i);
        __m256i high_lo = _mm256_unpacklo_epi8(p1, p0);
        __m256i high_hi = _mm256_unpackhi_epi8(p1, p0);
        __m256i rest_lo = _mm256_unpacklo_epi8(p3, p2);
        __m256i rest_hi = _mm256_unpackhi_epi8(p3, p2);
        /* a to d: elements 0..3, 4..7, 8..11, 12..15 in the low lane, 16 more in the high one */
        __m256i a = unrotate4(_mm256_unpacklo_epi16(rest_lo, high_lo));
        __m256i b = unrotate4(_mm256_unpackhi_epi16(rest_lo, high_lo));
        __m256i c = unrotate4(_mm256_unpacklo_epi16(rest_hi, high_hi));
        __m256i d = unrotate4(_mm256_unpackhi_epi16(rest_hi, high_hi));
        store(raw + 4 * i, _mm256_permute2x128_si256(a, b, 0x20));
        store(raw + 4 * i + 32, _mm256_permute2x128_si256(c, d, 0x20));
        store(raw + 4 * i + 64, _mm256_permute2x128_si256(a, b, 0x31));
        store(raw + 4 * i + 96, _mm256_permute2x128_si256(c, d, 0x31));
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join4, raw, count, planes, 4, i);
}

/* Rotates 4 elements and gathers, in each lane, two bytes of plane 0, then of 1 to 7. */
TARGET static inline __m256i gather8(const uint8_t *raw)
{
    const __m256i order = _mm256_setr_epi8(7, 15, 6, 14, 5, 13, 4, 12, 3, 11, 2, 10, 1, 9, 0, 8, 7,
                                           15, 6, 14, 5, 13, 4, 12, 3, 11, 2, 10, 1, 9, 0, 8);
    __m256i v = load(raw);
    v = _mm256_or_si256(_mm256_slli_epi64(v, 1), _mm256_srli_epi64(v, 63));
    return _mm256_shuffle_epi8(v, order);
}

/* 4 bytes each of planes 0 to 3 in *ret_low and of planes 4 to 7 in *ret_high, from 4 elements;
 * only their low lanes count. */
TARGET static inline void interleave8(const uint8_t *raw, __m256i *ret_low, __m256i *ret_high)
{
    __m256i v = gather8(raw);
    __m256i swapped = _mm256_permute2x128_si256(v, v, 0x01);
    *ret_low = _mm256_unpacklo_epi16(v, swapped);
    *ret_high = _mm256_unpackhi_epi16(v, swapped);
}

TARGET static void split8_avx2(const uint8_t *raw, size_t count, uint8_t *const planes[8])
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        __m256i low[4];
        __m256i high[4];
        for (size_t j = 0; j < 4; j++)
            interleave8(raw + 8 * i + 32 * j, &low[j], &high[j]);
        for (size_t half = 0; half < 2; half++) {
            const __m256i *v = half == 0 ? low : high;
            __m128i a = _mm256_castsi256_si128(v[0]);
            __m128i b = _mm256_castsi256_si128(v[1]);
            __m128i c = _mm256_castsi256_si128(v[2]);
            __m128i d = _mm256_castsi256_si128(v[3]);
            __m128i ab01 = _mm_unpacklo_epi32(a, b);
            __m128i ab23 = _mm_unpackhi_epi32(a, b);
            __m128i cd01 = _mm_unpacklo_epi32(c, d);
            __m128i cd23 = _mm_unpackhi_epi32(c, d);
            store_half(planes[4 * half + 0] + i, _mm_unpacklo_epi64(ab01, cd01));
            store_half(planes[4 * half + 1] + i, _mm_unpackhi_epi64(ab01, cd01));
            store_half(planes[4 * half + 2] + i, _mm_unpacklo_epi64(ab23, cd23));
            store_half(planes[4 * half + 3] + i, _mm_unpackhi_epi64(ab23, cd23));
        }
    }
    bfs_plane_tail(bfs_plane_kernels_c.split8, raw, count, planes, 8, i);
}

TARGET static inline __m256i unrotate8(__m256i v)
{
    return _mm256_or_si256(_mm256_srli_epi64(v, 1), _mm256_slli_epi64(v, 63));
}

TARGET static void join8_avx2(uint8_t *raw, size_t count, const uint8_t *const planes[8])
{
    size_t i = 0;
    for (; count - i >= 32; i += 32) {
        for (size_t half = 0; half < 2; half++) {
            /* in each lane: bytes of 8 elements as pairs, then as quads, then whole */
            __m256i pair[4];
            for (size_t k = 0; k < 4; k++) {
                __m256i upper = load(planes[2 * k] + i);
                __m256i lower = load(planes[2 * k + 1] + i);
                pair[k] = half == 0 ? _mm256_unpacklo_epi8(lower, upper)
                                    : _mm256_unpackhi_epi8(lower, upper);
            }
            __m256i upper_lo = _mm256_unpacklo_epi16(pair[1], pair[0]);
            __m256i upper_hi = _mm256_unpackhi_epi16(pair[1], pair[0]);
            __m256i lower_lo = _mm256_unpacklo_epi16(pair[3], pair[2]);
            __m256i lower_hi = _mm256_unpackhi_epi16(pair[3], pair[2]);
            __m256i a = unrotate8(_mm256_unpacklo_epi32(lower_lo, upper_lo));
            __m256i b = unrotate8(_mm256_unpackhi_epi32(lower_lo, upper_lo));
            __m256i c = unrotate8(_mm256_unpacklo_epi32(lower_hi, upper_hi));
            __m256i d = unrotate8(_mm256_unpackhi_epi32(lower_hi, upper_hi));
            uint8_t *out = raw + 8 * i + 64 * half;
            store(out, _mm256_permute2x128_si256(a, b, 0x20));
            store(out + 32, _mm256_permute2x128_si256(c, d, 0x20));
            store(out + 128, _mm256_permute2x128_si256(a, b, 0x31));
            store(out + 160, _mm256_permute2x128_si256(c, d, 0x31));
        }
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join8, raw, count, planes, 8, i);
}

const struct bfs_plane_kernels bfs_plane_kernels_avx2 = {
    .name = "avx2",
    .split2 = split2_avx2,
    .join2 = join2_avx2,
    .split4 = split4_avx2,
    .join4 = join4_avx2,
    .split8 = split8_avx2,
    .join8 = join8_avx2,
    .widen_bf16 = bfs_widen_bf16_avx2,
    .widen_f16 = bfs_widen_f16_avx2,
};

#else
typedef int bfs_kernels_avx2_unused;
#endif

/* SPDX-License-Identifier: Apache-2.0
 * Blocks of 32 values with AVX2: a block is four vectors. Whatever is not an ordinary block (see
 * kernels_internal.h) goes to the scalar quantizer. */
#include "accel/quant/blocks.h"
#include "accel/quant/half.h"
#include "accel/quant/kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdbool.h>

#define TARGET __attribute__((target("avx2")))

enum { N = BFS_QUANT_SMALL, VECTORS = 4, LANES = 8 };

/* Magnitudes from 2^-100 up: their scales have all their bits, and so have the reciprocals. */
#define ORDINARY_LOW_BITS 0x0d800000u
#define INFINITY_BITS 0x7f800000u

struct block {
    __m256 x[VECTORS];
};

TARGET static inline struct block load(const float *from)
{
    struct block block;
    for (int i = 0; i < VECTORS; i++)
        block.x[i] = _mm256_loadu_ps(from + LANES * i);
    return block;
}

TARGET static inline __m256i magnitude(__m256 x)
{
    return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
}

/* Compared as integers, so that NaN is above infinity. */
TARGET static inline uint32_t largest_magnitude(const struct block *block)
{
    __m256i a = _mm256_max_epu32(magnitude(block->x[0]), magnitude(block->x[1]));
    __m256i b = _mm256_max_epu32(magnitude(block->x[2]), magnitude(block->x[3]));
    a = _mm256_max_epu32(a, b);
    __m128i c = _mm_max_epu32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    c = _mm_max_epu32(c, _mm_shuffle_epi32(c, 0x4e));
    c = _mm_max_epu32(c, _mm_shuffle_epi32(c, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(c);
}

static inline bool is_ordinary(uint32_t magnitude)
{
    return magnitude >= ORDINARY_LOW_BITS && magnitude < INFINITY_BITS;
}

/* 32 small integers, in the order of the values. */
TARGET static inline __m256i pack_bytes(const __m256i q[VECTORS])
{
    __m256i low = _mm256_packs_epi32(q[0], q[1]);
    __m256i high = _mm256_packs_epi32(q[2], q[3]);
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high),
                                       _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

TARGET static inline void put_nibbles(uint8_t to[16], __m256i bytes)
{
    __m256i low = _mm256_and_si256(bytes, _mm256_set1_epi8(15));
    __m128i high = _mm_slli_epi16(_mm256_extracti128_si256(low, 1), 4);
    _mm_storeu_si128((__m128i *)(void *)to, _mm_or_si128(_mm256_castsi256_si128(low), high));
}

TARGET static inline void put_fifth_bits(uint8_t to[4], __m256i bytes)
{
    int bits = _mm256_movemask_epi8(_mm256_slli_epi16(bytes, 3));
    memcpy(to, &bits, sizeof(bits));
}

TARGET void bfs_quantize_q8_0_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    /* Half rounds away from zero when the float below 0.5 is added and the rest cut off. */
    const __m256 below_half = _mm256_set1_ps(0x1.fffffep-2f);
    struct bfs_q8_0 *out = (struct bfs_q8_0 *)(void *)to;
    for (; n_blocks-- > 0; from += N, out++) {
        struct block block = load(from);
        uint32_t largest = largest_magnitude(&block);
        if (!is_ordinary(largest)) {
            bfs_quantize_q8_0_c(from, (uint8_t *)out, 1);
            continue;
        }
        float d = bfs_float_from_bits(largest) / 127.0f;
        __m256 inverse = _mm256_set1_ps(1.0f / d);
        __m256i q[VECTORS];
        for (int i = 0; i < VECTORS; i++) {
            __m256 v = _mm256_mul_ps(block.x[i], inverse);
            __m256 half = _mm256_or_ps(below_half, _mm256_and_ps(v, sign));
            q[i] = _mm256_cvttps_epi32(_mm256_add_ps(v, half));
        }
        bfs_half_put(out->d, d);
        _mm256_storeu_si256((__m256i *)(void *)out->q, pack_bytes(q));
    }
}

/* Which of the values are equal to it, the n-th in bit n. */
TARGET static inline uint32_t equal_to(const struct block *block, uint32_t largest)
{
    __m256i want = _mm256_set1_epi32((int)largest);
    uint32_t found = 0;
    for (int i = 0; i < VECTORS; i++) {
        __m256i equal = _mm256_cmpeq_epi32(magnitude(block->x[i]), want);
        found |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) << (LANES * i);
    }
    return found;
}

/* False: not an ordinary block. */
TARGET static inline bool quantize_signed(const float *from, int levels, float *ret_d,
                                          __m256i *ret_bytes)
{
    struct block block = load(from);
    uint32_t largest = largest_magnitude(&block);
    if (!is_ordinary(largest))
        return false;
    float farthest;
    memcpy(&farthest, from + __builtin_ctz(equal_to(&block, largest)), sizeof(farthest));
    float d = farthest / -(float)(levels / 2);
    __m256 inverse = _mm256_set1_ps(1.0f / d);
    __m256 offset = _mm256_set1_ps((float)(levels / 2) + 0.5f);
    __m256i limit = _mm256_set1_epi32(levels - 1);
    __m256i q[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        __m256 v = _mm256_add_ps(_mm256_mul_ps(block.x[i], inverse), offset);
        q[i] = _mm256_min_epi32(_mm256_cvttps_epi32(v), limit);
    }
    *ret_d = d;
    *ret_bytes = pack_bytes(q);
    return true;
}

TARGET void bfs_quantize_q4_0_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q4_0 *out = (struct bfs_q4_0 *)(void *)to;
    for (; n_blocks-- > 0; from += N, out++) {
        float d;
        __m256i bytes;
        if (!quantize_signed(from, 16, &d, &bytes)) {
            bfs_quantize_q4_0_c(from, (uint8_t *)out, 1);
            continue;
        }
        bfs_half_put(out->d, d);
        put_nibbles(out->q, bytes);
    }
}

TARGET void bfs_quantize_q5_0_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q5_0 *out = (struct bfs_q5_0 *)(void *)to;
    for (; n_blocks-- > 0; from += N, out++) {
        float d;
        __m256i bytes;
        if (!quantize_signed(from, 32, &d, &bytes)) {
            bfs_quantize_q5_0_c(from, (uint8_t *)out, 1);
            continue;
        }
        bfs_half_put(out->d, d);
        put_fifth_bits(out->high, bytes);
        put_nibbles(out->q, bytes);
    }
}

TARGET static inline float lowest_of(__m256 a)
{
    __m128 b = _mm_min_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_min_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_min_ss(b, _mm_movehdup_ps(b)));
}

/* False: something is not finite, or the minimum is a zero, of which the first has the say. A range
 * that is nothing or infinite gives products that no integer holds, whose low bits are 0. */
TARGET static inline bool quantize_offset(const float *from, int levels, float *ret_d,
                                          float *ret_lowest, __m256i *ret_bytes)
{
    struct block block = load(from);
    if (largest_magnitude(&block) >= INFINITY_BITS)
        return false;
    __m256 low =
        _mm256_min_ps(_mm256_min_ps(block.x[0], block.x[1]), _mm256_min_ps(block.x[2], block.x[3]));
    __m256 high =
        _mm256_max_ps(_mm256_max_ps(block.x[0], block.x[1]), _mm256_max_ps(block.x[2], block.x[3]));
    float lowest = lowest_of(low);
    float range = -lowest_of(_mm256_xor_ps(high, _mm256_set1_ps(-0.0f))) - lowest;
    if (lowest == 0.0f)
        return false;
    float d = range / (float)(levels - 1);
    __m256 inverse = _mm256_set1_ps(1.0f / d);
    __m256 lowests = _mm256_set1_ps(lowest);
    __m256 half = _mm256_set1_ps(0.5f);
    __m256i limit = _mm256_set1_epi32(levels - 1);
    __m256i q[VECTORS];
    for (int i = 0; i < VECTORS; i++) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(block.x[i], lowests), inverse);
        q[i] = _mm256_min_epi32(_mm256_cvttps_epi32(_mm256_add_ps(v, half)), limit);
    }
    *ret_d = d;
    *ret_lowest = lowest;
    *ret_bytes = pack_bytes(q);
    return true;
}

TARGET void bfs_quantize_q4_1_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q4_1 *out = (struct bfs_q4_1 *)(void *)to;
    for (; n_blocks-- > 0; from += N, out++) {
        float d;
        float lowest;
        __m256i bytes;
        if (!quantize_offset(from, 16, &d, &lowest, &bytes)) {
            bfs_quantize_q4_1_c(from, (uint8_t *)out, 1);
            continue;
        }
        bfs_half_put(out->d, d);
        bfs_half_put(out->m, lowest);
        put_nibbles(out->q, bytes);
    }
}

TARGET void bfs_quantize_q5_1_avx2(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q5_1 *out = (struct bfs_q5_1 *)(void *)to;
    for (; n_blocks-- > 0; from += N, out++) {
        float d;
        float lowest;
        __m256i bytes;
        if (!quantize_offset(from, 32, &d, &lowest, &bytes)) {
            bfs_quantize_q5_1_c(from, (uint8_t *)out, 1);
            continue;
        }
        bfs_half_put(out->d, d);
        bfs_half_put(out->m, lowest);
        put_fifth_bits(out->high, bytes);
        put_nibbles(out->q, bytes);
    }
}

#endif

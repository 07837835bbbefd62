/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 kernels: 16 elements of 32 bits in a register. The instructions for f16 round as their
 * operand says and take subnormals as they are; those for bf16 (AVX512_BF16) flush subnormals, so
 * bf16 is made by integer arithmetic. */
#include "accel/cast/element.h"
#include "accel/cast/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,f16c,avx512f,avx512bw,avx512vl")))

enum { STEP = 16, ROUND = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };

TARGET static inline __m512i load(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}

TARGET static inline __m256i load_half(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static inline __m128i load_quarter(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

TARGET static inline void store(uint8_t *p, __m512i v)
{
    _mm512_storeu_si512((void *)p, v);
}

TARGET static inline void store_half(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

TARGET static inline void store_quarter(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

TARGET static inline __mmask16 nan_mask(__m512i bits)
{
    __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi32(BFS_F32_MAGNITUDE));
    return _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(BFS_F32_INFINITY));
}

/* -- casts, 16 elements -- */

TARGET static inline __m256i narrow_bf16(__m512i bits)
{
    __m512i top = _mm512_srli_epi32(bits, 16);
    __m512i odd = _mm512_and_si512(top, _mm512_set1_epi32(1));
    __m512i up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, up), 16);
    __m512i result = _mm512_mask_or_epi32(rounded, nan_mask(bits), top, _mm512_set1_epi32(0x40));
    return _mm512_cvtepi32_epi16(result);
}

TARGET static inline __m512i widen_bf16(__m256i halves)
{
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}

TARGET static inline __m256i narrow_f16(__m512i bits)
{
    return _mm512_cvtps_ph(_mm512_castsi512_ps(bits), ROUND);
}

/* Makes signalling NaNs quiet. */
TARGET static inline __m512i widen_f16(__m256i halves)
{
    return _mm512_castps_si512(_mm512_cvtph_ps(halves));
}

TARGET static inline __m512i widen_f16_exactly(__m256i halves)
{
    __m512i bits = widen_f16(halves);
    __mmask16 nan = nan_mask(bits);
    if (__builtin_expect(nan != 0, 0)) {
        __m512i wide = _mm512_slli_epi32(_mm512_cvtepi16_epi32(halves), 13);
        wide = _mm512_and_si512(wide, _mm512_set1_epi32((int)0x8fffffff));
        wide = _mm512_or_si512(wide, _mm512_set1_epi32(BFS_F32_INFINITY));
        bits = _mm512_mask_mov_epi32(bits, nan, wide);
    }
    return bits;
}

/* -- casts -- */

TARGET static void f32_f16_avx512(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store_half(to + 2 * i, narrow_f16(load(from + 4 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F32][BFS_FLOAT_F16](from + 4 * i, to + 2 * i, n - i);
}

TARGET static void f32_bf16_avx512(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store_half(to + 2 * i, narrow_bf16(load(from + 4 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F32][BFS_FLOAT_BF16](from + 4 * i, to + 2 * i, n - i);
}

TARGET static void f16_f32_avx512(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store(to + 4 * i, widen_f16_exactly(load_half(from + 2 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F16][BFS_FLOAT_F32](from + 2 * i, to + 4 * i, n - i);
}

TARGET static void f16_bf16_avx512(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store_half(to + 2 * i, narrow_bf16(widen_f16(load_half(from + 2 * i))));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F16][BFS_FLOAT_BF16](from + 2 * i, to + 2 * i, n - i);
}

TARGET static void bf16_f32_avx512(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store(to + 4 * i, widen_bf16(load_half(from + 2 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_BF16][BFS_FLOAT_F32](from + 2 * i, to + 4 * i, n - i);
}

TARGET static void bf16_f16_avx512(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store_half(to + 2 * i, narrow_f16(widen_bf16(load_half(from + 2 * i))));
    bfs_cast_kernels_c.cast[BFS_FLOAT_BF16][BFS_FLOAT_F16](from + 2 * i, to + 2 * i, n - i);
}

/* -- amax -- */

TARGET static uint32_t amax_f32_avx512(const uint8_t *from, size_t n)
{
    const __m512i mask = _mm512_set1_epi32(BFS_F32_MAGNITUDE);
    const __m512i infinity = _mm512_set1_epi32(BFS_F32_INFINITY);
    __m512i largest = _mm512_setzero_si512();
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m512i magnitude = _mm512_and_si512(load(from + 4 * i), mask);
        __mmask16 number = _mm512_cmple_epi32_mask(magnitude, infinity);
        largest = _mm512_mask_max_epi32(largest, number, largest, magnitude);
    }
    uint32_t whole = (uint32_t)_mm512_reduce_max_epi32(largest);
    uint32_t rest = bfs_cast_kernels_c.amax_f32(from + 4 * i, n - i);
    return whole > rest ? whole : rest;
}

TARGET static uint32_t amax_16_avx512(const uint8_t *from, uint16_t infinity, size_t n)
{
    const __m512i mask = _mm512_set1_epi16(0x7fff);
    const __m512i limit = _mm512_set1_epi16((short)infinity);
    __m512i largest = _mm512_setzero_si512();
    size_t i = 0;
    for (; n - i >= 2 * STEP; i += 2 * STEP) {
        __m512i magnitude = _mm512_and_si512(load(from + 2 * i), mask);
        __mmask32 number = _mm512_cmple_epi16_mask(magnitude, limit);
        largest = _mm512_mask_max_epi16(largest, number, largest, magnitude);
    }
    __m512i wide = _mm512_max_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(largest)),
                                    _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(largest, 1)));
    uint32_t whole = (uint32_t)_mm512_reduce_max_epi32(wide);
    uint32_t rest = bfs_cast_kernels_c.amax_16(from + 2 * i, infinity, n - i);
    return whole > rest ? whole : rest;
}

/* -- scaled forms -- */

TARGET static void fp8_avx512(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m512 divisor = _mm512_set1_ps(scale);
    const __m512i magnitude = _mm512_set1_epi32(BFS_F32_MAGNITUDE);
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m512i x = load(from + 4 * i);
        __m512 quotient = _mm512_div_ps(_mm512_castsi512_ps(x), divisor);
        quotient = _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(quotient), magnitude));
        quotient = _mm512_min_ps(_mm512_set1_ps(448), quotient); /* the second when it is a NaN */
        __m512i bits = _mm512_castps_si512(quotient);

        __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 20), _mm512_set1_epi32(1));
        __m512i up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7ffff - (120 << 23)));
        __m512i codes = _mm512_srli_epi32(_mm512_add_epi32(bits, up), 20);
        /* Below 2^-6 codes are multiples of 2^-9, which is the last place of 2^14: the addition
         * rounds. */
        __m512 raised = _mm512_add_ps(quotient, _mm512_set1_ps(16384));
        __mmask16 small = _mm512_cmplt_epi32_mask(bits, _mm512_set1_epi32(121 << 23));
        codes = _mm512_mask_sub_epi32(codes, small, _mm512_castps_si512(raised),
                                      _mm512_castps_si512(_mm512_set1_ps(16384)));
        codes = _mm512_mask_mov_epi32(codes, nan_mask(bits), _mm512_set1_epi32(BFS_FP8_NAN));
        __m512i sign = _mm512_andnot_si512(magnitude, x);
        codes = _mm512_or_si512(codes, _mm512_srli_epi32(sign, 24));
        store_quarter(to + i, _mm512_cvtepi32_epi8(codes));
    }
    bfs_cast_kernels_c.fp8(from + 4 * i, scale, to + i, n - i);
}

TARGET static void int8_avx512(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m512 divisor = _mm512_set1_ps(scale);
    const __m512 largest = _mm512_set1_ps(127);
    const __m512 least = _mm512_set1_ps(-127);
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m512 quotient = _mm512_div_ps(_mm512_castsi512_ps(load(from + 4 * i)), divisor);
        __mmask16 number = (__mmask16)~nan_mask(_mm512_castps_si512(quotient));
        quotient = _mm512_max_ps(_mm512_min_ps(quotient, largest), least);
        __m512i codes = _mm512_maskz_cvt_roundps_epi32(number, quotient, ROUND);
        store_quarter(to + i, _mm512_cvtepi32_epi8(codes));
    }
    bfs_cast_kernels_c.int8(from + 4 * i, scale, to + i, n - i);
}

/* As f16, whose exponent has a bias larger by 8, a code's bits are its value / 2^8. */
TARGET static void fp8_back_avx512(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m512 factor = _mm512_set1_ps(scale);
    const __m256i low7 = _mm256_set1_epi16(0x7f);
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m256i codes = _mm256_cvtepu8_epi16(load_quarter(from + i));
        __m256i magnitude = _mm256_and_si256(codes, low7);
        __mmask16 nan = _mm256_cmpeq_epi16_mask(magnitude, low7);
        __m256i half = _mm256_slli_epi16(magnitude, 7);
        half = _mm256_mask_mov_epi16(half, nan, _mm256_set1_epi16(0x7e00));
        half = _mm256_or_si256(half, _mm256_slli_epi16(_mm256_andnot_si256(low7, codes), 8));
        __m512 value = _mm512_mul_ps(_mm512_cvtph_ps(half), _mm512_set1_ps(256));
        store(to + 4 * i, _mm512_castps_si512(_mm512_mul_ps(value, factor)));
    }
    bfs_cast_kernels_c.fp8_back(from + i, scale, to + 4 * i, n - i);
}

TARGET static void int8_back_avx512(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m512 factor = _mm512_set1_ps(scale);
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m512 value = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_quarter(from + i)));
        store(to + 4 * i, _mm512_castps_si512(_mm512_mul_ps(value, factor)));
    }
    bfs_cast_kernels_c.int8_back(from + i, scale, to + 4 * i, n - i);
}

/* -- measure -- */

TARGET static inline __mmask8 within(__m256i bits, int limit, __m256i *ret_magnitude)
{
    *ret_magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(BFS_F32_MAGNITUDE));
    return _mm256_cmplt_epi32_mask(*ret_magnitude, _mm256_set1_epi32(limit));
}

/* How many of the pairs count as not finite; 8 pairs of which some are not. */
TARGET static unsigned count_nonfinite(__m256i a, __m256i b, __mmask8 finite)
{
    __m256i magnitude;
    unsigned numbers_a = within(a, BFS_F32_INFINITY + 1, &magnitude);
    unsigned numbers_b = within(b, BFS_F32_INFINITY + 1, &magnitude);
    unsigned equal = _mm256_cmpeq_epi32_mask(a, b);
    return (unsigned)__builtin_popcount(~(unsigned)finite & ~equal & (numbers_a | numbers_b) &
                                        0xff);
}

TARGET static void measure_avx512(struct bfs_measure_lanes *lanes, const uint8_t *source,
                                  const uint8_t *converted, size_t n)
{
    __m512d max_abs = _mm512_loadu_pd(lanes->max_abs);
    __m512d sum_abs = _mm512_loadu_pd(lanes->sum_abs);
    __m512d sum_squares_error = _mm512_loadu_pd(lanes->sum_squares_error);
    __m512d sum_squares = _mm512_loadu_pd(lanes->sum_squares);
    size_t i = 0;
    for (; n - i >= BFS_MEASURE_LANES; i += BFS_MEASURE_LANES) {
        __m256i a = load_half(source + 4 * i);
        __m256i b = load_half(converted + 4 * i);
        __m256i magnitude;
        __mmask8 finite =
            within(a, BFS_F32_INFINITY, &magnitude) & within(b, BFS_F32_INFINITY, &magnitude);
        if (__builtin_expect(finite != 0xff, 0)) { /* the others add 0 */
            lanes->n_nonfinite += count_nonfinite(a, b, finite);
            a = _mm256_maskz_mov_epi32(finite, a);
            b = _mm256_maskz_mov_epi32(finite, b);
        }
        __m512d x = _mm512_cvtps_pd(_mm256_castsi256_ps(a));
        __m512d error = _mm512_abs_pd(_mm512_sub_pd(x, _mm512_cvtps_pd(_mm256_castsi256_ps(b))));
        max_abs = _mm512_max_pd(max_abs, error);
        sum_abs = _mm512_add_pd(sum_abs, error);
        sum_squares_error = _mm512_add_pd(sum_squares_error, _mm512_mul_pd(error, error));
        sum_squares = _mm512_add_pd(sum_squares, _mm512_mul_pd(x, x));
    }
    _mm512_storeu_pd(lanes->max_abs, max_abs);
    _mm512_storeu_pd(lanes->sum_abs, sum_abs);
    _mm512_storeu_pd(lanes->sum_squares_error, sum_squares_error);
    _mm512_storeu_pd(lanes->sum_squares, sum_squares);
    bfs_cast_kernels_c.measure(lanes, source + 4 * i, converted + 4 * i, n - i);
}

const struct bfs_cast_kernels bfs_cast_kernels_avx512 = {
    .name = "avx512",
    .cast[BFS_FLOAT_F32] = {[BFS_FLOAT_F16] = f32_f16_avx512, [BFS_FLOAT_BF16] = f32_bf16_avx512},
    .cast[BFS_FLOAT_F16] = {[BFS_FLOAT_F32] = f16_f32_avx512, [BFS_FLOAT_BF16] = f16_bf16_avx512},
    .cast[BFS_FLOAT_BF16] = {[BFS_FLOAT_F32] = bf16_f32_avx512, [BFS_FLOAT_F16] = bf16_f16_avx512},
    .amax_f32 = amax_f32_avx512,
    .amax_16 = amax_16_avx512,
    .fp8 = fp8_avx512,
    .int8 = int8_avx512,
    .fp8_back = fp8_back_avx512,
    .int8_back = int8_back_avx512,
    .measure = measure_avx512,
};

#else
typedef int bfs_cast_kernels_avx512_unused;
#endif

/* SPDX-License-Identifier: Apache-2.0
 * AVX2 and F16C kernels: 8 elements of 32 bits in a register. Packing narrows within 128-bit lanes,
 * so two registers are narrowed at once and their quarters put in order after. */
#include "accel/cast/element.h"
#include "accel/cast/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,f16c")))

enum { STEP = 8, PAIR = 2 * STEP, ROUND = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };

TARGET static inline __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static inline __m128i load_half(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

TARGET static inline __m128i load_quarter(const uint8_t *p)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)p);
}

TARGET static inline void store(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

TARGET static inline void store_half(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

/* Of 32-bit elements: all ones where a NaN is, or where the magnitude is at most the limit. */
TARGET static inline __m256i nan_mask(__m256i bits)
{
    __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(BFS_F32_MAGNITUDE));
    return _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(BFS_F32_INFINITY));
}

TARGET static inline __m256i finite_mask(__m256i bits)
{
    __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(BFS_F32_MAGNITUDE));
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(BFS_F32_INFINITY), magnitude);
}

/* -- casts, 8 elements -- */

/* In the low 16 bits of each element. */
TARGET static inline __m256i narrow_bf16(__m256i bits)
{
    __m256i top = _mm256_srli_epi32(bits, 16);
    __m256i odd = _mm256_and_si256(top, _mm256_set1_epi32(1));
    __m256i up = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, up), 16);
    __m256i quiet = _mm256_or_si256(top, _mm256_set1_epi32(0x40));
    return _mm256_blendv_epi8(rounded, quiet, nan_mask(bits));
}

TARGET static inline __m256i narrow_bf16_pair(__m256i low, __m256i high)
{
    __m256i packed = _mm256_packus_epi32(narrow_bf16(low), narrow_bf16(high));
    return _mm256_permute4x64_epi64(packed, 0xd8);
}

TARGET static inline __m256i widen_bf16(__m128i halves)
{
    return _mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16);
}

TARGET static inline __m128i narrow_f16(__m256i bits)
{
    return _mm256_cvtps_ph(_mm256_castsi256_ps(bits), ROUND);
}

/* Makes signalling NaNs quiet. */
TARGET static inline __m256i widen_f16(__m128i halves)
{
    return _mm256_castps_si256(_mm256_cvtph_ps(halves));
}

TARGET static inline __m256i widen_f16_exactly(__m128i halves)
{
    __m256i bits = widen_f16(halves);
    __m256i nan = nan_mask(bits);
    if (__builtin_expect(!_mm256_testz_si256(nan, nan), 0)) {
        __m256i wide = _mm256_slli_epi32(_mm256_cvtepi16_epi32(halves), 13);
        wide = _mm256_and_si256(wide, _mm256_set1_epi32((int)0x8fffffff));
        wide = _mm256_or_si256(wide, _mm256_set1_epi32(BFS_F32_INFINITY));
        bits = _mm256_blendv_epi8(bits, wide, nan);
    }
    return bits;
}

/* -- casts -- */

TARGET static void f32_f16_avx2(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store_half(to + 2 * i, narrow_f16(load(from + 4 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F32][BFS_FLOAT_F16](from + 4 * i, to + 2 * i, n - i);
}

TARGET static void f32_bf16_avx2(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= PAIR; i += PAIR)
        store(to + 2 * i, narrow_bf16_pair(load(from + 4 * i), load(from + 4 * (i + STEP))));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F32][BFS_FLOAT_BF16](from + 4 * i, to + 2 * i, n - i);
}

TARGET static void f16_f32_avx2(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store(to + 4 * i, widen_f16_exactly(load_half(from + 2 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_F16][BFS_FLOAT_F32](from + 2 * i, to + 4 * i, n - i);
}

TARGET static void f16_bf16_avx2(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= PAIR; i += PAIR) {
        __m256i low = widen_f16(load_half(from + 2 * i));
        __m256i high = widen_f16(load_half(from + 2 * (i + STEP)));
        store(to + 2 * i, narrow_bf16_pair(low, high));
    }
    bfs_cast_kernels_c.cast[BFS_FLOAT_F16][BFS_FLOAT_BF16](from + 2 * i, to + 2 * i, n - i);
}

TARGET static void bf16_f32_avx2(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store(to + 4 * i, widen_bf16(load_half(from + 2 * i)));
    bfs_cast_kernels_c.cast[BFS_FLOAT_BF16][BFS_FLOAT_F32](from + 2 * i, to + 4 * i, n - i);
}

TARGET static void bf16_f16_avx2(const uint8_t *from, uint8_t *to, size_t n)
{
    size_t i = 0;
    for (; n - i >= STEP; i += STEP)
        store_half(to + 2 * i, narrow_f16(widen_bf16(load_half(from + 2 * i))));
    bfs_cast_kernels_c.cast[BFS_FLOAT_BF16][BFS_FLOAT_F16](from + 2 * i, to + 2 * i, n - i);
}

/* -- amax -- */

TARGET static uint32_t amax_f32_avx2(const uint8_t *from, size_t n)
{
    const __m256i mask = _mm256_set1_epi32(BFS_F32_MAGNITUDE);
    __m256i largest = _mm256_setzero_si256();
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m256i bits = load(from + 4 * i);
        __m256i magnitude = _mm256_andnot_si256(nan_mask(bits), _mm256_and_si256(bits, mask));
        largest = _mm256_max_epi32(largest, magnitude);
    }
    uint32_t result = bfs_cast_kernels_c.amax_f32(from + 4 * i, n - i);
    uint32_t lane[STEP];
    store((uint8_t *)lane, largest);
    for (size_t j = 0; j < STEP; j++)
        result = lane[j] > result ? lane[j] : result;
    return result;
}

TARGET static uint32_t amax_16_avx2(const uint8_t *from, uint16_t infinity, size_t n)
{
    const __m256i mask = _mm256_set1_epi16(0x7fff);
    const __m256i limit = _mm256_set1_epi16((short)infinity);
    __m256i largest = _mm256_setzero_si256();
    size_t i = 0;
    for (; n - i >= PAIR; i += PAIR) {
        __m256i magnitude = _mm256_and_si256(load(from + 2 * i), mask);
        magnitude = _mm256_andnot_si256(_mm256_cmpgt_epi16(magnitude, limit), magnitude);
        largest = _mm256_max_epi16(largest, magnitude);
    }
    uint32_t result = bfs_cast_kernels_c.amax_16(from + 2 * i, infinity, n - i);
    uint16_t lane[PAIR];
    store((uint8_t *)lane, largest);
    for (size_t j = 0; j < PAIR; j++)
        result = lane[j] > result ? lane[j] : result;
    return result;
}

/* -- scaled forms -- */

TARGET static inline __m256i fp8_codes(__m256i x, __m256 divisor)
{
    const __m256i magnitude = _mm256_set1_epi32(BFS_F32_MAGNITUDE);
    const __m256 raise = _mm256_set1_ps(16384);
    __m256 quotient = _mm256_div_ps(_mm256_castsi256_ps(x), divisor);
    quotient = _mm256_and_ps(quotient, _mm256_castsi256_ps(magnitude));
    quotient = _mm256_min_ps(_mm256_set1_ps(448), quotient); /* the second when it is a NaN */
    __m256i bits = _mm256_castps_si256(quotient);

    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 20), _mm256_set1_epi32(1));
    __m256i up = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7ffff - (120 << 23)));
    __m256i codes = _mm256_srli_epi32(_mm256_add_epi32(bits, up), 20);
    /* Below 2^-6 codes are multiples of 2^-9, which is the last place of 2^14: the addition
     * rounds. */
    __m256i raised = _mm256_castps_si256(_mm256_add_ps(quotient, raise));
    __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(121 << 23), bits);
    raised = _mm256_sub_epi32(raised, _mm256_castps_si256(raise));
    codes = _mm256_blendv_epi8(codes, raised, small);
    codes = _mm256_blendv_epi8(codes, _mm256_set1_epi32(BFS_FP8_NAN), nan_mask(bits));
    return _mm256_or_si256(codes, _mm256_srli_epi32(_mm256_andnot_si256(magnitude, x), 24));
}

/* The order of 32-bit groups in which two packings leave 32 elements. */
TARGET static inline __m256i unpack_order(__m256i packed)
{
    return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

TARGET static void fp8_avx2(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m256 divisor = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; n - i >= 4 * STEP; i += 4 * STEP) {
        const uint8_t *x = from + 4 * i;
        __m256i ab =
            _mm256_packus_epi32(fp8_codes(load(x), divisor), fp8_codes(load(x + 32), divisor));
        __m256i cd =
            _mm256_packus_epi32(fp8_codes(load(x + 64), divisor), fp8_codes(load(x + 96), divisor));
        store(to + i, unpack_order(_mm256_packus_epi16(ab, cd)));
    }
    bfs_cast_kernels_c.fp8(from + 4 * i, scale, to + i, n - i);
}

TARGET static inline __m256i int8_codes(__m256i x, __m256 divisor)
{
    __m256 quotient = _mm256_div_ps(_mm256_castsi256_ps(x), divisor);
    __m256i nan = nan_mask(_mm256_castps_si256(quotient));
    quotient = _mm256_min_ps(quotient, _mm256_set1_ps(127));
    quotient = _mm256_max_ps(quotient, _mm256_set1_ps(-127));
    return _mm256_andnot_si256(nan, _mm256_cvtps_epi32(quotient));
}

TARGET static void int8_avx2(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m256 divisor = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; n - i >= 4 * STEP; i += 4 * STEP) {
        const uint8_t *x = from + 4 * i;
        __m256i ab =
            _mm256_packs_epi32(int8_codes(load(x), divisor), int8_codes(load(x + 32), divisor));
        __m256i cd = _mm256_packs_epi32(int8_codes(load(x + 64), divisor),
                                        int8_codes(load(x + 96), divisor));
        store(to + i, unpack_order(_mm256_packs_epi16(ab, cd)));
    }
    bfs_cast_kernels_c.int8(from + 4 * i, scale, to + i, n - i);
}

/* As f16, whose exponent has a bias larger by 8, a code's bits are its value / 2^8. */
TARGET static void fp8_back_avx2(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m256 factor = _mm256_set1_ps(scale);
    const __m128i low7 = _mm_set1_epi16(0x7f);
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m128i codes = _mm_cvtepu8_epi16(load_quarter(from + i));
        __m128i magnitude = _mm_and_si128(codes, low7);
        __m128i nan = _mm_cmpeq_epi16(magnitude, low7);
        __m128i half = _mm_slli_epi16(magnitude, 7);
        half = _mm_blendv_epi8(half, _mm_set1_epi16(0x7e00), nan);
        half = _mm_or_si128(half, _mm_slli_epi16(_mm_andnot_si128(low7, codes), 8));
        __m256 value = _mm256_mul_ps(_mm256_cvtph_ps(half), _mm256_set1_ps(256));
        store(to + 4 * i, _mm256_castps_si256(_mm256_mul_ps(value, factor)));
    }
    bfs_cast_kernels_c.fp8_back(from + i, scale, to + 4 * i, n - i);
}

TARGET static void int8_back_avx2(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    const __m256 factor = _mm256_set1_ps(scale);
    size_t i = 0;
    for (; n - i >= STEP; i += STEP) {
        __m256 value = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(load_quarter(from + i)));
        store(to + 4 * i, _mm256_castps_si256(_mm256_mul_ps(value, factor)));
    }
    bfs_cast_kernels_c.int8_back(from + i, scale, to + 4 * i, n - i);
}

/* -- measure -- */

/* How many of 8 pairs count as not finite. */
TARGET static unsigned count_nonfinite(__m256i a, __m256i b, __m256i finite)
{
    __m256i both_nan = _mm256_and_si256(nan_mask(a), nan_mask(b));
    __m256i same = _mm256_or_si256(_mm256_cmpeq_epi32(a, b), both_nan);
    __m256i fine = _mm256_or_si256(finite, same);
    unsigned mask = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(fine));
    return 8 - (unsigned)__builtin_popcount(mask);
}

/* Four lanes of a measure. */
struct quad {
    __m256d max_abs;
    __m256d sum_abs;
    __m256d sum_squares_error;
    __m256d sum_squares;
};

TARGET static inline void quad_load(struct quad *quad, const struct bfs_measure_lanes *lanes,
                                    size_t first)
{
    quad->max_abs = _mm256_loadu_pd(lanes->max_abs + first);
    quad->sum_abs = _mm256_loadu_pd(lanes->sum_abs + first);
    quad->sum_squares_error = _mm256_loadu_pd(lanes->sum_squares_error + first);
    quad->sum_squares = _mm256_loadu_pd(lanes->sum_squares + first);
}

TARGET static inline void quad_store(const struct quad *quad, struct bfs_measure_lanes *lanes,
                                     size_t first)
{
    _mm256_storeu_pd(lanes->max_abs + first, quad->max_abs);
    _mm256_storeu_pd(lanes->sum_abs + first, quad->sum_abs);
    _mm256_storeu_pd(lanes->sum_squares_error + first, quad->sum_squares_error);
    _mm256_storeu_pd(lanes->sum_squares + first, quad->sum_squares);
}

TARGET static inline void quad_add(struct quad *quad, __m128i a, __m128i b)
{
    __m256d x = _mm256_cvtps_pd(_mm_castsi128_ps(a));
    __m256d difference = _mm256_sub_pd(x, _mm256_cvtps_pd(_mm_castsi128_ps(b)));
    __m256d error = _mm256_andnot_pd(_mm256_set1_pd(-0.0), difference);
    quad->max_abs = _mm256_max_pd(quad->max_abs, error);
    quad->sum_abs = _mm256_add_pd(quad->sum_abs, error);
    quad->sum_squares_error = _mm256_add_pd(quad->sum_squares_error, _mm256_mul_pd(error, error));
    quad->sum_squares = _mm256_add_pd(quad->sum_squares, _mm256_mul_pd(x, x));
}

TARGET static void measure_avx2(struct bfs_measure_lanes *lanes, const uint8_t *source,
                                const uint8_t *converted, size_t n)
{
    struct quad low;
    struct quad high;
    quad_load(&low, lanes, 0);
    quad_load(&high, lanes, 4);
    size_t i = 0;
    for (; n - i >= BFS_MEASURE_LANES; i += BFS_MEASURE_LANES) {
        __m256i a = load(source + 4 * i);
        __m256i b = load(converted + 4 * i);
        __m256i finite = _mm256_and_si256(finite_mask(a), finite_mask(b));
        if (__builtin_expect(!_mm256_testc_si256(finite, _mm256_set1_epi32(-1)), 0)) {
            lanes->n_nonfinite += count_nonfinite(a, b, finite);
            a = _mm256_and_si256(a, finite); /* these add 0 */
            b = _mm256_and_si256(b, finite);
        }
        quad_add(&low, _mm256_castsi256_si128(a), _mm256_castsi256_si128(b));
        quad_add(&high, _mm256_extracti128_si256(a, 1), _mm256_extracti128_si256(b, 1));
    }
    quad_store(&low, lanes, 0);
    quad_store(&high, lanes, 4);
    bfs_cast_kernels_c.measure(lanes, source + 4 * i, converted + 4 * i, n - i);
}

const struct bfs_cast_kernels bfs_cast_kernels_avx2 = {
    .name = "avx2",
    .cast[BFS_FLOAT_F32] = {[BFS_FLOAT_F16] = f32_f16_avx2, [BFS_FLOAT_BF16] = f32_bf16_avx2},
    .cast[BFS_FLOAT_F16] = {[BFS_FLOAT_F32] = f16_f32_avx2, [BFS_FLOAT_BF16] = f16_bf16_avx2},
    .cast[BFS_FLOAT_BF16] = {[BFS_FLOAT_F32] = bf16_f32_avx2, [BFS_FLOAT_F16] = bf16_f16_avx2},
    .amax_f32 = amax_f32_avx2,
    .amax_16 = amax_16_avx2,
    .fp8 = fp8_avx2,
    .int8 = int8_avx2,
    .fp8_back = fp8_back_avx2,
    .int8_back = int8_back_avx2,
    .measure = measure_avx2,
};

#else
typedef int bfs_cast_kernels_avx2_unused;
#endif

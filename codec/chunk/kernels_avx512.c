/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 plane kernels: VBMI permutes bytes across the whole register, so one permutation does
 * what AVX2 needs a shuffle and a transposition of lanes for. */
#include "codec/chunk/kernels_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vbmi")))

TARGET static inline __m512i load(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}

TARGET static inline void store(uint8_t *p, __m512i v)
{
    _mm512_storeu_si512((void *)p, v);
}

TARGET static inline __m128i load_quarter(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

TARGET static inline void store_quarter(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

TARGET static inline __m512i load_quarters(const uint8_t *const planes[4], size_t i)
{
    __m512i v = _mm512_castsi128_si512(load_quarter(planes[0] + i));
    v = _mm512_inserti32x4(v, load_quarter(planes[1] + i), 1);
    v = _mm512_inserti32x4(v, load_quarter(planes[2] + i), 2);
    return _mm512_inserti32x4(v, load_quarter(planes[3] + i), 3);
}

TARGET static inline void store_quarters(uint8_t *const planes[4], size_t i, __m512i v)
{
    store_quarter(planes[0] + i, _mm512_castsi512_si128(v));
    store_quarter(planes[1] + i, _mm512_extracti32x4_epi32(v, 1));
    store_quarter(planes[2] + i, _mm512_extracti32x4_epi32(v, 2));
    store_quarter(planes[3] + i, _mm512_extracti32x4_epi32(v, 3));
}

/* What each byte of the result comes from, for registers of elements and of planes. */
struct order {
    _Alignas(64) uint8_t index[64];
};

static inline struct order order_split(size_t width, size_t first_plane, size_t per_plane)
{
    struct order order;
    for (size_t j = 0; j < 64; j++) {
        size_t plane = first_plane + j / per_plane;
        order.index[j] = (uint8_t)((j % per_plane) * width + (width - 1 - plane));
    }
    return order;
}

static inline struct order order_join(size_t width, size_t first_element, size_t per_plane)
{
    struct order order;
    for (size_t j = 0; j < 64; j++) {
        size_t plane = width - 1 - j % width;
        order.index[j] = (uint8_t)(plane * per_plane + first_element + j / width);
    }
    return order;
}

TARGET static void split2_avx512(const uint8_t *raw, size_t count, uint8_t *const planes[2])
{
    struct order high = order_split(2, 0, 64);
    struct order rest = order_split(2, 1, 64);
    __m512i high_order = load(high.index);
    __m512i rest_order = load(rest.index);
    size_t i = 0;
    for (; count - i >= 64; i += 64) {
        __m512i a = load(raw + 2 * i);
        __m512i b = load(raw + 2 * i + 64);
        a = _mm512_or_si512(_mm512_slli_epi16(a, 1), _mm512_srli_epi16(a, 15));
        b = _mm512_or_si512(_mm512_slli_epi16(b, 1), _mm512_srli_epi16(b, 15));
        store(planes[0] + i, _mm512_permutex2var_epi8(a, high_order, b));
        store(planes[1] + i, _mm512_permutex2var_epi8(a, rest_order, b));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split2, raw, count, planes, 2, i);
}

TARGET static void join2_avx512(uint8_t *raw, size_t count, const uint8_t *const planes[2])
{
    struct order first = order_join(2, 0, 64);
    struct order second = order_join(2, 32, 64);
    __m512i first_order = load(first.index);
    __m512i second_order = load(second.index);
    size_t i = 0;
    for (; count - i >= 64; i += 64) {
        __m512i high = load(planes[0] + i);
        __m512i rest = load(planes[1] + i);
        __m512i a = _mm512_permutex2var_epi8(high, first_order, rest);
        __m512i b = _mm512_permutex2var_epi8(high, second_order, rest);
        store(raw + 2 * i, _mm512_or_si512(_mm512_srli_epi16(a, 1), _mm512_slli_epi16(a, 15)));
        store(raw + 2 * i + 64, _mm512_or_si512(_mm512_srli_epi16(b, 1), _mm512_slli_epi16(b, 15)));
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join2, raw, count, planes, 2, i);
}

TARGET static void split4_avx512(const uint8_t *raw, size_t count, uint8_t *const planes[4])
{
    struct order split = order_split(4, 0, 16);
    __m512i order = load(split.index);
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        __m512i r = _mm512_rol_epi32(load(raw + 4 * i), 1);
        store_quarters(planes, i, _mm512_permutexvar_epi8(order, r));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split4, raw, count, planes, 4, i);
}

TARGET static void join4_avx512(uint8_t *raw, size_t count, const uint8_t *const planes[4])
{
    struct order join = order_join(4, 0, 16);
    __m512i order = load(join.index);
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        __m512i r = _mm512_permutexvar_epi8(order, load_quarters(planes, i));
        store(raw + 4 * i, _mm512_ror_epi32(r, 1));
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join4, raw, count, planes, 4, i);
}

TARGET static void split8_avx512(const uint8_t *raw, size_t count, uint8_t *const planes[8])
{
    struct order upper = order_split(8, 0, 16);
    struct order lower = order_split(8, 4, 16);
    __m512i upper_order = load(upper.index);
    __m512i lower_order = load(lower.index);
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        __m512i a = _mm512_rol_epi64(load(raw + 8 * i), 1);
        __m512i b = _mm512_rol_epi64(load(raw + 8 * i + 64), 1);
        store_quarters(planes, i, _mm512_permutex2var_epi8(a, upper_order, b));
        store_quarters(planes + 4, i, _mm512_permutex2var_epi8(a, lower_order, b));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split8, raw, count, planes, 8, i);
}

TARGET static void join8_avx512(uint8_t *raw, size_t count, const uint8_t *const planes[8])
{
    struct order first = order_join(8, 0, 16);
    struct order second = order_join(8, 8, 16);
    __m512i first_order = load(first.index);
    __m512i second_order = load(second.index);
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        __m512i upper = load_quarters(planes, i);
        __m512i lower = load_quarters(planes + 4, i);
        __m512i a = _mm512_permutex2var_epi8(upper, first_order, lower);
        __m512i b = _mm512_permutex2var_epi8(upper, second_order, lower);
        store(raw + 8 * i, _mm512_ror_epi64(a, 1));
        store(raw + 8 * i + 64, _mm512_ror_epi64(b, 1));
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join8, raw, count, planes, 8, i);
}

const struct bfs_plane_kernels bfs_plane_kernels_avx512 = {
    .name = "avx512",
    .split2 = split2_avx512,
    .join2 = join2_avx512,
    .split4 = split4_avx512,
    .join4 = join4_avx512,
    .split8 = split8_avx512,
    .join8 = join8_avx512,
    .widen_bf16 = bfs_widen_bf16_avx512,
    .widen_f16 = bfs_widen_f16_avx512,
};

#else
typedef int bfs_kernels_avx512_unused;
#endif

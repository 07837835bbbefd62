/* SPDX-License-Identifier: Apache-2.0
 * Sixteen messages, one in each 32-bit lane, by the plain formulas of FIPS 180-4: all sixteen take
 * what one takes, and no round waits for the SHA unit. */
#include "verify/sha256_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define BFS_AVX512 __attribute__((target("avx512f,avx512bw")))
#define BFS_AVX512_INLINE static inline __attribute__((always_inline)) BFS_AVX512

enum {
    XOR3 = 0x96,     /* truth tables of three inputs, for vpternlogd */
    CHOICE = 0xca,   /* x ? y : z */
    MAJORITY = 0xe8, /* of x, y, z */
};

#define ROTATED_XOR(x, a, b, c)                                                                    \
    _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, a), _mm512_ror_epi32(x, b), c, XOR3)

/* Row i of 16 words becomes column i. */
BFS_AVX512_INLINE void transpose(__m512i r[16])
{
    __m512i t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    /* Each r[4 * i + j] has words j, j + 4, j + 8, j + 12 of rows 4 * i to 4 * i + 3, one in each
     * quarter: what is left is to transpose quarters. */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
    }
}

/* W of round t, for all lanes; w[] holds the sixteen words before it. */
BFS_AVX512_INLINE __m512i schedule(__m512i w[16], int t)
{
    if (t < 16)
        return w[t];
    __m512i w15 = w[(t - 15) & 15], w2 = w[(t - 2) & 15];
    __m512i s0 = ROTATED_XOR(w15, 7, 18, _mm512_srli_epi32(w15, 3));
    __m512i s1 = ROTATED_XOR(w2, 17, 19, _mm512_srli_epi32(w2, 10));
    w[t & 15] =
        _mm512_add_epi32(_mm512_add_epi32(w[t & 15], s0), _mm512_add_epi32(w[(t - 7) & 15], s1));
    return w[t & 15];
}

BFS_AVX512_INLINE void load_block(__m512i w[16], const uint8_t *const bytes[BFS_SHA256_LANES],
                                  size_t offset)
{
    const __m512i big_endian =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
#pragma GCC unroll 16
    for (int lane = 0; lane < BFS_SHA256_LANES; lane++)
        w[lane] = _mm512_shuffle_epi8(_mm512_loadu_si512(bytes[lane] + offset), big_endian);
    transpose(w);
}

BFS_AVX512_INLINE void block(__m512i state[8], __m512i w[16])
{
    __m512i a = state[0], b = state[1], c = state[2], d = state[3];
    __m512i e = state[4], f = state[5], g = state[6], h = state[7];
#pragma GCC unroll 64
    for (int t = 0; t < 64; t++) {
        __m512i k = _mm512_set1_epi32((int)bfs_sha256_rounds[t]);
        __m512i s1 = ROTATED_XOR(e, 6, 11, _mm512_ror_epi32(e, 25));
        __m512i s0 = ROTATED_XOR(a, 2, 13, _mm512_ror_epi32(a, 22));
        __m512i t1 =
            _mm512_add_epi32(_mm512_add_epi32(h, s1), _mm512_ternarylogic_epi32(e, f, g, CHOICE));
        t1 = _mm512_add_epi32(t1, _mm512_add_epi32(schedule(w, t), k));
        __m512i t2 = _mm512_add_epi32(s0, _mm512_ternarylogic_epi32(a, b, c, MAJORITY));
        h = g;
        g = f;
        f = e;
        e = _mm512_add_epi32(d, t1);
        d = c;
        c = b;
        b = a;
        a = _mm512_add_epi32(t1, t2);
    }
    const __m512i after[8] = {a, b, c, d, e, f, g, h};
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        state[i] = _mm512_add_epi32(state[i], after[i]);
}

BFS_AVX512 void bfs_sha256_avx512_lanes(uint32_t states[BFS_SHA256_STATE_WORDS][BFS_SHA256_LANES],
                                        const uint8_t *const bytes[BFS_SHA256_LANES],
                                        size_t n_blocks)
{
    __m512i state[8], w[16];
    for (int i = 0; i < 8; i++)
        state[i] = _mm512_loadu_si512(states[i]);
    for (size_t i = 0; i < n_blocks; i++) {
        load_block(w, bytes, i * BFS_SHA256_BLOCK_SIZE);
        block(state, w);
    }
    for (int i = 0; i < 8; i++)
        _mm512_storeu_si512(states[i], state[i]);
}

#endif

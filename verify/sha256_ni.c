/* SPDX-License-Identifier: Apache-2.0
 * With the SHA instructions of x86. They keep the working variables in two registers, {a b e f} and
 * {c d g h} from the highest word down, and do two rounds each; the next one waits for the result,
 * so two messages are woven into each other. No instruction here may be a VEX one: going back and
 * forth between the two encodings costs some CPUs a hundred times what the work does. */
#include "verify/sha256_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define BFS_NI __attribute__((target("sha,ssse3,sse4.1")))
#define BFS_NI_INLINE static inline __attribute__((always_inline)) BFS_NI

struct message {
    __m128i abef, cdgh;
    __m128i schedule[4]; /* the last sixteen words of W */
};

BFS_NI_INLINE void load_state(struct message *m, const uint32_t *state)
{
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state + 1), 0x1b);
    m->abef = _mm_alignr_epi8(badc, hgfe, 8);
    m->cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
}

BFS_NI_INLINE void store_state(const struct message *m, uint32_t *state)
{
    __m128i feba = _mm_shuffle_epi32(m->abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(m->cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)state + 1, _mm_alignr_epi8(dchg, feba, 8));
}

/* W of rounds 4 * group to 4 * group + 3. */
BFS_NI_INLINE __m128i next_words(struct message *m, int group, const uint8_t *block)
{
    __m128i *w = m->schedule;
    int i = group & 3;
    if (group < 4) {
        const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)block + group), big_endian);
        return w[i];
    }
    __m128i sum = _mm_sha256msg1_epu32(w[i], w[(i + 1) & 3]);
    sum = _mm_add_epi32(sum, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
    w[i] = _mm_sha256msg2_epu32(sum, w[(i + 3) & 3]);
    return w[i];
}

BFS_NI_INLINE void four_rounds(struct message *m, int group, const uint8_t *block)
{
    const __m128i *k = (const __m128i *)bfs_sha256_rounds + group;
    __m128i wk = _mm_add_epi32(next_words(m, group, block), _mm_load_si128(k));
    m->cdgh = _mm_sha256rnds2_epu32(m->cdgh, m->abef, wk);
    m->abef = _mm_sha256rnds2_epu32(m->abef, m->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

BFS_NI_INLINE void add_state(struct message *m, __m128i abef, __m128i cdgh)
{
    m->abef = _mm_add_epi32(m->abef, abef);
    m->cdgh = _mm_add_epi32(m->cdgh, cdgh);
}

BFS_NI void bfs_sha256_ni_one(uint32_t state[static BFS_SHA256_STATE_WORDS], const uint8_t *bytes,
                              size_t n_blocks)
{
    struct message m;
    load_state(&m, state);
    for (; n_blocks > 0; n_blocks--, bytes += BFS_SHA256_BLOCK_SIZE) {
        __m128i abef = m.abef, cdgh = m.cdgh;
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++)
            four_rounds(&m, group, bytes);
        add_state(&m, abef, cdgh);
    }
    store_state(&m, state);
}

BFS_NI void bfs_sha256_ni_two(uint32_t *const states[2], const uint8_t *const bytes[2],
                              size_t n_blocks)
{
    struct message m, n;
    const uint8_t *m_at = bytes[0], *n_at = bytes[1];
    load_state(&m, states[0]);
    load_state(&n, states[1]);
    for (; n_blocks > 0; n_blocks--) {
        __m128i m_abef = m.abef, m_cdgh = m.cdgh, n_abef = n.abef, n_cdgh = n.cdgh;
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++) {
            four_rounds(&m, group, m_at);
            four_rounds(&n, group, n_at);
        }
        add_state(&m, m_abef, m_cdgh);
        add_state(&n, n_abef, n_cdgh);
        m_at += BFS_SHA256_BLOCK_SIZE;
        n_at += BFS_SHA256_BLOCK_SIZE;
    }
    store_state(&m, states[0]);
    store_state(&n, states[1]);
}

#endif

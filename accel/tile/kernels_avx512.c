/* SPDX-License-Identifier: Apache-2.0
 * AVX-512 kernels. A block of a transposition is 16 x 16 elements, so that whole cache lines are
 * written when the matrix is aligned to them. */
#include "accel/tile/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,avx512f,avx512bw")))

enum { SIDE = 16 };

TARGET static inline __m512i load(const uint8_t *p)
{
    return _mm512_loadu_si512((const void *)p);
}

TARGET static inline void store(uint8_t *p, __m512i v)
{
    _mm512_storeu_si512((void *)p, v);
}

TARGET static void interleave_16_avx512(const uint8_t *even, const uint8_t *odd, uint8_t *to,
                                        size_t n)
{
    /* Brings the quarters of a register where unpacking within lanes wants them. */
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    size_t i = 0;
    for (; n - i >= 32; i += 32) {
        __m512i a = _mm512_permutexvar_epi64(order, load(even + 2 * i));
        __m512i b = _mm512_permutexvar_epi64(order, load(odd + 2 * i));
        store(to + 4 * i, _mm512_unpacklo_epi16(a, b));
        store(to + 4 * i + 64, _mm512_unpackhi_epi16(a, b));
    }
    bfs_tile_kernels_c.interleave_16(even + 2 * i, odd + 2 * i, to + 4 * i, n - i);
}

TARGET static inline void transpose_block(const uint8_t *from, size_t row_stride, uint8_t *to,
                                          size_t to_stride)
{
    __m512i a[SIDE];
    __m512i b[SIDE];
    for (size_t i = 0; i < SIDE; i++)
        a[i] = load(from + i * row_stride);
    for (size_t i = 0; i < SIDE; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    /* a[4 * h + c]: in lane l, column 4 * l + c of rows 4 * h to 4 * h + 3 */
    for (size_t i = 0; i < SIDE; i += 4)
        for (size_t j = 0; j < 2; j++) {
            a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + j + 2]);
            a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + j + 2]);
        }
    for (size_t c = 0; c < 4; c++) {
        __m512i low01 = _mm512_shuffle_i32x4(a[c], a[c + 4], 0x44); /* lanes 0 1 0 1 */
        __m512i low23 = _mm512_shuffle_i32x4(a[c], a[c + 4], 0xee); /* lanes 2 3 2 3 */
        __m512i high01 = _mm512_shuffle_i32x4(a[c + 8], a[c + 12], 0x44);
        __m512i high23 = _mm512_shuffle_i32x4(a[c + 8], a[c + 12], 0xee);
        store(to + c * to_stride, _mm512_shuffle_i32x4(low01, high01, 0x88));
        store(to + (c + 4) * to_stride, _mm512_shuffle_i32x4(low01, high01, 0xdd));
        store(to + (c + 8) * to_stride, _mm512_shuffle_i32x4(low23, high23, 0x88));
        store(to + (c + 12) * to_stride, _mm512_shuffle_i32x4(low23, high23, 0xdd));
    }
}

TARGET static void transpose_32_avx512(const uint8_t *from, size_t rows, size_t cols,
                                       size_t row_stride, uint8_t *to)
{
    size_t whole_rows = rows - rows % SIDE;
    size_t whole_cols = cols - cols % SIDE;
    for (size_t row = 0; row < whole_rows; row += SIDE)
        for (size_t col = 0; col < whole_cols; col += SIDE)
            transpose_block(from + row * row_stride + 4 * col, row_stride,
                            to + 4 * (col * rows + row), 4 * rows);
    bfs_tile_transpose_part(from, rows, row_stride, to, (const size_t[]){0, whole_rows},
                            (const size_t[]){whole_cols, cols});
    bfs_tile_transpose_part(from, rows, row_stride, to, (const size_t[]){whole_rows, rows},
                            (const size_t[]){0, cols});
}

const struct bfs_tile_kernels bfs_tile_kernels_avx512 = {
    .name = "avx512",
    .interleave_16 = interleave_16_avx512,
    .transpose_32 = transpose_32_avx512,
};

#else
typedef int bfs_tile_kernels_avx512_unused;
#endif

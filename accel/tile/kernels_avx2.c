/* SPDX-License-Identifier: Apache-2.0
 * AVX2 kernels. Unpacking works within 128-bit lanes; whole lanes are put in order last. */
#include "accel/tile/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

enum { SIDE = 8 }; /* of a block: a register of 32-bit elements */

TARGET static inline __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

TARGET static inline void store(uint8_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

TARGET static void interleave_16_avx2(const uint8_t *even, const uint8_t *odd, uint8_t *to,
                                      size_t n)
{
    size_t i = 0;
    for (; n - i >= 16; i += 16) {
        __m256i a = _mm256_permute4x64_epi64(load(even + 2 * i), 0xd8);
        __m256i b = _mm256_permute4x64_epi64(load(odd + 2 * i), 0xd8);
        store(to + 4 * i, _mm256_unpacklo_epi16(a, b));
        store(to + 4 * i + 32, _mm256_unpackhi_epi16(a, b));
    }
    bfs_tile_kernels_c.interleave_16(even + 2 * i, odd + 2 * i, to + 4 * i, n - i);
}

TARGET static inline void transpose_block(const uint8_t *from, size_t row_stride, uint8_t *to,
                                          size_t to_stride)
{
    __m256i row[SIDE];
    __m256i pair[SIDE];
    __m256i quad[SIDE];
    for (size_t i = 0; i < SIDE; i++)
        row[i] = load(from + i * row_stride);
    for (size_t i = 0; i < SIDE; i += 2) {
        pair[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);
        pair[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
    }
    /* quad[4 * h + c]: column c, and c + 4 in the high lane, of rows 4 * h to 4 * h + 3 */
    for (size_t i = 0; i < SIDE; i += 4)
        for (size_t j = 0; j < 2; j++) {
            quad[i + 2 * j] = _mm256_unpacklo_epi64(pair[i + j], pair[i + j + 2]);
            quad[i + 2 * j + 1] = _mm256_unpackhi_epi64(pair[i + j], pair[i + j + 2]);
        }
    for (size_t i = 0; i < 4; i++) {
        store(to + i * to_stride, _mm256_permute2x128_si256(quad[i], quad[i + 4], 0x20));
        store(to + (i + 4) * to_stride, _mm256_permute2x128_si256(quad[i], quad[i + 4], 0x31));
    }
}

TARGET static void transpose_32_avx2(const uint8_t *from, size_t rows, size_t cols,
                                     size_t row_stride, uint8_t *to)
{
    size_t whole_rows = rows - rows % SIDE;
    size_t whole_cols = cols - cols % SIDE;
    /* Two blocks of rows at once: together they write whole cache lines. */
    for (size_t first = 0; first < whole_rows; first += 2 * SIDE) {
        size_t end = whole_rows - first < 2 * SIDE ? whole_rows : first + 2 * SIDE;
        for (size_t col = 0; col < whole_cols; col += SIDE)
            for (size_t row = first; row < end; row += SIDE)
                transpose_block(from + row * row_stride + 4 * col, row_stride,
                                to + 4 * (col * rows + row), 4 * rows);
    }
    bfs_tile_transpose_part(from, rows, row_stride, to, (const size_t[]){0, whole_rows},
                            (const size_t[]){whole_cols, cols});
    bfs_tile_transpose_part(from, rows, row_stride, to, (const size_t[]){whole_rows, rows},
                            (const size_t[]){0, cols});
}

const struct bfs_tile_kernels bfs_tile_kernels_avx2 = {
    .name = "avx2",
    .interleave_16 = interleave_16_avx2,
    .transpose_32 = transpose_32_avx2,
};

#else
typedef int bfs_tile_kernels_avx2_unused;
#endif

/* SPDX-License-Identifier: Apache-2.0
 * The reference kernels, and the choice of one. */
#include "accel/tile/kernels.h"

#include <stdbool.h>
#include <string.h>

static void interleave_16_c(const uint8_t *restrict even, const uint8_t *restrict odd,
                            uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(to + 4 * i, even + 2 * i, 2);
        memcpy(to + 4 * i + 2, odd + 2 * i, 2);
    }
}

void bfs_tile_transpose_part(const uint8_t *from, size_t rows, size_t row_stride, uint8_t *to,
                             const size_t row_range[2], const size_t col_range[2])
{
    for (size_t col = col_range[0]; col < col_range[1]; col++)
        for (size_t row = row_range[0]; row < row_range[1]; row++)
            memcpy(to + 4 * (col * rows + row), from + row * row_stride + 4 * col, 4);
}

static void transpose_32_c(const uint8_t *from, size_t rows, size_t cols, size_t row_stride,
                           uint8_t *to)
{
    enum { BLOCK = 16 }; /* rows and columns of a block stay in the first cache */
    for (size_t row = 0; row < rows; row += BLOCK) {
        size_t row_end = rows - row < BLOCK ? rows : row + BLOCK;
        for (size_t col = 0; col < cols; col += BLOCK) {
            size_t col_end = cols - col < BLOCK ? cols : col + BLOCK;
            bfs_tile_transpose_part(from, rows, row_stride, to, (const size_t[]){row, row_end},
                                    (const size_t[]){col, col_end});
        }
    }
}

const struct bfs_tile_kernels bfs_tile_kernels_c = {
    .name = "scalar",
    .interleave_16 = interleave_16_c,
    .transpose_32 = transpose_32_c,
};

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw");
}
#endif

/* From the plainest to the widest. */
static const struct {
    const struct bfs_tile_kernels *kernels;
    bool (*supported)(void);
} implementations[] = {
    {&bfs_tile_kernels_c, always},
#if defined(__x86_64__)
    {&bfs_tile_kernels_avx2, has_avx2},
    {&bfs_tile_kernels_avx512, has_avx512},
#endif
};

static const size_t n_implementations = sizeof(implementations) / sizeof(implementations[0]);

const struct bfs_tile_kernels *bfs_tile_kernels_at(size_t i)
{
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported() && i-- == 0)
            return implementations[j].kernels;
    return NULL;
}

const struct bfs_tile_kernels *bfs_tile_kernels(void)
{
    const struct bfs_tile_kernels *widest = NULL;
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported())
            widest = implementations[j].kernels;
    return widest;
}

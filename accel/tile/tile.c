/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/tile/tile.h"

#include "accel/tile/kernels.h"
#include "verify/checked.h"

#include <string.h>

enum { TILE_ROWS = 8, TILE_COLS = 128, ELEMENT = 2, GROUP_SIZE = 4 };

uint64_t bfs_tile_8x128_size(uint64_t rows, uint64_t cols)
{
    uint64_t size;
    if (!bfs_align_u64(rows, TILE_ROWS, &rows) || !bfs_align_u64(cols, TILE_COLS, &cols) ||
        !bfs_mul_u64(rows, cols, &size) || !bfs_mul_u64(size, ELEMENT, &size))
        return UINT64_MAX;
    return size;
}

void bfs_tile_8x128_band(const uint8_t *rows, uint32_t n_rows, uint64_t cols, size_t row_stride,
                         uint8_t *to)
{
    static const uint8_t zeros[TILE_COLS * ELEMENT];
    const struct bfs_tile_kernels *kernels = bfs_tile_kernels();
    for (uint64_t col = 0; col < cols; col += TILE_COLS) {
        size_t n = cols - col < TILE_COLS ? (size_t)(cols - col) : TILE_COLS;
        for (uint32_t row = 0; row < TILE_ROWS; row += 2) {
            size_t filled = 0;
            if (row < n_rows) {
                const uint8_t *even = rows + row * row_stride + col * ELEMENT;
                const uint8_t *odd = row + 1 < n_rows ? even + row_stride : zeros;
                kernels->interleave_16(even, odd, to, n);
                filled = n * 2 * ELEMENT;
            }
            memset(to + filled, 0, TILE_COLS * 2 * ELEMENT - filled);
            to += TILE_COLS * 2 * ELEMENT;
        }
    }
}

uint64_t bfs_vnni_size(uint64_t n, uint64_t k, unsigned element_size)
{
    uint64_t size;
    if ((element_size != 1 && element_size != 2) || !bfs_mul_u64(k, element_size, &size) ||
        !bfs_align_u64(size, GROUP_SIZE, &size) || !bfs_mul_u64(size, n, &size))
        return UINT64_MAX;
    return size;
}

/* A group is 4 bytes whatever the element, and the order is that of the transpose of groups. */
void bfs_vnni_band(const uint8_t *columns, uint64_t n, uint32_t n_k, size_t row_stride,
                   unsigned element_size, uint8_t *to)
{
    size_t n_bytes = (size_t)n_k * element_size;
    size_t n_groups = n_bytes / GROUP_SIZE;
    size_t rest = n_bytes % GROUP_SIZE;
    bfs_tile_kernels()->transpose_32(columns, n, n_groups, row_stride, to);
    if (rest == 0)
        return;
    to += n_groups * n * GROUP_SIZE;
    for (size_t row = 0; row < n; row++) {
        memset(to + row * GROUP_SIZE, 0, GROUP_SIZE);
        memcpy(to + row * GROUP_SIZE, columns + row * row_stride + n_groups * GROUP_SIZE, rest);
    }
}

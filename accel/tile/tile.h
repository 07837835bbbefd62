/* SPDX-License-Identifier: Apache-2.0
 * Rearranging a matrix for hardware that reads tiles. All are permutations with zero padding.
 * docs/views-layouts.md has the index formulas.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_TILE_H
#define BFS_ACCEL_TILE_H

#include <stddef.h>
#include <stdint.h>

/* XLA's T(8,128)(2,1) for 2-byte elements. A matrix of rows x cols, row-major, is padded to whole
 * tiles of 8 x 128 and written tile after tile, row-major; within a tile, rows 2i and 2i + 1 are
 * interleaved element by element, the even row first. */
uint64_t bfs_tile_8x128_size(uint64_t rows, uint64_t cols); /* bytes, or UINT64_MAX on overflow */
/* One band: n_rows (1 .. 8) consecutive rows of `cols` elements, row_stride bytes apart; writes
 * ceil(cols / 128) * 2048 bytes. */
void bfs_tile_8x128_band(const uint8_t *rows, uint32_t n_rows, uint64_t cols, size_t row_stride,
                         uint8_t *to);

/* VNNI order for x86 AMX. A linear weight is stored as [N][K] row-major (N outputs); the matrix
 * that is multiplied is its transpose, K x N, and comes out as [ceil(K/g)][N][g], with g = 2 for
 * 2-byte elements and 4 for 1-byte ones: element (k, n) is at ((k / g) * N + n) * g + k % g. */
uint64_t bfs_vnni_size(uint64_t n, uint64_t k, unsigned element_size); /* bytes, or UINT64_MAX */
/* One band: columns [k0, k0 + n_k) of all n rows; k0 is a multiple of g, and n_k too unless the
 * matrix ends there. `columns` holds row r's elements of the band at r * row_stride. Writes
 * ceil(n_k / g) * n * g elements. element_size is 1 or 2, else bfs_vnni_size() gives UINT64_MAX. */
void bfs_vnni_band(const uint8_t *columns, uint64_t n, uint32_t n_k, size_t row_stride,
                   unsigned element_size, uint8_t *to);

#endif

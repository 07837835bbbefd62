/* SPDX-License-Identifier: Apache-2.0
 * The two permutations that all tilings here are made of, one table for each instruction set. All
 * give the same bytes; bfs_tile_kernels() picks the widest that this CPU runs, the first is the
 * reference that tests compare with.
 *
 * THREAD SAFETY: pure functions; input and output must not overlap, nothing needs to be aligned. */
#ifndef BFS_ACCEL_TILE_KERNELS_H
#define BFS_ACCEL_TILE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct bfs_tile_kernels {
    const char *name; /* "scalar", "avx2", ... */
    /* n elements of 2 bytes each: even[0], odd[0], even[1], odd[1], ... */
    void (*interleave_16)(const uint8_t *even, const uint8_t *odd, uint8_t *to, size_t n);
    /* A matrix of 4-byte elements, rows row_stride bytes apart, to its transpose, packed. */
    void (*transpose_32)(const uint8_t *from, size_t rows, size_t cols, size_t row_stride,
                         uint8_t *to);
};

const struct bfs_tile_kernels *bfs_tile_kernels(void);
/* Every implementation that this CPU can run, the reference first; NULL past the last. */
const struct bfs_tile_kernels *bfs_tile_kernels_at(size_t i);

/* For the table in kernels.c, and for what is left of a matrix beside whole blocks. */
extern const struct bfs_tile_kernels bfs_tile_kernels_c;
#if defined(__x86_64__)
extern const struct bfs_tile_kernels bfs_tile_kernels_avx2;
extern const struct bfs_tile_kernels bfs_tile_kernels_avx512;
#endif
/* Part of a transposition: rows [row, row_end) and columns [col, col_end) of the source. */
void bfs_tile_transpose_part(const uint8_t *from, size_t rows, size_t row_stride, uint8_t *to,
                             const size_t row_range[2], const size_t col_range[2]);

#endif

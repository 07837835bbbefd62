/* SPDX-License-Identifier: Apache-2.0
 * The kernels behind cast.h, one table for each instruction set. All give the same bytes;
 * bfs_cast_kernels() picks the widest that this CPU runs, the first is the reference that tests
 * compare with. They expect the floating-point environment of float_env.h.
 *
 * THREAD SAFETY: pure functions; input and output must not overlap. */
#ifndef BFS_ACCEL_CAST_KERNELS_H
#define BFS_ACCEL_CAST_KERNELS_H

#include "accel/cast/cast.h"

#include <stddef.h>
#include <stdint.h>

/* n elements; nothing needs to be aligned. */
typedef void bfs_convert_fn(const uint8_t *from, uint8_t *to, size_t n);
typedef void bfs_scaled_fn(const uint8_t *from, float scale, uint8_t *to, size_t n);

enum { BFS_MEASURE_LANES = 8 };

/* Element i of a call counts in lane i % 8, so that the order of additions is the same however wide
 * the registers are. */
struct bfs_measure_lanes {
    double max_abs[BFS_MEASURE_LANES];
    double sum_abs[BFS_MEASURE_LANES];
    double sum_squares_error[BFS_MEASURE_LANES];
    double sum_squares[BFS_MEASURE_LANES];
    uint64_t n_nonfinite;
};

struct bfs_cast_kernels {
    const char *name;                                             /* "scalar", "avx2", ... */
    bfs_convert_fn *cast[BFS_FLOAT_BF16 + 1][BFS_FLOAT_BF16 + 1]; /* [from][to]; NULL when equal */
    /* The largest magnitude that is no NaN, as bits of the type; 0 without elements. */
    uint32_t (*amax_f32)(const uint8_t *from, size_t n);
    uint32_t (*amax_16)(const uint8_t *from, uint16_t infinity, size_t n);
    /* The scale is not 0. */
    bfs_scaled_fn *fp8;
    bfs_scaled_fn *int8;
    bfs_scaled_fn *fp8_back;
    bfs_scaled_fn *int8_back;
    void (*measure)(struct bfs_measure_lanes *lanes, const uint8_t *source,
                    const uint8_t *converted, size_t n);
};

const struct bfs_cast_kernels *bfs_cast_kernels(void);
/* Every implementation that this CPU can run, the reference first; NULL past the last. */
const struct bfs_cast_kernels *bfs_cast_kernels_at(size_t i);

/* For the table in kernels.c; the vector kernels leave what is behind their last whole vector to
 * the first. */
extern const struct bfs_cast_kernels bfs_cast_kernels_c;
#if defined(__x86_64__)
extern const struct bfs_cast_kernels bfs_cast_kernels_avx2;
extern const struct bfs_cast_kernels bfs_cast_kernels_avx512;
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Element casts and scaled 8-bit forms. Little-endian arrays that need not be aligned; `from` and
 * `to` do not overlap. docs/views-layouts.md has the rule for NaN, infinities, subnormals and
 * overflow of each. Results do not depend on the processor: every SIMD path equals the scalar one
 * bit for bit. Nor do they depend on the thread's floating-point environment (rounding mode,
 * flushing of subnormals, traps), which is left as it was.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_CAST_H
#define BFS_ACCEL_CAST_H

#include <stddef.h>
#include <stdint.h>

enum bfs_float_type { BFS_FLOAT_F32, BFS_FLOAT_F16, BFS_FLOAT_BF16 };

/* Bytes of one element. */
size_t bfs_float_size(enum bfs_float_type type);

/* Any of the nine casts, n elements: exact, or rounded to nearest even. Overflow gives infinity (as
 * IEEE 754 and PyTorch have it). A NaN keeps its sign and the first bits of its payload; it becomes
 * quiet, but for widening to f32, which keeps every bit and so can be undone. f16 <-> bf16 goes
 * through f32. Equal types copy. */
void bfs_cast(enum bfs_float_type from_type, const void *from, enum bfs_float_type to_type,
              void *to, size_t n);

/* Largest |x| of n elements, as f32; NaN counts as nothing, and an infinity gives infinity. */
float bfs_amax(enum bfs_float_type type, const void *from, size_t n);

/* Scales are finite and not negative. One division or multiplication in f32 and one rounding.
 *
 * F8_E4M3 (OCP E4M3FN): x / scale clamped to +-448, rounded to nearest even; NaN gives 0x7f, and
 * the sign of x is kept, that of zeros too. A scale of 0 gives zeros, and NaN for NaN. */
void bfs_cast_fp8(const float *from, float scale, uint8_t *to, size_t n);
void bfs_cast_fp8_back(const uint8_t *from, float scale, float *to, size_t n);
/* amax / 448 as f32; 0 only when amax is 0 (or NaN or negative, which bfs_amax() never gives); the
 * largest finite when amax is infinite. */
float bfs_fp8_scale(float amax);

/* I8, symmetric: round-to-nearest-even(x / scale) clamped to +-127; NaN gives 0, and so does a
 * scale of 0. -128 is never made; back, it stands for -128 * scale. */
void bfs_cast_int8(const float *from, float scale, int8_t *to, size_t n);
void bfs_cast_int8_back(const int8_t *from, float scale, float *to, size_t n);
/* amax / 127, with the same edges as bfs_fp8_scale(). */
float bfs_int8_scale(float amax);

/* How far converted values are from their source. Start from zero; adding the same pieces in the
 * same order gives the same bits, on any processor. A pair that is NaN on both sides or equal
 * differs by nothing; one that is not finite otherwise counts in n_nonfinite alone. An infinity
 * adds nothing to sum_squares. */
struct bfs_measure {
    uint64_t n; /* pairs that are compared: all but n_nonfinite */
    uint64_t n_nonfinite;
    double max_abs;
    double sum_abs;
    double sum_squares_error;
    double sum_squares;
};
void bfs_measure_add(struct bfs_measure *measure, const float *source, const float *converted,
                     size_t n);
void bfs_measure_merge(struct bfs_measure *into, const struct bfs_measure *from);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Splitting floats into byte planes and joining them again, with the rotation that gives the
 * exponent a byte of its own: for each little-endian element v of `width` bytes, r = v rotated left
 * by one bit, and plane k holds byte (width - 1 - k) of every r. So plane 0 is the top byte: the
 * exponent of bf16 and f32 whole, with the sign moved to the lowest bit of the last plane. And
 * widening floats of two bytes to four.
 *
 * All implementations give the same bytes; bfs_plane_kernels() picks the widest that this CPU runs,
 * bfs_plane_kernels_scalar() is the reference that tests compare with.
 *
 * THREAD SAFETY: pure functions; input and output must not overlap. */
#ifndef BFS_CODEC_KERNELS_H
#define BFS_CODEC_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { BFS_PLANES_MAX = 8 };

struct bfs_plane_kernels {
    const char *name; /* "scalar", "avx2", ... */
    /* count elements at raw (2 * count bytes) to or from planes of count bytes each */
    void (*split2)(const uint8_t *raw, size_t count, uint8_t *const planes[2]);
    void (*join2)(uint8_t *raw, size_t count, const uint8_t *const planes[2]);
    void (*split4)(const uint8_t *raw, size_t count, uint8_t *const planes[4]);
    void (*join4)(uint8_t *raw, size_t count, const uint8_t *const planes[4]);
    void (*split8)(const uint8_t *raw, size_t count, uint8_t *const planes[8]);
    void (*join8)(uint8_t *raw, size_t count, const uint8_t *const planes[8]);
    /* count elements of 2 bytes to as many float32: codec/chunk/transform.h */
    void (*widen_bf16)(const uint8_t *from, size_t count, uint8_t *to);
    void (*widen_f16)(const uint8_t *from, size_t count, uint8_t *to);
};

const struct bfs_plane_kernels *bfs_plane_kernels(void);
const struct bfs_plane_kernels *bfs_plane_kernels_scalar(void);
/* Every implementation that this CPU can run, scalar first; NULL past the last. */
const struct bfs_plane_kernels *bfs_plane_kernels_at(size_t i);

#endif

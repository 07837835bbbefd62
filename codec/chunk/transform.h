/* SPDX-License-Identifier: Apache-2.0
 * What happens to the bytes of a chunk after its codec: nothing, or a lossless widening. A chunk of
 * a view that is its source in a wider type holds nothing new, so its record names the stored bytes
 * of the source's chunk and this; docs/format-codecs.md.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_TRANSFORM_H
#define BFS_CODEC_TRANSFORM_H

#include <stddef.h>
#include <stdint.h>

enum bfs_transform {
    BFS_TRANSFORM_NONE = 0,
    BFS_TRANSFORM_BF16_TO_F32 = 1,
    BFS_TRANSFORM_F16_TO_F32 = 2,
};

/* "widen-bf16" for a known number, else NULL. */
const char *bfs_transform_name(unsigned transform);
/* How many bytes come out of one: 1 or 2. */
unsigned bfs_transform_factor(enum bfs_transform transform);
/* `size` bytes, a multiple of 2, to 2 * size; the two do not overlap. Bit for bit: a NaN keeps its
 * sign and payload, quiet or signalling. */
void bfs_transform_widen(enum bfs_transform transform, const uint8_t *from, size_t size,
                         uint8_t *to);

#endif

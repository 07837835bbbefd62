/* SPDX-License-Identifier: Apache-2.0
 * What happens to the bytes of a chunk after its codec: nothing, or a lossless widening. A chunk of
 * a view that is its source in a wider type holds nothing new, so its record names the stored bytes
 * of the source's chunk and this; docs/format-codecs.md.
 *
 * Bit for bit: every pattern has one widened pattern, and a NaN keeps its sign and payload, quiet
 * or signalling.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_TRANSFORM_H
#define BFS_CODEC_TRANSFORM_H

#include "codec/chunk/transform_list.h"
#include "verify/digest.h"

#include <stddef.h>
#include <stdint.h>

enum bfs_transform {
#define BFS_TRANSFORM_ENUM(id, NAME, name, factor, text) BFS_TRANSFORM_##NAME = id,
    BFS_TRANSFORM_LIST(BFS_TRANSFORM_ENUM)
#undef BFS_TRANSFORM_ENUM
};

/* "widen-bf16" for a known number, else NULL. */
const char *bfs_transform_name(unsigned transform);
/* How many bytes come out of one: 1 or 2. */
unsigned bfs_transform_factor(enum bfs_transform transform);
/* `size` bytes, a multiple of 2, to 2 * size; the two do not overlap. Not for NONE. */
void bfs_transform_widen(enum bfs_transform transform, const uint8_t *from, size_t size,
                         uint8_t *to);

/* Gives `size` bytes (a multiple of 2 unless NONE) transformed to take(), in order and in pieces of
 * some KiB, so that nobody needs memory for all of them; NONE gives them at once. Stops when take()
 * returns anything but 0, and returns that. */
int bfs_transform_each(enum bfs_transform transform, const uint8_t *from, size_t size,
                       int (*take)(void *context, const uint8_t *bytes, size_t size),
                       void *context);
/* XXH3 of the transformed bytes. Errors: -ENOMEM. */
int bfs_transform_check(enum bfs_transform transform, const uint8_t *from, size_t size,
                        struct bfs_xxh128 *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The header of a PLANES chunk, shared by its encoder and its decoder: docs/format-codecs.md. */
#ifndef BFS_CODEC_PLANES_FORMAT_H
#define BFS_CODEC_PLANES_FORMAT_H

#include <stddef.h>

enum bfs_plane_method {
    BFS_PLANE_RAW = 0,
    BFS_PLANE_ZSTD = 1,
    BFS_PLANE_ZERO = 2,
};

enum { BFS_PLANE_RECORD_SIZE = 5 }; /* method u8, stored size u32 */

/* What the NIBBLES codec is among the widths: integers of one byte, which are not rotated. */
#define BFS_PLANES_INTEGER 0u

/* How many planes there are, which is also how many raw bytes give one byte to each. Elements of
 * one byte go in pairs. */
static inline unsigned bfs_plane_group(unsigned width)
{
    return width <= 1 ? 2 : width;
}

/* Planes lie in scratch memory at multiples of this, a cache line, from each other. */
static inline size_t bfs_plane_stride(size_t count)
{
    return (count + 63) & ~(size_t)63;
}

#endif

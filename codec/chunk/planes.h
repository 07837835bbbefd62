/* SPDX-License-Identifier: Apache-2.0
 * The PLANES encoding, and the NIBBLES one as the width BFS_PLANES_INTEGER: docs/format-codecs.md.
 *
 * THREAD SAFETY: one thread per set of scratch memory and contexts. */
#ifndef BFS_CODEC_PLANES_H
#define BFS_CODEC_PLANES_H

#include "codec/chunk/kernels.h"
#include "codec/chunk/zstd_frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool bfs_planes_width_known(unsigned width);

/* Bytes of scratch for the planes of raw_size bytes. */
size_t bfs_planes_scratch_size(size_t raw_size);
/* The most bytes that the encoding of raw_size bytes takes. */
size_t bfs_planes_bound(size_t raw_size);

/* What the encoder works with; all borrowed. */
struct bfs_planes_encoder {
    const struct bfs_plane_kernels *kernels;
    struct bfs_zstd_encoder *zstd;
    uint8_t *scratch; /* bfs_planes_scratch_size() bytes */
    uint8_t *spare;   /* bfs_zstd_bound() bytes */
    bool repetitive;  /* the chunk repeats itself: matches may beat literals in a plane */
};

/* Encodes raw_size bytes, at least 2 and at least `width`; `stored` has bfs_planes_bound() bytes.
 * *ret_noise tells that a plane looked incompressible. Errors: -EIO (zstd failed). */
int bfs_planes_encode(const struct bfs_planes_encoder *encoder, const uint8_t *raw, size_t raw_size,
                      unsigned width, uint8_t *stored, size_t *ret_stored_size, bool *ret_noise);

/* Decodes to exactly raw_size bytes, which may be clobbered on failure; `scratch` has
 * bfs_planes_scratch_size() bytes, `width` is a known one or BFS_PLANES_INTEGER. Errors: -EBADMSG. */
int bfs_planes_decode(const struct bfs_plane_kernels *kernels, struct bfs_zstd_decoder *zstd,
                      uint8_t *scratch, const uint8_t *stored, size_t stored_size, unsigned width,
                      uint8_t *raw, size_t raw_size);

#endif

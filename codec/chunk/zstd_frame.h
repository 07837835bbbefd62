/* SPDX-License-Identifier: Apache-2.0
 * zstd frames as chunks and planes hold them: exactly one frame, which states its content size,
 * with no checksum and no dictionary. Every zstd decoder reads them.
 *
 * THREAD SAFETY: one thread per object at a time. */
#ifndef BFS_CODEC_ZSTD_FRAME_H
#define BFS_CODEC_ZSTD_FRAME_H

#include "verify/cleanup.h"

#include <stddef.h>
#include <stdint.h>

/* How hard and by what means to compress. */
enum bfs_zstd_mode {
    /* Huffman codes of single bytes and no matches: what exponent planes want, and what a stock
     * decoder decodes fastest. */
    BFS_ZSTD_LITERALS,
    /* Matches, quickly: for samples, and for floats that repeat, where trying harder finds matches
     * that cost more than the literals they replace. */
    BFS_ZSTD_FAST,
    /* Text, integers, and whatever else is not floats. */
    BFS_ZSTD_NORMAL,
    BFS_ZSTD_MODES
};

struct bfs_zstd_encoder;
/* Errors: -ENOMEM. */
int bfs_zstd_encoder_new(struct bfs_zstd_encoder **ret);
struct bfs_zstd_encoder *bfs_zstd_encoder_free(struct bfs_zstd_encoder *encoder);
BFS_DEFINE_CLEANUP(bfs_zstd_encoder, bfs_zstd_encoder_free)

/* The most bytes that a frame of `size` bytes takes. */
size_t bfs_zstd_bound(size_t size);

/* Writes one frame; `capacity` is at least bfs_zstd_bound(size). Errors: -EIO (zstd failed). */
int bfs_zstd_encode(struct bfs_zstd_encoder *encoder, enum bfs_zstd_mode mode, uint8_t *frame,
                    size_t capacity, const uint8_t *bytes, size_t size, size_t *ret_frame_size);

struct bfs_zstd_decoder;
/* Errors: -ENOMEM. */
int bfs_zstd_decoder_new(struct bfs_zstd_decoder **ret);
struct bfs_zstd_decoder *bfs_zstd_decoder_free(struct bfs_zstd_decoder *decoder);
BFS_DEFINE_CLEANUP(bfs_zstd_decoder, bfs_zstd_decoder_free)

/* Decodes one frame of exactly frame_size bytes to exactly `size` bytes, which may be clobbered on
 * failure. Errors: -EBADMSG (anything else than such a frame). */
int bfs_zstd_decode(struct bfs_zstd_decoder *decoder, const uint8_t *frame, size_t frame_size,
                    uint8_t *bytes, size_t size);

#endif

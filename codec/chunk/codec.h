/* SPDX-License-Identifier: Apache-2.0
 * Chunk encodings: raw bytes of at most BFS_CHUNK_RAW_MAX to stored bytes and back.
 *
 * An encoder and a decoder hold scratch memory and library contexts: make one per thread and keep
 * it. encode() picks the smallest encoding that is worth its decoding time; decode() trusts nothing
 * but the sizes that the caller gives.
 *
 * THREAD SAFETY: one thread per object at a time. */
#ifndef BFS_CODEC_CODEC_H
#define BFS_CODEC_CODEC_H

#include "codec/chunk/codec_list.h"
#include "codec/chunk/layout.h"
#include "codec/chunk/transform.h"
#include "verify/cleanup.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bfs_codec {
#define BFS_CODEC_ENUM(id, NAME, name, text) BFS_CODEC_##NAME = id,
    BFS_CODEC_LIST(BFS_CODEC_ENUM)
#undef BFS_CODEC_ENUM
};

enum {
    /* 4 MiB is the largest --chunk-size; a tensor's last chunk may be a quarter longer. */
    BFS_CHUNK_RAW_MAX = 5 << 20,
    /* The same after a transform. */
    BFS_CHUNK_WIDE_MAX = 10 << 20,
    /* A saving below 3 % costs a decode for nothing: raw wins when stored > raw * 97 / 100. */
    BFS_CODEC_KEEP_PERCENT = 97,
};

/* What a chunk record says about its encoding. `width` is the element size of PLANES (1, 2, 4 or
 * 8) and 0 for every other codec. `transform` is what happens to the decoded bytes; encode() sets
 * it to NONE. */
struct bfs_encoding {
    uint8_t codec;
    uint8_t width;
    uint8_t transform;
};

/* "planes" for a known id, else NULL. */
const char *bfs_codec_name(unsigned id);

/* Is it a codec, width and transform that this build decodes? */
int bfs_encoding_check(struct bfs_encoding encoding); /* 0 or -EPROTONOSUPPORT */
bool bfs_encoding_equal(struct bfs_encoding a, struct bfs_encoding b);
/* For a known encoding: the bytes that the codec decodes to, before the transform makes raw_size
 * of them; 0 when no chunk can have that raw_size. */
uint32_t bfs_encoding_decoded_size(struct bfs_encoding encoding, size_t raw_size);

struct bfs_encoder;
/* Errors: -ENOMEM. */
int bfs_encoder_new(struct bfs_encoder **ret);
struct bfs_encoder *bfs_encoder_free(struct bfs_encoder *encoder);
BFS_DEFINE_CLEANUP(bfs_encoder, bfs_encoder_free)

/* Encodes raw_size bytes (1..BFS_CHUNK_RAW_MAX). Deterministic for one build of bundlefs and zstd:
 * the result depends on the bytes and the hint only. *ret_stored is borrowed until the next call on
 * this encoder, and may be `raw` itself when RAW wins. Errors: -EINVAL (size), -EIO (zstd failed).
 */
int bfs_encoder_encode(struct bfs_encoder *encoder, const uint8_t *raw, size_t raw_size,
                       enum bfs_layout layout, const uint8_t **ret_stored, size_t *ret_stored_size,
                       struct bfs_encoding *ret_encoding);

struct bfs_decoder;
/* Errors: -ENOMEM. */
int bfs_decoder_new(struct bfs_decoder **ret);
struct bfs_decoder *bfs_decoder_free(struct bfs_decoder *decoder);
BFS_DEFINE_CLEANUP(bfs_decoder, bfs_decoder_free)

/* Decodes into exactly raw_size bytes (1..BFS_CHUNK_RAW_MAX; with a transform up to
 * BFS_CHUNK_WIDE_MAX, in whole elements) at `raw`, which may be clobbered on failure. Allocates
 * nothing in proportion to what the stored bytes claim. Errors: -EBADMSG (not an encoding of
 * raw_size bytes), -EPROTONOSUPPORT (unknown codec). */
int bfs_decoder_decode(struct bfs_decoder *decoder, struct bfs_encoding encoding,
                       const uint8_t *stored, size_t stored_size, uint8_t *raw, size_t raw_size);

#endif

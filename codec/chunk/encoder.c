/* SPDX-License-Identifier: Apache-2.0
 * Chooses how a chunk is stored: cheap estimates first, then only the compressors that they leave
 * in question, then the smallest result. */
#include "codec/chunk/codec.h"
#include "codec/chunk/estimate.h"
#include "codec/chunk/planes.h"
#include "codec/chunk/planes_format.h"
#include "codec/chunk/zstd_frame.h"

#include <errno.h>
#include <stdbool.h>

enum {
    SAMPLE_SIZE = 16384,
    /* A sample that gains less speaks for raw; the whole chunk may gain a little more than it. */
    SAMPLE_PERCENT = 98,
    /* A frame decodes at half to a third of the speed of planes, and must gain this much. */
    FRAME_PERCENT = 98,
};

struct bfs_encoder {
    struct bfs_planes_encoder planes;
    struct bfs_zstd_encoder *zstd;
    uint8_t *scratch;      /* planes, or a sample */
    uint8_t *frame;        /* a frame of the whole chunk, or of a plane being tried */
    uint8_t *sample_frame; /* of a sample */
    uint8_t *plane_stored; /* a chunk stored as planes */
};

/* An encoding under consideration. */
struct candidate {
    struct bfs_encoding encoding;
    const uint8_t *stored;
    size_t size;
};

int bfs_encoder_new(struct bfs_encoder **ret)
{
    BFS_CLEANUP(bfs_encoder_cleanup) struct bfs_encoder *encoder = calloc(1, sizeof(*encoder));
    if (encoder == NULL)
        return -ENOMEM;
    int r = bfs_zstd_encoder_new(&encoder->zstd);
    if (r)
        return r;
    encoder->scratch = malloc(bfs_planes_scratch_size(BFS_CHUNK_RAW_MAX));
    encoder->frame = malloc(bfs_zstd_bound(BFS_CHUNK_RAW_MAX));
    encoder->sample_frame = malloc(bfs_zstd_bound(SAMPLE_SIZE));
    encoder->plane_stored = malloc(bfs_planes_bound(BFS_CHUNK_RAW_MAX));
    if (encoder->scratch == NULL || encoder->frame == NULL || encoder->sample_frame == NULL ||
        encoder->plane_stored == NULL)
        return -ENOMEM;
    encoder->planes = (struct bfs_planes_encoder){
        .kernels = bfs_plane_kernels(),
        .zstd = encoder->zstd,
        .scratch = encoder->scratch,
        .spare = encoder->frame,
    };
    *ret = bfs_steal(&encoder);
    return 0;
}

struct bfs_encoder *bfs_encoder_free(struct bfs_encoder *encoder)
{
    if (encoder == NULL)
        return NULL;
    bfs_zstd_encoder_free(encoder->zstd);
    free(encoder->scratch);
    free(encoder->frame);
    free(encoder->sample_frame);
    free(encoder->plane_stored);
    free(encoder);
    return NULL;
}

static unsigned float_width(enum bfs_layout layout)
{
    switch (layout) {
    case BFS_LAYOUT_FLOAT8:
        return 1;
    case BFS_LAYOUT_FLOAT16:
    case BFS_LAYOUT_BFLOAT16:
        return 2;
    case BFS_LAYOUT_FLOAT32:
        return 4;
    case BFS_LAYOUT_FLOAT64:
        return 8;
    case BFS_LAYOUT_OPAQUE:
    case BFS_LAYOUT_INTEGER:
    case BFS_LAYOUT_BLOCKS:
        break;
    }
    return 0;
}

/* Makes a frame of the whole chunk, and the candidate of it when that is small enough. */
static int try_frame(struct bfs_encoder *encoder, enum bfs_zstd_mode mode, const uint8_t *raw,
                     size_t raw_size, size_t limit, struct candidate *best)
{
    size_t n;
    int r = bfs_zstd_encode(encoder->zstd, mode, encoder->frame, bfs_zstd_bound(raw_size), raw,
                            raw_size, &n);
    if (r)
        return r;
    if (n < limit)
        *best = (struct candidate){{.codec = BFS_CODEC_ZSTD}, encoder->frame, n};
    return 0;
}

/* How a sample of the chunk comes out. Clobbers scratch, but no candidate. */
static int try_sample(struct bfs_encoder *encoder, enum bfs_zstd_mode mode, const uint8_t *raw,
                      size_t raw_size, size_t *ret_sample_size, size_t *ret_size)
{
    size_t sample_size = raw_size;
    if (raw_size > SAMPLE_SIZE) {
        sample_size = SAMPLE_SIZE;
        bfs_gather_sample(raw, raw_size, encoder->scratch, sample_size);
        raw = encoder->scratch;
    }
    int r = bfs_zstd_encode(encoder->zstd, mode, encoder->sample_frame, bfs_zstd_bound(sample_size),
                            raw, sample_size, ret_size);
    if (r == 0)
        *ret_sample_size = sample_size;
    return r;
}

/* Nibbles decode twice as fast as whole bytes, but where they tear the exponent apart, as in E5M2,
 * or where mantissas depend on exponents, a frame of whole bytes may be the better part smaller. */
static int try_whole_bytes(struct bfs_encoder *encoder, const uint8_t *raw, size_t raw_size,
                           struct candidate *best)
{
    size_t sample;
    size_t literals;
    int r = try_sample(encoder, BFS_ZSTD_LITERALS, raw, raw_size, &sample, &literals);
    if (r)
        return r;
    size_t limit = best->size * FRAME_PERCENT / 100;
    if (literals * raw_size > sample * limit)
        return 0;
    return try_frame(encoder, BFS_ZSTD_LITERALS, raw, raw_size, limit, best);
}

/* Integers of one byte that are small for the most part, as quantized weights are. */
static int encode_nibbles(struct bfs_encoder *encoder, const uint8_t *raw, size_t raw_size,
                          struct candidate *best)
{
    size_t n;
    bool noise;
    encoder->planes.repetitive = false;
    int r = bfs_planes_encode(&encoder->planes, raw, raw_size, BFS_PLANES_INTEGER,
                              encoder->plane_stored, &n, &noise);
    if (r)
        return r;
    if (n < best->size)
        *best = (struct candidate){{.codec = BFS_CODEC_NIBBLES}, encoder->plane_stored, n};
    return try_whole_bytes(encoder, raw, raw_size, best);
}

/* Chunks that are not wide floats: matches or literals alone, whatever a sample prefers. */
static int encode_bytes(struct bfs_encoder *encoder, const uint8_t *raw, size_t raw_size,
                        enum bfs_layout layout, bool repetitive, struct candidate *best)
{
    size_t sample;
    size_t with_matches;
    size_t literals;
    int r;
    if ((r = try_sample(encoder, BFS_ZSTD_FAST, raw, raw_size, &sample, &with_matches)) ||
        (r = try_sample(encoder, BFS_ZSTD_LITERALS, raw, raw_size, &sample, &literals)))
        return r;
    size_t worth = sample * SAMPLE_PERCENT / 100;
    if (!repetitive && with_matches > worth && literals > worth)
        return 0;
    bool prefer_literals = !repetitive && literals * FRAME_PERCENT / 100 <= with_matches;
    if (prefer_literals && raw_size > 1 &&
        (layout == BFS_LAYOUT_INTEGER || layout == BFS_LAYOUT_BLOCKS))
        return encode_nibbles(encoder, raw, raw_size, best);
    return try_frame(encoder, prefer_literals ? BFS_ZSTD_LITERALS : BFS_ZSTD_NORMAL, raw, raw_size,
                     best->size, best);
}

static int encode_floats(struct bfs_encoder *encoder, const uint8_t *raw, size_t raw_size,
                         unsigned width, bool repetitive, struct candidate *best)
{
    size_t n;
    bool noise;
    encoder->planes.repetitive = repetitive;
    int r = bfs_planes_encode(&encoder->planes, raw, raw_size, width, encoder->plane_stored, &n,
                              &noise);
    if (r)
        return r;
    if (n < best->size)
        *best = (struct candidate){
            {.codec = BFS_CODEC_PLANES, .width = (uint8_t)width}, encoder->plane_stored, n};
    /* Low planes of weights are noise, those of anything with matches are not. */
    if (noise && !repetitive)
        return width == 1 ? try_whole_bytes(encoder, raw, raw_size, best) : 0;
    if (!repetitive) {
        size_t sample;
        size_t with_matches;
        r = try_sample(encoder, BFS_ZSTD_FAST, raw, raw_size, &sample, &with_matches);
        if (r)
            return r;
        if (with_matches * raw_size > sample * best->size)
            return 0;
    }
    return try_frame(encoder, BFS_ZSTD_FAST, raw, raw_size, best->size * FRAME_PERCENT / 100, best);
}

int bfs_encoder_encode(struct bfs_encoder *encoder, const uint8_t *raw, size_t raw_size,
                       enum bfs_layout layout, const uint8_t **ret_stored, size_t *ret_stored_size,
                       struct bfs_encoding *ret_encoding)
{
    if (raw_size == 0 || raw_size > BFS_CHUNK_RAW_MAX)
        return -EINVAL;
    struct candidate best = {{.codec = BFS_CODEC_RAW}, raw, raw_size};
    if (bfs_is_zero(raw, raw_size)) {
        best = (struct candidate){{.codec = BFS_CODEC_ZERO}, raw, 0};
    } else {
        bool repetitive = bfs_estimate_repeats(raw, raw_size) > BFS_REPEATS_FEW;
        unsigned width = float_width(layout);
        int r = width != 0 && raw_size >= width && raw_size > 1
                    ? encode_floats(encoder, raw, raw_size, width, repetitive, &best)
                    : encode_bytes(encoder, raw, raw_size, layout, repetitive, &best);
        if (r)
            return r;
        if (best.size > raw_size * BFS_CODEC_KEEP_PERCENT / 100)
            best = (struct candidate){{.codec = BFS_CODEC_RAW}, raw, raw_size};
    }
    *ret_stored = best.stored;
    *ret_stored_size = best.size;
    *ret_encoding = best.encoding;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/codec.h"
#include "codec/chunk/planes.h"
#include "codec/chunk/planes_format.h"
#include "codec/chunk/zstd_frame.h"

#include <errno.h>
#include <string.h>

struct bfs_decoder {
    const struct bfs_plane_kernels *kernels;
    struct bfs_zstd_decoder *zstd;
    uint8_t *scratch; /* for the planes of the largest chunk */
    uint8_t *narrow;  /* for the largest chunk before a transform */
};

int bfs_decoder_new(struct bfs_decoder **ret)
{
    BFS_CLEANUP(bfs_decoder_cleanup) struct bfs_decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder == NULL)
        return -ENOMEM;
    int r = bfs_zstd_decoder_new(&decoder->zstd);
    if (r)
        return r;
    decoder->scratch = malloc(bfs_planes_scratch_size(BFS_CHUNK_RAW_MAX));
    decoder->narrow = malloc(BFS_CHUNK_RAW_MAX);
    if (decoder->scratch == NULL || decoder->narrow == NULL)
        return -ENOMEM;
    decoder->kernels = bfs_plane_kernels();
    *ret = bfs_steal(&decoder);
    return 0;
}

struct bfs_decoder *bfs_decoder_free(struct bfs_decoder *decoder)
{
    if (decoder == NULL)
        return NULL;
    bfs_zstd_decoder_free(decoder->zstd);
    free(decoder->scratch);
    free(decoder->narrow);
    free(decoder);
    return NULL;
}

static int decode_raw(const uint8_t *stored, size_t stored_size, uint8_t *raw, size_t raw_size)
{
    if (stored_size != raw_size)
        return -EBADMSG;
    memcpy(raw, stored, raw_size);
    return 0;
}

static int decode_zero(size_t stored_size, uint8_t *raw, size_t raw_size)
{
    if (stored_size != 0)
        return -EBADMSG;
    memset(raw, 0, raw_size);
    return 0;
}

static int decode(struct bfs_decoder *decoder, struct bfs_encoding encoding, const uint8_t *stored,
                  size_t stored_size, uint8_t *raw, size_t raw_size)
{
    switch ((enum bfs_codec)encoding.codec) {
    case BFS_CODEC_RAW:
        return decode_raw(stored, stored_size, raw, raw_size);
    case BFS_CODEC_ZERO:
        return decode_zero(stored_size, raw, raw_size);
    case BFS_CODEC_ZSTD:
        return bfs_zstd_decode(decoder->zstd, stored, stored_size, raw, raw_size);
    case BFS_CODEC_PLANES:
        return bfs_planes_decode(decoder->kernels, decoder->zstd, decoder->scratch, stored,
                                 stored_size, encoding.width, raw, raw_size);
    case BFS_CODEC_NIBBLES:
        return bfs_planes_decode(decoder->kernels, decoder->zstd, decoder->scratch, stored,
                                 stored_size, BFS_PLANES_INTEGER, raw, raw_size);
    }
    return -EPROTONOSUPPORT;
}

int bfs_decoder_decode(struct bfs_decoder *decoder, struct bfs_encoding encoding,
                       const uint8_t *stored, size_t stored_size, uint8_t *raw, size_t raw_size)
{
    int r = bfs_encoding_check(encoding);
    if (r)
        return r;
    size_t decoded_size = bfs_encoding_decoded_size(encoding, raw_size);
    if (decoded_size == 0)
        return -EBADMSG;
    if (encoding.transform == BFS_TRANSFORM_NONE)
        return decode(decoder, encoding, stored, stored_size, raw, raw_size);
    r = decode(decoder, encoding, stored, stored_size, decoder->narrow, decoded_size);
    if (r == 0)
        bfs_transform_widen(encoding.transform, decoder->narrow, decoded_size, raw);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_c_literalCompressionMode */
#include "codec/chunk/zstd_frame.h"
#include "verify/cursor.h"

#include <stdbool.h>
#include <zstd.h>

enum {
    /* 3 is where text stops gaining quickly. 1 ranks samples in the same order at twice the speed,
     * and beats 3 on pruned and on rounded weights. */
    NORMAL_LEVEL = 3,
    FAST_LEVEL = 1,
    /* Frame_Header_Descriptor of RFC 8878: dictionary id, checksum, and two bits that say nothing
     * or nothing yet. All must be 0. */
    DESCRIPTOR_REFUSED = 0x1f,
};

struct bfs_zstd_encoder {
    ZSTD_CCtx *contexts[BFS_ZSTD_MODES];
};

struct bfs_zstd_decoder {
    ZSTD_DCtx *context;
};

static bool set(ZSTD_CCtx *context, ZSTD_cParameter parameter, int value)
{
    return !ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value));
}

/* Matches in exponent planes are accidents that cost size and decoding time. The match finder
 * cannot be switched off, but with the longest minimal match, the smallest table, and a target
 * length that is also its stride it looks at next to nothing. Forcing literals to be compressed is
 * an experimental parameter: a libzstd without it decides by itself, and then a plain level 1
 * is the better choice, as this strategy alone would give up on literals. */
static void make_literals_only(ZSTD_CCtx *context)
{
    bool known = set(context, ZSTD_c_literalCompressionMode, ZSTD_ps_enable) &&
                 set(context, ZSTD_c_strategy, ZSTD_fast) && set(context, ZSTD_c_minMatch, 7) &&
                 set(context, ZSTD_c_hashLog, ZSTD_HASHLOG_MIN) &&
                 set(context, ZSTD_c_targetLength, ZSTD_TARGETLENGTH_MAX);
    if (!known) {
        (void)ZSTD_CCtx_reset(context, ZSTD_reset_parameters);
        (void)set(context, ZSTD_c_compressionLevel, FAST_LEVEL);
    }
}

int bfs_zstd_encoder_new(struct bfs_zstd_encoder **ret)
{
    BFS_CLEANUP(bfs_zstd_encoder_cleanup)
    struct bfs_zstd_encoder *encoder = calloc(1, sizeof(*encoder));
    if (encoder == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < BFS_ZSTD_MODES; i++) {
        encoder->contexts[i] = ZSTD_createCCtx();
        if (encoder->contexts[i] == NULL)
            return -ENOMEM;
    }
    make_literals_only(encoder->contexts[BFS_ZSTD_LITERALS]);
    (void)set(encoder->contexts[BFS_ZSTD_FAST], ZSTD_c_compressionLevel, FAST_LEVEL);
    (void)set(encoder->contexts[BFS_ZSTD_NORMAL], ZSTD_c_compressionLevel, NORMAL_LEVEL);
    *ret = bfs_steal(&encoder);
    return 0;
}

struct bfs_zstd_encoder *bfs_zstd_encoder_free(struct bfs_zstd_encoder *encoder)
{
    if (encoder == NULL)
        return NULL;
    for (size_t i = 0; i < BFS_ZSTD_MODES; i++)
        (void)ZSTD_freeCCtx(encoder->contexts[i]);
    free(encoder);
    return NULL;
}

size_t bfs_zstd_bound(size_t size)
{
    return ZSTD_compressBound(size);
}

int bfs_zstd_encode(struct bfs_zstd_encoder *encoder, enum bfs_zstd_mode mode, uint8_t *frame,
                    size_t capacity, const uint8_t *bytes, size_t size, size_t *ret_frame_size)
{
    size_t n = ZSTD_compress2(encoder->contexts[mode], frame, capacity, bytes, size);
    if (ZSTD_isError(n))
        return -EIO;
    *ret_frame_size = n;
    return 0;
}

int bfs_zstd_decoder_new(struct bfs_zstd_decoder **ret)
{
    BFS_CLEANUP(bfs_zstd_decoder_cleanup)
    struct bfs_zstd_decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder == NULL)
        return -ENOMEM;
    decoder->context = ZSTD_createDCtx();
    if (decoder->context == NULL)
        return -ENOMEM;
    *ret = bfs_steal(&decoder);
    return 0;
}

struct bfs_zstd_decoder *bfs_zstd_decoder_free(struct bfs_zstd_decoder *decoder)
{
    if (decoder == NULL)
        return NULL;
    (void)ZSTD_freeDCtx(decoder->context);
    free(decoder);
    return NULL;
}

/* The magic number comes first because libzstd also takes skippable frames and, built for it, the
 * formats of its own early versions, whose decoders see far less scrutiny. */
static int check_header(const uint8_t *frame, size_t frame_size, size_t size)
{
    struct bfs_cursor c = bfs_cursor_over(frame, frame_size);
    uint32_t magic;
    uint8_t descriptor;
    int r;
    if ((r = bfs_cursor_u32(&c, &magic)) || (r = bfs_cursor_u8(&c, &descriptor)))
        return r;
    if (magic != ZSTD_MAGICNUMBER || (descriptor & DESCRIPTOR_REFUSED) != 0)
        return -EBADMSG;
    if (ZSTD_getFrameContentSize(frame, frame_size) != size)
        return -EBADMSG;
    return ZSTD_findFrameCompressedSize(frame, frame_size) == frame_size ? 0 : -EBADMSG;
}

int bfs_zstd_decode(struct bfs_zstd_decoder *decoder, const uint8_t *frame, size_t frame_size,
                    uint8_t *bytes, size_t size)
{
    int r = check_header(frame, frame_size, size);
    if (r)
        return r;
    return ZSTD_decompressDCtx(decoder->context, bytes, size, frame, frame_size) == size ? 0
                                                                                         : -EBADMSG;
}

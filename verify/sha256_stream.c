/* SPDX-License-Identifier: Apache-2.0
 * By libcrypto, or where the CPU can do two messages at once, by the kernels that do. */
#include "verify/sha256_internal.h"

#include <string.h>

struct bfs_sha256_stream {
    EVP_MD_CTX *context;                      /* NULL: what follows is used instead */
    const struct bfs_sha256_kernels *kernels; /* NULL: the context is used */
    uint32_t state[BFS_SHA256_STATE_WORDS];
    uint64_t size;                          /* so far */
    uint8_t pending[BFS_SHA256_BLOCK_SIZE]; /* size % 64 bytes that no block has taken yet */
};

struct bfs_sha256_stream *bfs_sha256_stream_free(struct bfs_sha256_stream *stream)
{
    if (stream) {
        EVP_MD_CTX_free(stream->context);
        free(stream);
    }
    return NULL;
}

static int restart(struct bfs_sha256_stream *stream)
{
    if (!stream->kernels)
        return EVP_DigestInit_ex2(stream->context, bfs_sha256_method(), NULL) == 1 ? 0 : -EIO;
    memcpy(stream->state, bfs_sha256_initial, sizeof(stream->state));
    stream->size = 0;
    return 0;
}

int bfs_sha256_stream_new_with(const struct bfs_sha256_kernels *kernels,
                               struct bfs_sha256_stream **ret)
{
    BFS_CLEANUP(bfs_sha256_stream_cleanup)
    struct bfs_sha256_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    stream->kernels = kernels;
    if (!kernels) {
        stream->context = EVP_MD_CTX_new();
        if (!stream->context)
            return -ENOMEM;
        if (!bfs_sha256_method())
            return -EIO;
    }
    int r = restart(stream);
    if (r)
        return r;
    *ret = bfs_steal(&stream);
    return 0;
}

int bfs_sha256_stream_new(struct bfs_sha256_stream **ret)
{
    return bfs_sha256_stream_new_with(bfs_sha256_kernels(), ret);
}

/* Fills up what is pending, so that whole blocks can be taken from where they lie. */
static void settle(struct bfs_sha256_piece *piece)
{
    struct bfs_sha256_stream *stream = piece->stream;
    size_t n_pending = stream->size % BFS_SHA256_BLOCK_SIZE;
    if (n_pending == 0 || piece->size == 0)
        return;
    size_t n = BFS_SHA256_BLOCK_SIZE - n_pending;
    if (n > piece->size)
        n = piece->size;
    memcpy(stream->pending + n_pending, piece->bytes, n);
    stream->size += n;
    if (stream->size % BFS_SHA256_BLOCK_SIZE == 0)
        stream->kernels->one(stream->state, stream->pending, 1);
    piece->bytes = (const uint8_t *)piece->bytes + n;
    piece->size -= n;
}

static void took(struct bfs_sha256_piece *piece, size_t n_blocks)
{
    size_t n = n_blocks * BFS_SHA256_BLOCK_SIZE;
    piece->stream->size += n;
    piece->bytes = (const uint8_t *)piece->bytes + n;
    piece->size -= n;
}

/* What is left after settle(): whole blocks, and the beginning of one. */
static void take_rest(struct bfs_sha256_piece *piece)
{
    struct bfs_sha256_stream *stream = piece->stream;
    size_t n_blocks = piece->size / BFS_SHA256_BLOCK_SIZE;
    if (n_blocks > 0)
        stream->kernels->one(stream->state, piece->bytes, n_blocks);
    took(piece, n_blocks);
    if (piece->size > 0)
        memcpy(stream->pending, piece->bytes, piece->size);
    stream->size += piece->size;
}

int bfs_sha256_stream_update(struct bfs_sha256_stream *stream, const void *bytes, size_t size)
{
    if (!stream->kernels)
        return EVP_DigestUpdate(stream->context, bytes, size) == 1 ? 0 : -EIO;
    struct bfs_sha256_piece piece = {.stream = stream, .bytes = bytes, .size = size};
    settle(&piece);
    if (piece.size > 0)
        take_rest(&piece);
    return 0;
}

int bfs_sha256_stream_update_two(const struct bfs_sha256_piece pieces[static 2])
{
    struct bfs_sha256_piece a = pieces[0], b = pieces[1];
    if (a.stream->kernels && b.stream->kernels) {
        settle(&a);
        settle(&b);
        size_t n_blocks = (a.size < b.size ? a.size : b.size) / BFS_SHA256_BLOCK_SIZE;
        if (n_blocks > 0) {
            uint32_t *const states[2] = {a.stream->state, b.stream->state};
            const uint8_t *const bytes[2] = {a.bytes, b.bytes};
            a.stream->kernels->two(states, bytes, n_blocks);
            took(&a, n_blocks);
            took(&b, n_blocks);
        }
    }
    int r = bfs_sha256_stream_update(a.stream, a.bytes, a.size);
    return r ? r : bfs_sha256_stream_update(b.stream, b.bytes, b.size);
}

int bfs_sha256_stream_finish(struct bfs_sha256_stream *stream, struct bfs_digest *ret)
{
    struct bfs_digest digest;
    if (stream->kernels) {
        uint8_t tail[BFS_SHA256_TAIL_SIZE];
        size_t n_blocks = bfs_sha256_pad(tail, stream->pending, stream->size);
        stream->kernels->one(stream->state, tail, n_blocks);
        digest = bfs_sha256_digest(stream->state);
    } else if (EVP_DigestFinal_ex(stream->context, digest.bytes, NULL) != 1) {
        return -EIO;
    }
    int r = restart(stream);
    if (r == 0)
        *ret = digest;
    return r;
}

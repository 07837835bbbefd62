/* SPDX-License-Identifier: Apache-2.0
 * The one way from stored bytes to raw bytes: read privately, prove, decode, check. A shared
 * mapping would let the bytes change between proof and decoding. */
#include "codec/store/file.h"
#include "codec/store/files.h"

#include <stdlib.h>
#include <string.h>

struct bfs_chunk_reader {
    struct bfs_decoder *decoder;
    uint8_t *stored;
    size_t capacity;
};

int bfs_chunk_reader_new(struct bfs_chunk_reader **ret)
{
    BFS_CLEANUP(bfs_chunk_reader_cleanup)
    struct bfs_chunk_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return -ENOMEM;
    int r = bfs_decoder_new(&reader->decoder);
    if (r)
        return r;
    *ret = bfs_steal(&reader);
    return 0;
}

struct bfs_chunk_reader *bfs_chunk_reader_free(struct bfs_chunk_reader *reader)
{
    if (reader) {
        (void)bfs_decoder_free(reader->decoder);
        free(reader->stored);
        free(reader);
    }
    return NULL;
}

/* `size` is at most BFS_CHUNK_RAW_MAX: chunk tables with more are refused. */
static int reserve(struct bfs_chunk_reader *reader, size_t size)
{
    if (size <= reader->capacity)
        return 0;
    free(reader->stored);
    reader->capacity = 0;
    reader->stored = malloc(size);
    if (!reader->stored)
        return -ENOMEM;
    reader->capacity = size;
    return 0;
}

static int prove(const struct bfs_chunk *chunk, const uint8_t *stored, struct bfs_error *error)
{
    struct bfs_digest digest;
    int r = bfs_sha256(stored, chunk->stored_size, &digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    if (bfs_digest_equal(&digest, &chunk->digest))
        return 0;
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_fail_at(error, -EBADMSG, chunk->stored_off, "stored bytes do not match their digest");
    bfs_fail_values(error, bfs_digest_text(&chunk->digest, expected),
                    bfs_digest_text(&digest, found));
    return -EBADMSG;
}

int bfs_chunk_read(int blob_fd, const struct bfs_chunk *chunk, struct bfs_chunk_reader *reader,
                   uint8_t *raw, struct bfs_error *error)
{
    int r = reserve(reader, chunk->stored_size);
    if (r)
        return bfs_fail(error, r, "out of memory");
    r = bfs_pread_exact(blob_fd, reader->stored, chunk->stored_size, chunk->stored_off);
    if (r == -ENODATA)
        return bfs_fail_at(error, -EBADMSG, chunk->stored_off, "the blob ends early");
    if (r)
        return bfs_fail_at(error, r, chunk->stored_off, "cannot read: %s", strerror(-r));
    r = prove(chunk, reader->stored, error);
    if (r)
        return r;
    r = bfs_decoder_decode(reader->decoder, chunk->encoding, reader->stored, chunk->stored_size,
                           raw, chunk->raw_size);
    if (r)
        return bfs_fail_at(error, r, chunk->stored_off, "stored bytes do not decode as %s",
                           bfs_codec_name(chunk->encoding.codec));
    struct bfs_xxh128 check = bfs_xxh128(raw, chunk->raw_size);
    if (!bfs_xxh128_equal(&check, &chunk->check))
        return bfs_fail_at(error, -EBADMSG, chunk->stored_off,
                           "decoded bytes do not match their XXH3");
    return 0;
}

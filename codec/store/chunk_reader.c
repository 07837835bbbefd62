/* SPDX-License-Identifier: Apache-2.0
 * The one way from stored bytes to raw bytes: read privately, prove, decode, check. A shared
 * mapping would let the bytes change between proof and decoding. */
#include "codec/store/file.h"
#include "codec/store/files.h"

#include <stdlib.h>
#include <string.h>

/* A chunk whose stored bytes are in memory, and what became of reading and hashing them. */
struct fetched {
    struct bfs_chunk_place place;
    const uint8_t *stored;
    struct bfs_digest digest; /* found */
    int status;               /* of reading */
    int hashed;               /* of hashing */
};

struct bfs_chunk_reader {
    struct bfs_decoder *decoder;
    uint8_t *stored; /* of all that are fetched, one after the other */
    size_t capacity;
    struct fetched fetched[BFS_CHUNKS_MAX];
    size_t n;
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

/* `size` is at most BFS_CHUNKS_MAX times BFS_CHUNK_RAW_MAX: chunk tables with more are refused. */
static int reserve(struct bfs_chunk_reader *reader, size_t size)
{
    if (reader->stored && size <= reader->capacity)
        return 0;
    free(reader->stored);
    reader->capacity = 0;
    /* Chunks of zeros alone have no stored bytes; where they would be is an address all the same. */
    reader->stored = malloc(size ? size : 1);
    if (!reader->stored)
        return -ENOMEM;
    reader->capacity = size;
    return 0;
}

/* Reads all that can be read, and tells where each is; nothing is what could not be read. */
static void read_places(struct bfs_chunk_reader *reader, struct bfs_bytes ret[BFS_CHUNKS_MAX])
{
    size_t at = 0;
    for (size_t i = 0; i < reader->n; i++) {
        struct fetched *fetched = &reader->fetched[i];
        const struct bfs_chunk *chunk = &fetched->place.chunk;
        fetched->stored = reader->stored + at;
        fetched->status = bfs_pread_exact(fetched->place.blob_fd, reader->stored + at,
                                          chunk->stored_size, chunk->stored_off);
        bool is_hashed = !fetched->status && !fetched->place.is_proved;
        ret[i] = (struct bfs_bytes){fetched->stored, is_hashed ? chunk->stored_size : 0};
        at += chunk->stored_size;
    }
}

void bfs_chunks_fetch(struct bfs_chunk_reader *reader, const struct bfs_chunk_place places[],
                      size_t n)
{
    struct bfs_bytes bytes[BFS_CHUNKS_MAX] = {{0}};
    struct bfs_digest digests[BFS_CHUNKS_MAX];
    size_t size = 0;
    reader->n = n;
    for (size_t i = 0; i < n; i++) {
        reader->fetched[i] = (struct fetched){.place = places[i], .status = -ENOMEM};
        size += places[i].chunk.stored_size;
    }
    if (reserve(reader, size))
        return;
    read_places(reader, bytes);
    int r = bfs_sha256_many(bytes, n, digests);
    for (size_t i = 0; i < n; i++) {
        reader->fetched[i].hashed = r;
        reader->fetched[i].digest = digests[i];
    }
}

static int prove(const struct fetched *fetched, struct bfs_error *error)
{
    const struct bfs_chunk *chunk = &fetched->place.chunk;
    if (fetched->status == -ENOMEM)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (fetched->status == -ENODATA)
        return bfs_fail_at(error, -EBADMSG, chunk->stored_off, "the blob ends early");
    if (fetched->status)
        return bfs_fail_at(error, fetched->status, chunk->stored_off, "cannot read: %s",
                           strerror(-fetched->status));
    if (fetched->place.is_proved)
        return 0;
    if (fetched->hashed)
        return bfs_fail(error, fetched->hashed, "cannot compute SHA-256");
    if (bfs_digest_equal(&fetched->digest, &chunk->digest))
        return 0;
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_fail_at(error, -EBADMSG, chunk->stored_off, "stored bytes do not match their digest");
    bfs_fail_values(error, bfs_digest_text(&chunk->digest, expected),
                    bfs_digest_text(&fetched->digest, found));
    return -EBADMSG;
}

int bfs_chunk_take(struct bfs_chunk_reader *reader, size_t i, uint8_t *raw, struct bfs_error *error)
{
    const struct fetched *fetched = &reader->fetched[i];
    const struct bfs_chunk *chunk = &fetched->place.chunk;
    int r = prove(fetched, error);
    if (r)
        return r;
    r = bfs_decoder_decode(reader->decoder, chunk->encoding, fetched->stored, chunk->stored_size,
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

int bfs_chunk_read(int blob_fd, const struct bfs_chunk *chunk, struct bfs_chunk_reader *reader,
                   uint8_t *raw, struct bfs_error *error)
{
    const struct bfs_chunk_place place = {.blob_fd = blob_fd, .chunk = *chunk};
    bfs_chunks_fetch(reader, &place, 1);
    return bfs_chunk_take(reader, 0, raw, error);
}

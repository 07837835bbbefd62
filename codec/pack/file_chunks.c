/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/file_chunks.h"

#include "codec/index/chunk_records.h"
#include "codec/index/format.h"
#include "codec/pack/spill.h"
#include "verify/errno_text.h"

#include <string.h>

enum {
    BLOBS_MAX = BFS_TABLE_BLOBS_MAX + 1, /* with the one that holds the table */
    WRITE_STEP = 64 << 10,
};

struct bfs_file_chunks {
    const char *folder;
    struct bfs_spill *records; /* struct bfs_chunk, whose `blob` is a place in blobs */
    uint32_t n;
    uint64_t size;
    uint64_t stored_size;
    uint32_t last; /* place of the blob of the last chunk */
    uint32_t n_blobs;
    uint32_t blobs[BLOBS_MAX];
};

int bfs_file_chunks_new(const char *folder, struct bfs_file_chunks **ret)
{
    BFS_CLEANUP(bfs_file_chunks_cleanup)
    struct bfs_file_chunks *chunks = calloc(1, sizeof(*chunks));
    if (!chunks)
        return -ENOMEM;
    chunks->folder = folder;
    int r = bfs_spill_new(folder, BFS_FILE_CHUNKS_MEMORY, &chunks->records);
    if (r)
        return r;
    *ret = bfs_steal(&chunks);
    return 0;
}

struct bfs_file_chunks *bfs_file_chunks_free(struct bfs_file_chunks *chunks)
{
    if (chunks) {
        (void)bfs_spill_free(chunks->records);
        free(chunks);
    }
    return NULL;
}

void bfs_file_chunks_clear(struct bfs_file_chunks *chunks)
{
    chunks->n = 0; /* what is there is written over */
    chunks->size = 0;
    chunks->stored_size = 0;
    chunks->last = 0;
    chunks->n_blobs = 0;
}

/* Most chunks lie where the one before them does. */
static int place_of(struct bfs_file_chunks *chunks, uint32_t blob, uint32_t *ret)
{
    uint32_t k = chunks->last;
    if (k >= chunks->n_blobs || chunks->blobs[k] != blob)
        for (k = 0; k < chunks->n_blobs && chunks->blobs[k] != blob;)
            k++;
    if (k == BLOBS_MAX)
        return -E2BIG;
    if (k == chunks->n_blobs)
        chunks->blobs[chunks->n_blobs++] = blob;
    chunks->last = k;
    *ret = k;
    return 0;
}

int bfs_file_chunks_add(struct bfs_file_chunks *chunks, const struct bfs_chunk *chunk)
{
    struct bfs_chunk record = *chunk;
    int r =
        chunks->n == BFS_TABLE_CHUNKS_MAX ? -E2BIG : place_of(chunks, chunk->blob, &record.blob);
    if (r)
        return r;
    record.raw_off = chunks->size;
    r = bfs_spill_write(chunks->records, (uint64_t)chunks->n * sizeof(record), &record,
                        sizeof(record));
    if (r)
        return r;
    chunks->n++;
    chunks->size += chunk->raw_size;
    chunks->stored_size += chunk->stored_size;
    return 0;
}

uint32_t bfs_file_chunks_n(const struct bfs_file_chunks *chunks)
{
    return chunks->n;
}

uint64_t bfs_file_chunks_size(const struct bfs_file_chunks *chunks)
{
    return chunks->size;
}

uint64_t bfs_file_chunks_stored_size(const struct bfs_file_chunks *chunks)
{
    return chunks->stored_size;
}

const uint32_t *bfs_file_chunks_blobs(const struct bfs_file_chunks *chunks, uint32_t *ret_n)
{
    *ret_n = chunks->n_blobs;
    return chunks->blobs;
}

uint64_t bfs_file_chunks_table_size(const struct bfs_file_chunks *chunks, uint32_t n_named)
{
    return BFS_TABLE_HEADER_SIZE + (uint64_t)n_named * BFS_TABLE_BLOB_SIZE +
           (uint64_t)chunks->n * BFS_CHUNK_RECORD_SIZE;
}

/* Moves what is in the buffer into the blob. */
static int flush(struct bfs_buffer *buffer, struct bfs_sha256_stream *sha256,
                 struct bfs_blob_writer *blob, struct bfs_error *error)
{
    int r = bfs_buffer_status(buffer);
    if (r == 0)
        r = bfs_sha256_stream_update(sha256, buffer->bytes, buffer->size);
    if (r)
        return bfs_fail(error, r, "chunk table: %s", strerror(-r));
    r = bfs_blob_writer_append(blob, buffer->bytes, buffer->size, error);
    buffer->size = 0;
    return r;
}

int bfs_file_chunks_write(struct bfs_file_chunks *chunks, const uint32_t numbers[],
                          const struct bfs_table_blob named[], uint32_t n_named,
                          struct bfs_blob_writer *blob, struct bfs_digest *ret_digest,
                          struct bfs_error *error)
{
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *sha256 = NULL;
    bfs_autobuffer struct bfs_buffer buffer = BFS_BUFFER_INIT;
    int r = bfs_sha256_stream_new(&sha256);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    bfs_table_frame_write(chunks->size, chunks->n, named, n_named, &buffer);
    for (uint32_t i = 0; i < chunks->n; i++) {
        struct bfs_chunk chunk;
        r = bfs_spill_read(chunks->records, (uint64_t)i * sizeof(chunk), &chunk, sizeof(chunk));
        if (r)
            return bfs_fail(error, r, "%s: temporary tables: %s", chunks->folder,
                            bfs_write_errno_text(-r));
        chunk.blob = numbers[chunk.blob];
        bfs_chunk_record_write(&chunk, &buffer);
        if (buffer.size >= WRITE_STEP && (r = flush(&buffer, sha256, blob, error)))
            return r;
    }
    r = flush(&buffer, sha256, blob, error);
    if (r)
        return r;
    r = bfs_sha256_stream_finish(sha256, ret_digest);
    return r ? bfs_fail(error, r, "cannot compute SHA-256") : 0;
}

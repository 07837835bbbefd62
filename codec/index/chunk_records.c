/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/chunk_records.h"

#include "codec/index/format.h"
#include "verify/checked.h"
#include "verify/cursor.h"

#include <inttypes.h>
#include <string.h>

static int read_blob(struct bfs_cursor *c, struct bfs_table_blob *ret)
{
    int r;
    if ((r = bfs_cursor_copy(c, ret->digest.bytes, sizeof(ret->digest.bytes))) ||
        (r = bfs_cursor_u64(c, &ret->size)))
        return r;
    return 0;
}

static int read_chunk(struct bfs_cursor *c, struct bfs_chunk *ret)
{
    int r;
    if ((r = bfs_cursor_u64(c, &ret->raw_off)) || (r = bfs_cursor_u32(c, &ret->raw_size)) ||
        (r = bfs_cursor_u32(c, &ret->stored_size)) || (r = bfs_cursor_u64(c, &ret->stored_off)) ||
        (r = bfs_cursor_u32(c, &ret->blob)) || (r = bfs_cursor_u8(c, &ret->encoding.codec)) ||
        (r = bfs_cursor_u8(c, &ret->encoding.width)) ||
        (r = bfs_cursor_u8(c, &ret->encoding.transform)) || (r = bfs_cursor_zero(c, 1)) ||
        (r = bfs_cursor_copy(c, ret->digest.bytes, sizeof(ret->digest.bytes))) ||
        (r = bfs_cursor_copy(c, ret->check.bytes, sizeof(ret->check.bytes))))
        return r;
    return 0;
}

int bfs_table_frame_read(const uint8_t *bytes, size_t size, uint64_t table_size,
                         struct bfs_table_frame *ret, struct bfs_error *error)
{
    struct bfs_cursor c = bfs_cursor_over(bytes, size);
    struct bfs_table_frame frame = {0};
    uint8_t magic[8];
    uint16_t major, minor;
    int r;
    if ((r = bfs_cursor_copy(&c, magic, sizeof(magic))) || (r = bfs_cursor_u16(&c, &major)) ||
        (r = bfs_cursor_u16(&c, &minor)))
        return bfs_fail(error, r, "chunk table: %zu bytes are too few", size);
    if (memcmp(magic, BFS_TABLE_MAGIC, sizeof(magic)) != 0)
        return bfs_fail_at(error, -EBADMSG, 0, "chunk table: wrong magic");
    if (major != BFS_FORMAT_MAJOR)
        return bfs_fail_at(error, -EPROTONOSUPPORT, 8, "chunk table: version %u is not known",
                           major);
    if (bfs_cursor_zero(&c, 4) || bfs_cursor_u64(&c, &frame.file_size) ||
        bfs_cursor_u32(&c, &frame.n_chunks) || bfs_cursor_u32(&c, &frame.n_blobs))
        return bfs_fail_at(error, -EBADMSG, 12, "chunk table: damaged header");
    if (frame.n_chunks > BFS_TABLE_CHUNKS_MAX || frame.n_blobs > BFS_TABLE_BLOBS_MAX)
        return bfs_fail_at(error, -E2BIG, 24, "chunk table: %u chunks in %u blobs are too many",
                           frame.n_chunks, frame.n_blobs);
    uint64_t needed =
        bfs_table_frame_size(&frame) + (uint64_t)frame.n_chunks * BFS_CHUNK_RECORD_SIZE;
    if (needed != table_size)
        return bfs_fail_at(error, -EBADMSG, 24,
                           "chunk table: counts contradict its %" PRIu64 " bytes", table_size);
    *ret = frame;
    return 0;
}

uint64_t bfs_table_frame_size(const struct bfs_table_frame *frame)
{
    return BFS_TABLE_HEADER_SIZE + (uint64_t)frame->n_blobs * BFS_TABLE_BLOB_SIZE;
}

struct bfs_table_blob bfs_table_frame_blob(const struct bfs_table_frame *frame, uint32_t k)
{
    struct bfs_cursor c =
        bfs_cursor_over(frame->blobs + (size_t)(k - 1) * BFS_TABLE_BLOB_SIZE, BFS_TABLE_BLOB_SIZE);
    struct bfs_table_blob blob = {0};
    (void)read_blob(&c, &blob);
    return blob;
}

int bfs_chunk_record_read(const struct bfs_table_frame *frame, const uint8_t *record, uint32_t i,
                          uint64_t raw_off, struct bfs_chunk *ret, struct bfs_error *error)
{
    struct bfs_cursor c = bfs_cursor_over(record, BFS_CHUNK_RECORD_SIZE);
    uint64_t at = bfs_table_frame_size(frame) + (uint64_t)i * BFS_CHUNK_RECORD_SIZE;
    struct bfs_chunk chunk;
    if (read_chunk(&c, &chunk))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: reserved bits of chunk %u are set",
                           i);
    if (chunk.raw_off != raw_off || chunk.raw_size == 0 ||
        !bfs_range_fits(chunk.raw_off, chunk.raw_size, frame->file_size))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u is out of place", i);
    if (bfs_encoding_check(chunk.encoding))
        return bfs_fail_at(error, -EPROTONOSUPPORT, at, "chunk table: chunk %u has codec %u/%u/%u",
                           i, chunk.encoding.codec, chunk.encoding.width, chunk.encoding.transform);
    uint32_t decoded_size = bfs_encoding_decoded_size(chunk.encoding, chunk.raw_size);
    if (decoded_size == 0 || chunk.stored_size > decoded_size ||
        (chunk.encoding.codec == BFS_CODEC_RAW && chunk.stored_size != decoded_size) ||
        (chunk.encoding.codec == BFS_CODEC_ZERO) != (chunk.stored_size == 0))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u has an impossible size", i);
    if (chunk.blob > frame->n_blobs)
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u names blob %u of %u", i,
                           chunk.blob, frame->n_blobs);
    uint64_t limit =
        chunk.blob ? bfs_table_frame_blob(frame, chunk.blob).size : frame->self_blob_size;
    if (!bfs_range_fits(chunk.stored_off, chunk.stored_size, limit))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u lies outside its blob", i);
    *ret = chunk;
    return 0;
}

struct bfs_chunk bfs_chunk_record_get(const uint8_t *record)
{
    struct bfs_cursor c = bfs_cursor_over(record, BFS_CHUNK_RECORD_SIZE);
    struct bfs_chunk chunk = {0};
    (void)read_chunk(&c, &chunk); /* cannot fail on what was judged */
    return chunk;
}

void bfs_table_frame_write(uint64_t file_size, uint32_t n_chunks,
                           const struct bfs_table_blob blobs[], uint32_t n_blobs,
                           struct bfs_buffer *ret)
{
    bfs_buffer_put(ret, BFS_TABLE_MAGIC, 8);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MAJOR);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MINOR);
    bfs_buffer_put_u32(ret, 0);
    bfs_buffer_put_u64(ret, file_size);
    bfs_buffer_put_u32(ret, n_chunks);
    bfs_buffer_put_u32(ret, n_blobs);
    for (uint32_t k = 0; k < n_blobs; k++) {
        bfs_buffer_put(ret, blobs[k].digest.bytes, BFS_DIGEST_SIZE);
        bfs_buffer_put_u64(ret, blobs[k].size);
    }
}

void bfs_chunk_record_write(const struct bfs_chunk *chunk, struct bfs_buffer *ret)
{
    bfs_buffer_put_u64(ret, chunk->raw_off);
    bfs_buffer_put_u32(ret, chunk->raw_size);
    bfs_buffer_put_u32(ret, chunk->stored_size);
    bfs_buffer_put_u64(ret, chunk->stored_off);
    bfs_buffer_put_u32(ret, chunk->blob);
    bfs_buffer_put_u8(ret, chunk->encoding.codec);
    bfs_buffer_put_u8(ret, chunk->encoding.width);
    bfs_buffer_put_u8(ret, chunk->encoding.transform);
    bfs_buffer_put_u8(ret, 0);
    bfs_buffer_put(ret, chunk->digest.bytes, sizeof(chunk->digest.bytes));
    bfs_buffer_put(ret, chunk->check.bytes, sizeof(chunk->check.bytes));
}

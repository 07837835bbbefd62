/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/chunk_table.h"

#include "codec/index/format.h"
#include "verify/checked.h"
#include "verify/cursor.h"

#include <string.h>

struct bfs_chunk_table {
    uint8_t *bytes; /* owned, validated */
    size_t size;
    uint64_t file_size;
    uint32_t n_chunks;
    uint32_t n_blobs;
    const uint8_t *blobs;   /* in bytes */
    const uint8_t *records; /* in bytes */
};

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

static int check_chunk(const struct bfs_chunk_table *table, uint32_t i, uint64_t expected_off,
                       uint64_t self_blob_size, struct bfs_error *error)
{
    struct bfs_cursor c =
        bfs_cursor_over(table->records + (size_t)i * BFS_CHUNK_RECORD_SIZE, BFS_CHUNK_RECORD_SIZE);
    uint64_t at = (uint64_t)(table->records - table->bytes) + (uint64_t)i * BFS_CHUNK_RECORD_SIZE;
    struct bfs_chunk chunk;
    if (read_chunk(&c, &chunk))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: reserved bits of chunk %u are set",
                           i);
    if (chunk.raw_off != expected_off || chunk.raw_size == 0 ||
        !bfs_range_fits(chunk.raw_off, chunk.raw_size, table->file_size))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u is out of place", i);
    if (bfs_encoding_check(chunk.encoding))
        return bfs_fail_at(error, -EPROTONOSUPPORT, at, "chunk table: chunk %u has codec %u/%u/%u",
                           i, chunk.encoding.codec, chunk.encoding.width, chunk.encoding.transform);
    uint32_t decoded_size = bfs_encoding_decoded_size(chunk.encoding, chunk.raw_size);
    if (decoded_size == 0 || chunk.stored_size > decoded_size ||
        (chunk.encoding.codec == BFS_CODEC_RAW && chunk.stored_size != decoded_size) ||
        (chunk.encoding.codec == BFS_CODEC_ZERO) != (chunk.stored_size == 0))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u has an impossible size", i);
    if (chunk.blob > table->n_blobs)
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u names blob %u of %u", i,
                           chunk.blob, table->n_blobs);
    uint64_t limit = chunk.blob ? bfs_chunk_table_blob(table, chunk.blob).size : self_blob_size;
    if (!bfs_range_fits(chunk.stored_off, chunk.stored_size, limit))
        return bfs_fail_at(error, -EBADMSG, at, "chunk table: chunk %u lies outside its blob", i);
    return 0;
}

static int read_header(struct bfs_cursor *c, struct bfs_chunk_table *ret, struct bfs_error *error)
{
    uint8_t magic[8];
    uint16_t major, minor;
    int r;
    if ((r = bfs_cursor_copy(c, magic, sizeof(magic))) || (r = bfs_cursor_u16(c, &major)) ||
        (r = bfs_cursor_u16(c, &minor)))
        return bfs_fail(error, r, "chunk table: %zu bytes are too few", c->size);
    if (memcmp(magic, BFS_TABLE_MAGIC, sizeof(magic)) != 0)
        return bfs_fail_at(error, -EBADMSG, 0, "chunk table: wrong magic");
    if (major != BFS_FORMAT_MAJOR)
        return bfs_fail_at(error, -EPROTONOSUPPORT, 8, "chunk table: version %u is not known",
                           major);
    if (bfs_cursor_zero(c, 4) || bfs_cursor_u64(c, &ret->file_size) ||
        bfs_cursor_u32(c, &ret->n_chunks) || bfs_cursor_u32(c, &ret->n_blobs))
        return bfs_fail_at(error, -EBADMSG, 12, "chunk table: damaged header");
    if (ret->n_chunks > BFS_TABLE_CHUNKS_MAX || ret->n_blobs > BFS_TABLE_BLOBS_MAX)
        return bfs_fail_at(error, -E2BIG, 24, "chunk table: %u chunks in %u blobs are too many",
                           ret->n_chunks, ret->n_blobs);
    uint64_t needed = (uint64_t)ret->n_blobs * BFS_TABLE_BLOB_SIZE +
                      (uint64_t)ret->n_chunks * BFS_CHUNK_RECORD_SIZE;
    if (needed != bfs_cursor_remaining(c))
        return bfs_fail_at(error, -EBADMSG, 24, "chunk table: counts contradict its %zu bytes",
                           c->size);
    return 0;
}

int bfs_chunk_table_parse(uint8_t *bytes, size_t size, uint64_t self_blob_size,
                          struct bfs_chunk_table **ret, struct bfs_error *error)
{
    struct bfs_chunk_table parsed = {.bytes = bytes, .size = size};
    struct bfs_cursor c = bfs_cursor_over(bytes, size);
    int r = read_header(&c, &parsed, error);
    if (r)
        return r;
    parsed.blobs = bytes + BFS_TABLE_HEADER_SIZE;
    parsed.records = parsed.blobs + (size_t)parsed.n_blobs * BFS_TABLE_BLOB_SIZE;
    uint64_t offset = 0;
    for (uint32_t i = 0; i < parsed.n_chunks; i++) {
        r = check_chunk(&parsed, i, offset, self_blob_size, error);
        if (r)
            return r;
        offset += bfs_chunk_table_at(&parsed, i).raw_size;
    }
    if (offset != parsed.file_size)
        return bfs_fail_at(error, -EBADMSG, 16, "chunk table: chunks end before the file");

    struct bfs_chunk_table *table = malloc(sizeof(*table));
    if (!table)
        return bfs_fail(error, -ENOMEM, "chunk table: out of memory");
    *table = parsed;
    *ret = table;
    return 0;
}

struct bfs_chunk_table *bfs_chunk_table_free(struct bfs_chunk_table *table)
{
    if (table) {
        free(table->bytes);
        free(table);
    }
    return NULL;
}

uint64_t bfs_chunk_table_file_size(const struct bfs_chunk_table *table)
{
    return table->file_size;
}

uint32_t bfs_chunk_table_n_chunks(const struct bfs_chunk_table *table)
{
    return table->n_chunks;
}

uint32_t bfs_chunk_table_n_blobs(const struct bfs_chunk_table *table)
{
    return table->n_blobs;
}

size_t bfs_chunk_table_size(const struct bfs_chunk_table *table)
{
    return table->size;
}

struct bfs_chunk bfs_chunk_table_at(const struct bfs_chunk_table *table, uint32_t i)
{
    struct bfs_cursor c =
        bfs_cursor_over(table->records + (size_t)i * BFS_CHUNK_RECORD_SIZE, BFS_CHUNK_RECORD_SIZE);
    struct bfs_chunk chunk = {0};
    (void)read_chunk(&c, &chunk); /* cannot fail on a validated table */
    return chunk;
}

struct bfs_table_blob bfs_chunk_table_blob(const struct bfs_chunk_table *table, uint32_t k)
{
    struct bfs_cursor c =
        bfs_cursor_over(table->blobs + (size_t)(k - 1) * BFS_TABLE_BLOB_SIZE, BFS_TABLE_BLOB_SIZE);
    struct bfs_table_blob blob = {0};
    (void)read_blob(&c, &blob);
    return blob;
}

static uint64_t raw_off(const struct bfs_chunk_table *table, uint32_t i)
{
    uint64_t offset;
    memcpy(&offset, table->records + (size_t)i * BFS_CHUNK_RECORD_SIZE, sizeof(offset));
    return offset;
}

/* Chunks lie one after the other, which was validated. */
uint32_t bfs_chunk_table_raw_size(const struct bfs_chunk_table *table, uint32_t i)
{
    uint64_t end = i + 1 < table->n_chunks ? raw_off(table, i + 1) : table->file_size;
    return (uint32_t)(end - raw_off(table, i));
}

uint32_t bfs_chunk_table_find(const struct bfs_chunk_table *table, uint64_t offset)
{
    uint32_t low = 0, high = table->n_chunks;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (raw_off(table, middle) <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/chunk_table.h"

#include "codec/index/chunk_records.h"
#include "codec/index/format.h"

#include <string.h>

struct bfs_chunk_table {
    uint8_t *bytes; /* owned, validated */
    size_t size;
    struct bfs_table_frame frame; /* its blobs are in bytes */
    const uint8_t *records;       /* in bytes */
};

int bfs_chunk_table_parse(uint8_t *bytes, size_t size, uint64_t self_blob_size,
                          struct bfs_chunk_table **ret, struct bfs_error *error)
{
    struct bfs_chunk_table parsed = {.bytes = bytes, .size = size};
    int r = bfs_table_frame_read(bytes, size, size, &parsed.frame, error);
    if (r)
        return r;
    parsed.frame.self_blob_size = self_blob_size;
    parsed.frame.blobs = bytes + BFS_TABLE_HEADER_SIZE;
    parsed.records = bytes + bfs_table_frame_size(&parsed.frame);
    uint64_t offset = 0;
    for (uint32_t i = 0; i < parsed.frame.n_chunks; i++) {
        struct bfs_chunk chunk;
        r = bfs_chunk_record_read(&parsed.frame, parsed.records + (size_t)i * BFS_CHUNK_RECORD_SIZE,
                                  i, offset, &chunk, error);
        if (r)
            return r;
        offset += chunk.raw_size;
    }
    if (offset != parsed.frame.file_size)
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
    return table->frame.file_size;
}

uint32_t bfs_chunk_table_n_chunks(const struct bfs_chunk_table *table)
{
    return table->frame.n_chunks;
}

uint32_t bfs_chunk_table_n_blobs(const struct bfs_chunk_table *table)
{
    return table->frame.n_blobs;
}

size_t bfs_chunk_table_size(const struct bfs_chunk_table *table)
{
    return table->size;
}

struct bfs_chunk bfs_chunk_table_at(const struct bfs_chunk_table *table, uint32_t i)
{
    return bfs_chunk_record_get(table->records + (size_t)i * BFS_CHUNK_RECORD_SIZE);
}

struct bfs_table_blob bfs_chunk_table_blob(const struct bfs_chunk_table *table, uint32_t k)
{
    return bfs_table_frame_blob(&table->frame, k);
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
    uint64_t end = i + 1 < table->frame.n_chunks ? raw_off(table, i + 1) : table->frame.file_size;
    return (uint32_t)(end - raw_off(table, i));
}

uint32_t bfs_chunk_table_find(const struct bfs_chunk_table *table, uint64_t offset)
{
    uint32_t low = 0, high = table->frame.n_chunks;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (raw_off(table, middle) <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

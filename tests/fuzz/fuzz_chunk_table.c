/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/chunk_table.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

enum { SELF_BLOB_SIZE = 5000 };

static void check(const struct bfs_chunk_table *table)
{
    uint64_t offset = 0;
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        fuzz_require(chunk.raw_off == offset, "chunks follow each other");
        fuzz_require(bfs_encoding_check(chunk.encoding) == 0, "codecs and transforms are known");
        bool is_widened = chunk.encoding.transform != BFS_TRANSFORM_NONE;
        uint32_t decoded_size = is_widened ? chunk.raw_size / 2 : chunk.raw_size;
        fuzz_require(decoded_size > 0 && decoded_size <= BFS_CHUNK_RAW_MAX, "sizes have limits");
        fuzz_require(!is_widened || chunk.raw_size % 4 == 0, "elements are whole");
        fuzz_require(chunk.blob <= bfs_chunk_table_n_blobs(table), "blobs are named");
        uint64_t limit = chunk.blob ? bfs_chunk_table_blob(table, chunk.blob).size : SELF_BLOB_SIZE;
        fuzz_require(chunk.stored_size <= decoded_size && chunk.stored_off <= limit &&
                         chunk.stored_size <= limit - chunk.stored_off,
                     "chunks lie in their blobs");
        fuzz_require(bfs_chunk_table_raw_size(table, i) == chunk.raw_size, "one size");
        fuzz_require(bfs_chunk_table_find(table, offset) == i &&
                         bfs_chunk_table_find(table, offset + chunk.raw_size - 1) == i,
                     "an offset finds its chunk");
        offset += chunk.raw_size;
    }
    fuzz_require(offset == bfs_chunk_table_file_size(table), "chunks are the whole file");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_chunk_table *table = NULL;
    uint8_t *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_chunk_table_parse(copy, size, SELF_BLOB_SIZE, &table, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    fuzz_require((table != NULL) == (r == 0), "a table on success alone");
    if (table)
        check(table);
    else
        free(copy);
    (void)bfs_chunk_table_free(table);
    return 0;
}

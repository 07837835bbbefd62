/* SPDX-License-Identifier: Apache-2.0
 * The bytes of a chunk table, piece by piece: for those who hold a whole one and for those who do
 * not.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_CHUNK_RECORDS_H
#define BFS_CODEC_CHUNK_RECORDS_H

#include "codec/index/chunk_table.h"

/* What comes before the records, and what it takes to judge them. */
struct bfs_table_frame {
    uint64_t file_size;
    uint32_t n_chunks;
    uint32_t n_blobs;
    uint64_t self_blob_size; /* of the blob that holds the table */
    const uint8_t *blobs;    /* n_blobs encoded blobs, borrowed */
};

/* The header, whose counts must be those of a table of `table_size` bytes; `bytes` holds at least
 * BFS_TABLE_HEADER_SIZE of them, or all when there are fewer. ret->blobs and ret->self_blob_size
 * are the caller's to set. Errors: -EBADMSG, -EPROTONOSUPPORT, -E2BIG. */
int bfs_table_frame_read(const uint8_t *bytes, size_t size, uint64_t table_size,
                         struct bfs_table_frame *ret, struct bfs_error *error);
/* Where the records begin. */
uint64_t bfs_table_frame_size(const struct bfs_table_frame *frame);
/* 1 <= k <= n_blobs. */
struct bfs_table_blob bfs_table_frame_blob(const struct bfs_table_frame *frame, uint32_t k);

/* Record i, BFS_CHUNK_RECORD_SIZE bytes, which is to begin at `raw_off` of the file.
 * Errors: -EBADMSG, -EPROTONOSUPPORT. */
int bfs_chunk_record_read(const struct bfs_table_frame *frame, const uint8_t *record, uint32_t i,
                          uint64_t raw_off, struct bfs_chunk *ret, struct bfs_error *error);
/* Of a record that was judged before. */
struct bfs_chunk bfs_chunk_record_get(const uint8_t *record);

/* Writing: the header with the blobs, then each record. */
void bfs_table_frame_write(uint64_t file_size, uint32_t n_chunks,
                           const struct bfs_table_blob blobs[], uint32_t n_blobs,
                           struct bfs_buffer *ret);
/* chunk->raw_off and chunk->blob are written as they are. */
void bfs_chunk_record_write(const struct bfs_chunk *chunk, struct bfs_buffer *ret);

#endif

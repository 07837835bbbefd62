/* SPDX-License-Identifier: Apache-2.0
 * The chunks of the file that is being laid out, until its table is written: in a spill, for a file
 * may have tens of millions.
 *
 * THREAD SAFETY: belongs to one thread. */
#ifndef BFS_CODEC_FILE_CHUNKS_H
#define BFS_CODEC_FILE_CHUNKS_H

#include "codec/index/chunk_table.h"
#include "codec/store/blob_writer.h"

enum { BFS_FILE_CHUNKS_MEMORY = 1 << 20 };

struct bfs_file_chunks;
/* `folder` as in bfs_spill_new(). Errors: -ENOMEM. */
int bfs_file_chunks_new(const char *folder, struct bfs_file_chunks **ret);
struct bfs_file_chunks *bfs_file_chunks_free(struct bfs_file_chunks *chunks);
BFS_DEFINE_CLEANUP(bfs_file_chunks, bfs_file_chunks_free)

/* A new file. */
void bfs_file_chunks_clear(struct bfs_file_chunks *chunks);
/* The next chunk of it, whose `blob` is any number. Errors: -E2BIG (more than a table can hold),
 * those of bfs_spill_write(). */
int bfs_file_chunks_add(struct bfs_file_chunks *chunks, const struct bfs_chunk *chunk);

uint32_t bfs_file_chunks_n(const struct bfs_file_chunks *chunks);
/* Sums of raw and of stored sizes. */
uint64_t bfs_file_chunks_size(const struct bfs_file_chunks *chunks);
uint64_t bfs_file_chunks_stored_size(const struct bfs_file_chunks *chunks);
/* The different blobs of the chunks, in the order of their first chunks, and how many. */
const uint32_t *bfs_file_chunks_blobs(const struct bfs_file_chunks *chunks, uint32_t *ret_n);

/* Appends the file's table to `blob`. In it the k-th of bfs_file_chunks_blobs() has the number
 * numbers[k]: 0, or that of one of the `n_named` blobs. Errors: those of bfs_spill_read(),
 * of bfs_blob_writer_append(), -ENOMEM. */
int bfs_file_chunks_write(struct bfs_file_chunks *chunks, const uint32_t numbers[],
                          const struct bfs_table_blob named[], uint32_t n_named,
                          struct bfs_blob_writer *blob, struct bfs_digest *ret_digest,
                          struct bfs_error *error);
/* The size of that table. */
uint64_t bfs_file_chunks_table_size(const struct bfs_file_chunks *chunks, uint32_t n_named);

#endif

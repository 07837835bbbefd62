/* SPDX-License-Identifier: Apache-2.0
 * A chunk table read from the first record to the last without ever being in memory whole: for
 * those who want to know what a file consists of, not to read it. Tables grow with their files;
 * this holds less than a megabyte, and 32 bytes for each 2 GB of file at the default chunk size.
 *
 * THREAD SAFETY: belongs to one thread. */
#ifndef BFS_CODEC_STORED_TABLE_H
#define BFS_CODEC_STORED_TABLE_H

#include "codec/store/bundle.h"
#include "codec/index/chunk_table.h"

struct bfs_stored_table;
/* `number` is a regular file of the bundle that is not empty. The whole table is read, proved and
 * judged, and every blob it names is a layer of the bundle and in the store with its size. `bundle`
 * outlives the object. Errors: -EBADMSG, -ENOENT (a blob is missing), -EPROTONOSUPPORT, -E2BIG,
 * -ENOMEM, errno of the file system. */
int bfs_stored_table_open(struct bfs_bundle *bundle, uint32_t number, struct bfs_stored_table **ret,
                          struct bfs_error *error);
struct bfs_stored_table *bfs_stored_table_free(struct bfs_stored_table *table);
BFS_DEFINE_CLEANUP(bfs_stored_table, bfs_stored_table_free)

uint32_t bfs_stored_table_n_chunks(const struct bfs_stored_table *table);
uint32_t bfs_stored_table_n_blobs(const struct bfs_stored_table *table);
/* 1 <= k <= n_blobs. */
struct bfs_table_blob bfs_stored_table_blob(const struct bfs_stored_table *table, uint32_t k);
/* i < n_chunks; in order is fast. A part that is read again is proved again.
 * Errors: -EBADMSG (it has changed since), errno of the file system. */
int bfs_stored_table_at(struct bfs_stored_table *table, uint32_t i, struct bfs_chunk *ret,
                        struct bfs_error *error);

#endif

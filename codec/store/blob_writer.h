/* SPDX-License-Identifier: Apache-2.0
 * Appending to a new blob whose digest, and so whose name, is known at the end.
 *
 * THREAD SAFETY: a writer belongs to one thread. */
#ifndef BFS_CODEC_BLOB_WRITER_H
#define BFS_CODEC_BLOB_WRITER_H

#include "codec/index/chunk_table.h"
#include "codec/store/store.h"

struct bfs_blob_writer;

/* The caller holds the store's CONTENT lock until the bundle that names the blob is published, and
 * keeps `store` alive. Nothing is visible in the store before commit. */
int bfs_blob_writer_new(const struct bfs_store *store, struct bfs_blob_writer **ret,
                        struct bfs_error *error);
/* Removes the temporary file of a blob that was not committed. */
struct bfs_blob_writer *bfs_blob_writer_free(struct bfs_blob_writer *writer);
BFS_DEFINE_CLEANUP(bfs_blob_writer, bfs_blob_writer_free)

/* Bytes appended so far: the offset of the next append. */
uint64_t bfs_blob_writer_size(const struct bfs_blob_writer *writer);
/* Errors: -ENOSPC and others of write(2). */
int bfs_blob_writer_append(struct bfs_blob_writer *writer, const void *bytes, size_t size,
                           struct bfs_error *error);
/* A descriptor of its own that reads back what was appended, now and after the commit; the caller
 * closes it. Errors: errno of fcntl(2). */
int bfs_blob_writer_duplicate(const struct bfs_blob_writer *writer);
/* Makes the blob durable under its digest. A blob of that name is replaced, which changes nothing
 * when it is sound and heals it when it is not. The writer can only be freed afterwards. */
int bfs_blob_writer_commit(struct bfs_blob_writer *writer, struct bfs_table_blob *ret,
                           struct bfs_error *error);

#endif

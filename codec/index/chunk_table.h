/* SPDX-License-Identifier: Apache-2.0
 * The chunk table of one file: where its bytes are and what proves them. Self-contained: blobs are
 * named by digest, so the same table serves every bundle that holds the file.
 *
 * THREAD SAFETY: a parsed table is immutable and may be shared. A builder belongs to one thread. */
#ifndef BFS_CODEC_CHUNK_TABLE_H
#define BFS_CODEC_CHUNK_TABLE_H

#include "codec/chunk/codec.h"
#include "verify/buffer.h"
#include "verify/digest.h"
#include "verify/error.h"

#include <stdint.h>

/* One chunk record. */
struct bfs_chunk {
    uint64_t raw_off;     /* in the file */
    uint32_t raw_size;    /* 1 .. BFS_CHUNK_RAW_MAX, of a transform 4 .. BFS_CHUNK_WIDE_MAX */
    uint32_t stored_size; /* 0 for ZERO, at most bfs_encoding_decoded_size() for all */
    uint64_t stored_off;  /* in the blob */
    uint32_t blob;        /* 0: the blob that holds this table; k: the table's k-th named blob */
    struct bfs_encoding encoding;
    struct bfs_digest digest; /* of the stored bytes */
    struct bfs_xxh128 check;  /* of the raw bytes */
};

struct bfs_table_blob {
    struct bfs_digest digest;
    uint64_t size; /* bytes of the whole blob */
};

struct bfs_chunk_table;

/* Validates everything that can be judged without the blobs: versions, counts against the remaining
 * bytes, chunks contiguous from 0 to the file's size, codecs known, stored ranges inside the named
 * blobs (self_blob_size for blob 0). Takes ownership of `bytes` (malloc'ed) on success.
 * Errors: -EBADMSG, -EPROTONOSUPPORT, -E2BIG, -ENOMEM. */
int bfs_chunk_table_parse(uint8_t *bytes, size_t size, uint64_t self_blob_size,
                          struct bfs_chunk_table **ret, struct bfs_error *error);
struct bfs_chunk_table *bfs_chunk_table_free(struct bfs_chunk_table *table);
BFS_DEFINE_CLEANUP(bfs_chunk_table, bfs_chunk_table_free)

uint64_t bfs_chunk_table_file_size(const struct bfs_chunk_table *table);
uint32_t bfs_chunk_table_n_chunks(const struct bfs_chunk_table *table);
uint32_t bfs_chunk_table_n_blobs(const struct bfs_chunk_table *table);
/* Bytes that the table holds in memory. */
size_t bfs_chunk_table_size(const struct bfs_chunk_table *table);
/* i < n_chunks. */
struct bfs_chunk bfs_chunk_table_at(const struct bfs_chunk_table *table, uint32_t i);
/* The raw_size of chunk i alone, for who goes over many. i < n_chunks. */
uint32_t bfs_chunk_table_raw_size(const struct bfs_chunk_table *table, uint32_t i);
/* 1 <= k <= n_blobs. */
struct bfs_table_blob bfs_chunk_table_blob(const struct bfs_chunk_table *table, uint32_t k);
/* The chunk that holds byte `offset`; offset < file size. */
uint32_t bfs_chunk_table_find(const struct bfs_chunk_table *table, uint64_t offset);

/* Building: name blobs, add chunks in file order, then serialize. */
struct bfs_chunk_table_builder {
    struct bfs_table_blob *blobs; /* owned */
    uint32_t n_blobs;
    struct bfs_buffer records;
    uint32_t n_chunks;
    uint64_t file_size;
    uint64_t stored_size; /* sum of stored_size */
};

/* The number of a named blob, added when new. Errors: -E2BIG, -ENOMEM. */
int bfs_chunk_table_builder_blob(struct bfs_chunk_table_builder *builder,
                                 const struct bfs_table_blob *blob, uint32_t *ret);
/* Adds a chunk after the ones before; raw_off is set by the builder. Errors: -E2BIG, -ENOMEM. */
int bfs_chunk_table_builder_add(struct bfs_chunk_table_builder *builder,
                                const struct bfs_chunk *chunk);
/* Appends the table's bytes. Errors: -ENOMEM. */
int bfs_chunk_table_builder_write(const struct bfs_chunk_table_builder *builder,
                                  struct bfs_buffer *ret);
void bfs_chunk_table_builder_done(struct bfs_chunk_table_builder *builder);

#endif

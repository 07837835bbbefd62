/* SPDX-License-Identifier: Apache-2.0
 * Content that is known already: chunks by the XXH3-128 of their raw bytes, whole files by SHA-256.
 * A chunk is only taken for known after its bytes were read back, proved and compared.
 *
 * THREAD SAFETY: bfs_dedup_find() and bfs_dedup_confirm() may run in many threads while nobody
 * adds; adding belongs to one thread. */
#ifndef BFS_CODEC_DEDUP_H
#define BFS_CODEC_DEDUP_H

#include "codec/store/file.h"

enum {
    /* 4 Mi chunks are 1 TiB of raw content at the default chunk size, and 500 MB of memory. */
    BFS_DEDUP_CHUNKS_MAX = 4 << 20,
    BFS_DEDUP_NONE = UINT32_MAX,
};

/* A whole file that is known: where its chunk table is, and all blobs that reading it takes. */
struct bfs_dedup_file {
    struct bfs_digest digest; /* of the content */
    uint64_t size;
    uint32_t blob; /* blob number of the table */
    uint64_t table_off;
    uint32_t table_size;
    struct bfs_digest table_digest;
    uint64_t stored_size;
    uint32_t *blobs; /* owned: the blobs that the table names */
    uint32_t n_blobs;
};

struct bfs_dedup;
/* Blobs that have a digest are opened in `store`, which outlives the object, when they are first
 * read. Errors: -ENOMEM. */
int bfs_dedup_new(const struct bfs_store *store, struct bfs_dedup **ret);
struct bfs_dedup *bfs_dedup_free(struct bfs_dedup *dedup);
BFS_DEFINE_CLEANUP(bfs_dedup, bfs_dedup_free)

/* The number of a blob of the store; numbers are consecutive. Errors: -ENOMEM. */
int bfs_dedup_add_blob(struct bfs_dedup *dedup, const struct bfs_table_blob *blob, uint32_t *ret);
/* A blob still being written, which has no digest yet: `fd` reads it, and the object takes it over.
 * Errors: -ENOMEM. */
int bfs_dedup_add_open_blob(struct bfs_dedup *dedup, int fd, uint32_t *ret);
/* The digest of an open blob, once it is committed. */
void bfs_dedup_close_blob(struct bfs_dedup *dedup, uint32_t number,
                          const struct bfs_table_blob *blob);
/* False while the blob has no digest. */
bool bfs_dedup_blob(const struct bfs_dedup *dedup, uint32_t number, struct bfs_table_blob *ret);

/* Adds a chunk whose `blob` field is a blob number of this object. Past the limit, it is quietly
 * not added: dedup is a saving, not a promise. Errors: -ENOMEM. */
int bfs_dedup_add_chunk(struct bfs_dedup *dedup, const struct bfs_chunk *chunk);
/* Adds all files of a bundle. Errors: -ENOMEM, and what bfs_file_open() says of a damaged one. */
int bfs_dedup_add_bundle(struct bfs_dedup *dedup, struct bfs_bundle *bundle);
/* Takes `file->blobs` over. Errors: -ENOMEM. */
int bfs_dedup_add_file(struct bfs_dedup *dedup, struct bfs_dedup_file *file);

/* A chunk with these raw bytes and that transform, by hash: its number, or BFS_DEDUP_NONE. */
uint32_t bfs_dedup_find(const struct bfs_dedup *dedup, const struct bfs_xxh128 *check,
                        uint32_t raw_size, enum bfs_transform transform);
struct bfs_chunk bfs_dedup_chunk(const struct bfs_dedup *dedup, uint32_t number);
/* Reads a chunk, whose `blob` field is a blob number, back into `scratch` (raw_size bytes) and
 * compares. */
bool bfs_dedup_confirm(struct bfs_dedup *dedup, const struct bfs_chunk *chunk, const uint8_t *raw,
                       struct bfs_chunk_reader *reader, uint8_t *scratch);
/* NULL when no file with that content is known. */
const struct bfs_dedup_file *bfs_dedup_find_file(const struct bfs_dedup *dedup,
                                                 const struct bfs_digest *digest, uint64_t size);

#endif

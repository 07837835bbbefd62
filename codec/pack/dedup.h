/* SPDX-License-Identifier: Apache-2.0
 * Content that is known already: chunks by the XXH3-128 of their raw bytes, whole files by SHA-256.
 * A chunk is only taken for known after its bytes were read back, proved and compared.
 *
 * What is known may be as large as it likes: an object holds at most BFS_DEDUP_MEMORY, and the rest
 * of its tables, about 100 bytes for each chunk, is in files without a name in the store's folder
 * for temporary files. So every function may fail as codec/pack/spill.h says; bfs_dedup_fail()
 * tells what happened.
 *
 * THREAD SAFETY: any function from any thread. What is found does not depend on the order of calls
 * while nobody adds. */
#ifndef BFS_CODEC_DEDUP_H
#define BFS_CODEC_DEDUP_H

#include "codec/store/file.h"
#include "verify/xxh_stream.h"

enum {
    BFS_DEDUP_MEMORY = 42 << 20,
    /* Chunks of any number of files: 1 PiB at the default chunk size. */
    BFS_DEDUP_CHUNKS_MAX = UINT32_MAX - 1,
};

/* A whole file that is known: where its chunk table is. */
struct bfs_dedup_file {
    struct bfs_digest digest; /* of the content */
    uint64_t size;
    struct bfs_digest table_digest;
    uint64_t table_off;
    uint32_t table_size;
    uint32_t blob; /* blob number of the table */
    uint64_t stored_size;
    uint32_t n_blobs;    /* that the table names: bfs_dedup_file_blobs() */
    uint32_t reserved;   /* 0 */
    uint64_t first_blob; /* set by bfs_dedup_add_file() */
    /* Where its chunks are, one after the other: bfs_dedup_place(). Its table may stand for another
     * only when both name the same stored bytes, which were confirmed. */
    struct bfs_xxh128 places;
};

struct bfs_dedup;
/* Blobs that have a digest are opened in `store`, which outlives the object, when they are first
 * read. Errors: -ENOMEM. */
int bfs_dedup_new(const struct bfs_store *store, struct bfs_dedup **ret);
struct bfs_dedup *bfs_dedup_free(struct bfs_dedup *dedup);
BFS_DEFINE_CLEANUP(bfs_dedup, bfs_dedup_free)

/* Says in words that a function failed with `code`, and returns it. */
int bfs_dedup_fail(const struct bfs_dedup *dedup, int code, struct bfs_error *error);

/* The number of a blob of the store; numbers are consecutive. */
int bfs_dedup_add_blob(struct bfs_dedup *dedup, const struct bfs_table_blob *blob, uint32_t *ret);
/* A blob still being written, which has no digest yet: `fd` reads it, and the object takes it over,
 * also on failure. */
int bfs_dedup_add_open_blob(struct bfs_dedup *dedup, int fd, uint32_t *ret);
/* The digest of an open blob, once it is committed. */
int bfs_dedup_close_blob(struct bfs_dedup *dedup, uint32_t number,
                         const struct bfs_table_blob *blob);
/* `*ret_closed`: false while the blob has no digest; then *ret is not set. */
int bfs_dedup_blob(struct bfs_dedup *dedup, uint32_t number, struct bfs_table_blob *ret,
                   bool *ret_closed);

/* Adds a chunk whose `blob` field is a blob number of this object, unless one with these bytes and
 * that transform is there. Past BFS_DEDUP_CHUNKS_MAX, it is quietly not added: dedup is a saving,
 * not a promise. */
int bfs_dedup_add_chunk(struct bfs_dedup *dedup, const struct bfs_chunk *chunk);
uint32_t bfs_dedup_n_chunks(struct bfs_dedup *dedup);
/* Adds the files of a bundle, until the object has `most` chunks; the last file may then be known
 * in part. Errors, besides: what is wrong with a damaged bundle, after all else was added;
 * *ret_damaged tells these apart. */
int bfs_dedup_add_bundle(struct bfs_dedup *dedup, struct bfs_bundle *bundle, uint32_t most,
                         bool *ret_damaged);
/* Adds a file that is not there, with the blobs that its table names. */
int bfs_dedup_add_file(struct bfs_dedup *dedup, const struct bfs_dedup_file *file,
                       const uint32_t blobs[]);

/* A chunk with these raw bytes and that transform, by hash. */
int bfs_dedup_find(struct bfs_dedup *dedup, const struct bfs_xxh128 *check, uint32_t raw_size,
                   enum bfs_transform transform, struct bfs_chunk *ret, bool *ret_found);
/* Reads a chunk, whose `blob` field is a blob number, back into `scratch` (raw_size bytes) and
 * compares. A chunk that cannot be read is not confirmed. */
int bfs_dedup_confirm(struct bfs_dedup *dedup, const struct bfs_chunk *chunk, const uint8_t *raw,
                      struct bfs_chunk_reader *reader, uint8_t *scratch, bool *ret);
/* The file with that content. */
int bfs_dedup_find_file(struct bfs_dedup *dedup, const struct bfs_digest *digest, uint64_t size,
                        struct bfs_dedup_file *ret, bool *ret_found);
/* Adds a chunk to the places of a file; `blob` is its blob number. */
void bfs_dedup_place(struct bfs_xxh_stream *places, const struct bfs_chunk *chunk, uint32_t blob);
/* The numbers of the blobs that its table names, file->n_blobs of them. */
int bfs_dedup_file_blobs(struct bfs_dedup *dedup, const struct bfs_dedup_file *file,
                         uint32_t ret[]);

#endif

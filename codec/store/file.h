/* SPDX-License-Identifier: Apache-2.0
 * One file of a bundle, opened: its chunk table, proved, and its blobs, held open so that nothing
 * that happens to the store's directory takes them away.
 *
 * THREAD SAFETY: a file is immutable and reference-counted. A chunk reader belongs to one thread.
 */
#ifndef BFS_CODEC_FILE_H
#define BFS_CODEC_FILE_H

#include "codec/index/chunk_table.h"
#include "codec/store/bundle.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct bfs_file;

/* `number` is a regular file of the bundle. Errors: -EBADMSG (table or blob), -ENOENT (a blob is
 * missing), -ENOMEM, errno of the file system. */
int bfs_file_open(struct bfs_bundle *bundle, uint32_t number, struct bfs_file **ret,
                  struct bfs_error *error);
struct bfs_file *bfs_file_ref(struct bfs_file *file);
struct bfs_file *bfs_file_unref(struct bfs_file *file);
BFS_DEFINE_CLEANUP(bfs_file, bfs_file_unref)

struct bfs_bundle *bfs_file_bundle(const struct bfs_file *file);
uint32_t bfs_file_inode(const struct bfs_file *file);
uint64_t bfs_file_size(const struct bfs_file *file);
/* NULL for an empty file. */
const struct bfs_chunk_table *bfs_file_table(const struct bfs_file *file);

/* Bytes of the chunk tables of all files that are open in this process, and of those being read. */
size_t bfs_file_tables_size(void);

/* Which file a blob is, and what changes when anybody writes to it or replaces it. */
struct bfs_blob_state {
    dev_t device;
    ino_t inode; /* 0: none */
    off_t size;
    struct timespec modified;
    struct timespec changed;
};
/* Blob number `blob` of the file's chunks, as it is now; 0 is the table's own. Errors: errno of
 * fstat(2). */
int bfs_file_blob_state(const struct bfs_file *file, uint32_t blob, struct bfs_blob_state *ret);
bool bfs_blob_state_equal(const struct bfs_blob_state *a, const struct bfs_blob_state *b);

/* Asks the kernel to read a part of a blob soon; it may not. */
void bfs_file_will_need(const struct bfs_file *file, uint32_t blob, uint64_t offset, uint64_t size);

/* Scratch memory and decoder of one thread. */
struct bfs_chunk_reader;
int bfs_chunk_reader_new(struct bfs_chunk_reader **ret);
struct bfs_chunk_reader *bfs_chunk_reader_free(struct bfs_chunk_reader *reader);
BFS_DEFINE_CLEANUP(bfs_chunk_reader, bfs_chunk_reader_free)

/* Reads chunk i into a private buffer, proves the stored bytes by SHA-256, decodes them to the
 * chunk's raw_size bytes at `raw`, and checks those by XXH3. On failure `raw` may be clobbered.
 * Errors: -EBADMSG, errno of pread(2). */
int bfs_file_read_chunk(const struct bfs_file *file, struct bfs_chunk_reader *reader, uint32_t i,
                        uint8_t *raw, struct bfs_error *error);

/* The same in two steps, for several chunks: all are read and hashed together, which takes less
 * time than one after the other, and then decoded when the caller has room for each. */
enum { BFS_CHUNKS_MAX = 16 };
struct bfs_chunk_want {
    const struct bfs_file *file;
    uint32_t index; /* of the chunk */
    bool is_proved; /* these stored bytes were proved before: XXH3 of the raw ones is enough */
};
/* Fetches n chunks, at most BFS_CHUNKS_MAX; those before are forgotten. What is wrong with one is
 * told when that one is taken. */
void bfs_file_fetch_chunks(struct bfs_chunk_reader *reader, const struct bfs_chunk_want wants[],
                           size_t n);
/* Takes the k-th of them, whose want is given again. Errors and `raw` as bfs_file_read_chunk(). */
int bfs_file_take_chunk(struct bfs_chunk_reader *reader, size_t k,
                        const struct bfs_chunk_want *want, uint8_t *raw, struct bfs_error *error);

/* The same for any chunks of open blobs. */
struct bfs_chunk_place {
    int blob_fd;
    struct bfs_chunk chunk;
    bool is_proved; /* as above */
};
void bfs_chunks_fetch(struct bfs_chunk_reader *reader, const struct bfs_chunk_place places[],
                      size_t n);
int bfs_chunk_take(struct bfs_chunk_reader *reader, size_t k, uint8_t *raw,
                   struct bfs_error *error);
/* The same for any chunk of an open blob: what packing uses to compare with what it found. */
int bfs_chunk_read(int blob_fd, const struct bfs_chunk *chunk, struct bfs_chunk_reader *reader,
                   uint8_t *raw, struct bfs_error *error);

#endif

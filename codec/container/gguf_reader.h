/* SPDX-License-Identifier: Apache-2.0
 * Inside of the GGUF parser: reading a prefix of a file whose size is known, so that "the prefix is
 * too short" (-ENODATA) and "the file is too short" (-EBADMSG) are told apart at every read. */
#ifndef BFS_CODEC_GGUF_READER_H
#define BFS_CODEC_GGUF_READER_H

#include "codec/container/gguf.h"
#include "verify/cursor.h"
#include "verify/error.h"

struct bfs_gguf_reader {
    struct bfs_cursor cursor; /* over the prefix, never longer than the file */
    uint64_t file_size;
    struct bfs_error *error;
};

struct bfs_gguf_text {
    const uint8_t *bytes; /* borrowed from the prefix */
    size_t size;
};

/* Each returns 0 or fails with -ENODATA or -EBADMSG, recorded in the reader's error. */

/* Are there `count` items of at least `size` bytes each? Consumes nothing. */
int bfs_gguf_need(struct bfs_gguf_reader *reader, uint64_t count, uint64_t size);
int bfs_gguf_skip(struct bfs_gguf_reader *reader, uint64_t count, uint64_t size);
int bfs_gguf_u32(struct bfs_gguf_reader *reader, uint32_t *ret);
int bfs_gguf_u64(struct bfs_gguf_reader *reader, uint64_t *ret);
int bfs_gguf_text(struct bfs_gguf_reader *reader, struct bfs_gguf_text *ret);

/* Records "GGUF: <why>" at the reader's position and returns `code`. */
int bfs_gguf_refuse(struct bfs_gguf_reader *reader, int code, const char *why);

/* What the key-values say. */
struct bfs_gguf_keys {
    uint32_t alignment;
    char architecture[64];
    char quantization[32];
    struct bfs_gguf_value *values; /* owned by the caller */
    size_t n_values;
};

/* Reads all key-values. Errors: also -E2BIG, -ENOMEM. */
int bfs_gguf_keys_read(struct bfs_gguf_reader *reader, uint64_t n_keys, struct bfs_gguf_keys *ret);

#endif

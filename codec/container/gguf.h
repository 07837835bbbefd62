/* SPDX-License-Identifier: Apache-2.0
 * The header of a GGUF file with all its key-values, for whoever writes one from another. Who only
 * wants the tensors calls bfs_gguf_parse().
 *
 * THREAD SAFETY: a header is immutable once parsed. */
#ifndef BFS_CODEC_GGUF_H
#define BFS_CODEC_GGUF_H

#include "codec/container/tensor.h"
#include "verify/error.h"

#include <stdbool.h>

/* Value types by their number in the file. */
enum bfs_gguf_type {
    BFS_GGUF_U8 = 0,
    BFS_GGUF_I8 = 1,
    BFS_GGUF_U16 = 2,
    BFS_GGUF_I16 = 3,
    BFS_GGUF_U32 = 4,
    BFS_GGUF_I32 = 5,
    BFS_GGUF_F32 = 6,
    BFS_GGUF_BOOL = 7,
    BFS_GGUF_STRING = 8,
    BFS_GGUF_ARRAY = 9,
    BFS_GGUF_U64 = 10,
    BFS_GGUF_I64 = 11,
    BFS_GGUF_F64 = 12,
    BFS_GGUF_N_TYPES = 13,
};

#define BFS_GGUF_KEY_ALIGNMENT "general.alignment"
#define BFS_GGUF_KEY_ARCHITECTURE "general.architecture"
#define BFS_GGUF_KEY_FILE_TYPE "general.file_type"
#define BFS_GGUF_KEY_QUANTIZATION_VERSION "general.quantization_version"

/* One key-value. Everything is borrowed from the header's bytes. */
struct bfs_gguf_value {
    const uint8_t *bytes; /* all of it: key length, key, type, value */
    size_t size;
    const uint8_t *key; /* not terminated; UTF-8 is not checked */
    size_t key_size;
    enum bfs_gguf_type type;
    enum bfs_gguf_type element_type; /* of an array; else as `type` */
    const uint8_t *value;            /* behind the type */
    size_t value_size;
};

struct bfs_gguf_header {
    uint8_t *bytes;                /* owned; NULL when the caller of the parser keeps them */
    struct bfs_gguf_value *values; /* owned; in file order, no key twice */
    size_t n_values;
    struct bfs_tensor_map map; /* owned */
};

/* Over a prefix that outlives *ret. Errors: those of bfs_gguf_parse(). */
int bfs_gguf_header_parse(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                          struct bfs_gguf_header *ret, struct bfs_error *error);
/* Of a file that is one. Errors: those of bfs_container_read(). */
int bfs_gguf_header_read(int fd, uint64_t file_size, const char *file_name,
                         struct bfs_gguf_header *ret, struct bfs_error *error);
void bfs_gguf_header_done(struct bfs_gguf_header *header);
#define bfs_autogguf BFS_CLEANUP(bfs_gguf_header_done)

/* NULL: there is no such key. */
const struct bfs_gguf_value *bfs_gguf_find(const struct bfs_gguf_header *header, const char *key);
bool bfs_gguf_is_key(const struct bfs_gguf_value *value, const char *key);
/* The number in a value of type U8, I8, U16, I16, U32, I32, U64 or I64; false: it has another type,
 * or is negative. */
bool bfs_gguf_number(const struct bfs_gguf_value *value, uint64_t *ret);

#endif

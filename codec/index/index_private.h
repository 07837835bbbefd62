/* SPDX-License-Identifier: Apache-2.0
 * What the parser of an index proves and its accessors rely on. */
#ifndef BFS_CODEC_INDEX_PRIVATE_H
#define BFS_CODEC_INDEX_PRIVATE_H

#include "codec/index/format.h"
#include "codec/index/index.h"
#include "verify/cursor.h"

struct bfs_index {
    uint8_t *bytes; /* owned */
    size_t size;
    uint32_t n_inodes;
    uint32_t n_dirents;
    uint32_t n_tensors;
    uint32_t n_dims;
    uint64_t content_size;
    uint64_t strings_size;
    const uint8_t *inodes; /* the sections, in bytes */
    const uint8_t *dirents;
    const uint8_t *tensors;
    const uint8_t *dims;
    const char *strings;
};

struct bfs_dirent_record {
    uint32_t name_off;
    uint16_t name_length;
    uint32_t inode;
};

struct bfs_tensor_record {
    uint64_t offset;
    uint64_t size;
    uint32_t name_off;
    uint16_t name_length;
    uint16_t dtype;
    uint32_t first_dim;
    uint8_t n_dims;
};

/* Each reads one record; -EBADMSG when it is short or reserved bytes are set. */
int bfs_index_read_inode(struct bfs_cursor *cursor, struct bfs_inode *ret);
int bfs_index_read_dirent(struct bfs_cursor *cursor, struct bfs_dirent_record *ret);
int bfs_index_read_tensor(struct bfs_cursor *cursor, struct bfs_tensor_record *ret);

/* Record i of a validated index. */
struct bfs_dirent_record bfs_index_dirent_record(const struct bfs_index *index, uint32_t i);
struct bfs_tensor_record bfs_index_tensor_record(const struct bfs_index *index, uint32_t i);

/* The checks behind bfs_index_parse(), over an index whose sections are set. */
int bfs_index_check(const struct bfs_index *index, uint32_t n_layers, struct bfs_error *error);

#endif

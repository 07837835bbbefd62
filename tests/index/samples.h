/* SPDX-License-Identifier: Apache-2.0
 * A small index and chunk table that use every kind of record. Included after cmocka.h. */
#ifndef BFS_TESTS_INDEX_SAMPLES_H
#define BFS_TESTS_INDEX_SAMPLES_H

#include "codec/index/chunk_table.h"
#include "codec/index/index_builder.h"

#include <string.h>

enum { SAMPLE_LAYERS = 3, SAMPLE_BLOB_SIZE = 5000 };

static inline struct bfs_digest sample_digest(uint8_t seed)
{
    struct bfs_digest digest;
    memset(digest.bytes, seed, sizeof(digest.bytes));
    return digest;
}

static inline struct bfs_inode sample_folder(void)
{
    return (struct bfs_inode){.mode = S_IFDIR | 0755, .mtime_sec = 1, .mtime_nsec = 999999999};
}

static inline struct bfs_inode sample_link(void)
{
    return (struct bfs_inode){.mode = S_IFLNK | 0777, .mtime_sec = -5};
}

static inline struct bfs_inode sample_file(void)
{
    return (struct bfs_inode){.mode = S_IFREG | 0640,
                              .flags = BFS_INODE_GENERATED,
                              .size = 1000,
                              .mtime_sec = 1700000000,
                              .table_layer = 2,
                              .table_off = 4096,
                              .table_size = 112,
                              .container = BFS_CONTAINER_SAFETENSORS,
                              .stored_size = 700,
                              .digest = sample_digest(0x11),
                              .table_digest = sample_digest(0x22)};
}

static inline struct bfs_inode sample_empty_file(void)
{
    return (struct bfs_inode){.mode = S_IFREG | 0444, .digest = sample_digest(0x33)};
}

/* root: "a" (directory with the file "x"), "e" (empty), "l" -> a/x. x is inode 2. */
static inline void sample_index(struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    struct bfs_inode folder = sample_folder(), file = sample_file(), empty = sample_empty_file(),
                     link = sample_link();
    char name[] = "w.weight", bias[] = "w.bias";
    struct bfs_tensor tensors[] = {
        {.name = name,
         .dtype = BFS_DTYPE_BF16,
         .n_dims = 2,
         .shape = {10, 20},
         .offset = 100,
         .size = 400},
        {.name = bias,
         .dtype = BFS_DTYPE_F32,
         .n_dims = 1,
         .shape = {5},
         .offset = 600,
         .size = 20},
    };
    struct bfs_tensor_map map = {
        .container = BFS_CONTAINER_SAFETENSORS, .tensors = tensors, .n_tensors = 2};
    uint32_t a, x, other;
    assert_int_equal(bfs_index_builder_new(&folder, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "a", &folder, NULL, &a), 0);
    assert_int_equal(bfs_index_builder_add(builder, a, "x", &file, NULL, &x), 0);
    assert_int_equal(bfs_index_builder_tensors(builder, x, &map), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "e", &empty, NULL, &other), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "l", &link, "a/x", &other), 0);
    assert_int_equal(bfs_index_builder_write(builder, ret), 0);
}

/* 1280 bytes in this blob and another one: a chunk of each codec, and two that are widened, one of
 * them from the bytes of another chunk. */
static inline void sample_table(struct bfs_buffer *ret)
{
    struct bfs_chunk_table_builder builder = {0};
    struct bfs_table_blob blob = {.digest = sample_digest(0x44), .size = 3000};
    struct bfs_chunk chunks[] = {
        {.raw_size = 400, .stored_size = 400, .encoding = {.codec = BFS_CODEC_RAW}},
        {.raw_size = 300, .stored_size = 0, .encoding = {.codec = BFS_CODEC_ZERO}},
        {.raw_size = 200,
         .stored_size = 90,
         .stored_off = 2910,
         .blob = 1,
         .encoding = {.codec = BFS_CODEC_ZSTD}},
        {.raw_size = 100,
         .stored_size = 70,
         .stored_off = 400,
         .encoding = {.codec = BFS_CODEC_PLANES, .width = 2}},
        {.raw_size = 200,
         .stored_size = 70,
         .stored_off = 400,
         .encoding = {BFS_CODEC_PLANES, 2, BFS_TRANSFORM_BF16_TO_F32}},
        {.raw_size = 80,
         .stored_size = 40,
         .stored_off = 470,
         .encoding = {BFS_CODEC_RAW, 0, BFS_TRANSFORM_F16_TO_F32}},
    };
    uint32_t number;
    assert_int_equal(bfs_chunk_table_builder_blob(&builder, &blob, &number), 0);
    assert_int_equal(number, 1);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        chunks[i].digest = sample_digest((uint8_t)(0x50 + i));
        assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunks[i]), 0);
    }
    assert_int_equal(bfs_chunk_table_builder_write(&builder, ret), 0);
    bfs_chunk_table_builder_done(&builder);
}

/* malloc'ed, exactly as large, so that a sanitizer sees every read beyond. */
static inline uint8_t *sample_copy(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

#endif

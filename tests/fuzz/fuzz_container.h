/* SPDX-License-Identifier: Apache-2.0
 * The promises that every container parser makes, checked on one input. */
#ifndef BFS_TESTS_FUZZ_CONTAINER_H
#define BFS_TESTS_FUZZ_CONTAINER_H

#include "codec/container/container.h"
#include "codec/index/index.h"
#include "codec/index/index_builder.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/tensor_files.h"

#include <string.h>

typedef int fuzz_parser(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                        struct bfs_tensor_map *ret, struct bfs_error *error);

static inline int fuzz_parse(fuzz_parser *parser, const uint8_t *data, size_t size,
                             uint64_t file_size, struct bfs_tensor_map *ret)
{
    struct bfs_error error = {0};
    struct bfs_tensor_map before = *ret;
    /* The exact size on the heap, so that a sanitizer sees every read beyond it. */
    uint8_t *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = parser(copy, size, file_size, ret, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT || r == -ENODATA,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    fuzz_require(r == 0 || memcmp(&before, ret, sizeof(before)) == 0, "nothing changed on failure");
    return r;
}

/* What a parser accepts is packed, so the reader of an index must accept it too. */
static inline void fuzz_index_holds(const struct bfs_tensor_map *map, uint64_t file_size)
{
    const struct bfs_inode root = {.mode = S_IFDIR | 0755};
    const struct bfs_inode file = {.mode = S_IFREG | 0644,
                                   .size = file_size,
                                   .table_layer = file_size ? 1 : 0,
                                   .table_size = file_size ? 112 : 0};
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    BFS_CLEANUP(bfs_index_cleanup) struct bfs_index *index = NULL;
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    uint32_t number;
    fuzz_require(bfs_index_builder_new(&root, &builder) == 0 &&
                     bfs_index_builder_add(builder, 0, "file", &file, NULL, &number) == 0 &&
                     bfs_index_builder_tensors(builder, number, map) == 0 &&
                     bfs_index_builder_write(builder, &bytes) == 0,
                 "memory for an index");
    int r = bfs_index_parse(bytes.bytes, bytes.size, 2, &index, &error);
    fuzz_require(r == 0, error.what);
    (void)bfs_buffer_steal(&bytes); /* transferred */
}

/* The input as a whole file, as the first half of one, and as the start of a much larger one. */
static inline void fuzz_container(fuzz_parser *parser, const uint8_t *data, size_t size)
{
    struct bfs_tensor_map map = {0};
    int whole = fuzz_parse(parser, data, size, size, &map);
    fuzz_require(whole != -ENODATA, "a whole file never needs more bytes");
    if (whole == 0) {
        const char *fault = test_tensor_map_fault(&map, size);
        fuzz_require(fault == NULL, fault ? fault : "");
        fuzz_index_holds(&map, size);
        bfs_tensor_map_done(&map);
    }
    int half = fuzz_parse(parser, data, size / 2, size, &map);
    fuzz_require(whole != 0 || half == 0 || half == -ENODATA,
                 "a prefix of a good file is no error");
    if (half == 0) {
        fuzz_require(whole == 0, "a prefix shows no more than the file");
        bfs_tensor_map_done(&map);
    }
    if (fuzz_parse(parser, data, size, UINT64_MAX, &map) == 0) {
        const char *fault = test_tensor_map_fault(&map, UINT64_MAX);
        fuzz_require(fault == NULL, fault ? fault : "");
        bfs_tensor_map_done(&map);
    }
}

#endif

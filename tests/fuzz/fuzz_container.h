/* SPDX-License-Identifier: Apache-2.0
 * The promises that every container parser makes, checked on one input. */
#ifndef BFS_TESTS_FUZZ_CONTAINER_H
#define BFS_TESTS_FUZZ_CONTAINER_H

#include "codec/container/container.h"
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

/* The input as a whole file, as the first half of one, and as the start of a much larger one. */
static inline void fuzz_container(fuzz_parser *parser, const uint8_t *data, size_t size)
{
    struct bfs_tensor_map map = {0};
    int whole = fuzz_parse(parser, data, size, size, &map);
    fuzz_require(whole != -ENODATA, "a whole file never needs more bytes");
    if (whole == 0) {
        const char *fault = test_tensor_map_fault(&map, size);
        fuzz_require(fault == NULL, fault ? fault : "");
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

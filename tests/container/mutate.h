/* SPDX-License-Identifier: Apache-2.0
 * Every bit flip and every truncation of a valid file: each mutant either parses to a consistent
 * map or is refused with a documented error. Included after cmocka.h. */
#ifndef BFS_TESTS_MUTATE_H
#define BFS_TESTS_MUTATE_H

#include "codec/container/container.h"
#include "tests/support/tensor_files.h"

#include <errno.h>
#include <string.h>

typedef int parser(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                   struct bfs_tensor_map *ret, struct bfs_error *error);

struct mutants {
    size_t n_accepted;
    size_t n_refused;
};

/* Parses a copy of exactly `size` bytes, so that a sanitizer sees every read beyond it. */
static int parse_copy(parser *parse, const uint8_t *bytes, size_t size, uint64_t file_size,
                      struct bfs_tensor_map *ret, struct bfs_error *error)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int r = parse(copy, size, file_size, ret, error);
    free(copy);
    return r;
}

static void judge(parser *parse, const uint8_t *bytes, size_t size, struct mutants *ret)
{
    struct bfs_tensor_map map;
    struct bfs_error error = {0};
    memset(&map, 0x5a, sizeof(map));
    int r = parse_copy(parse, bytes, size, size, &map, &error);
    if (r == 0) {
        assert_int_equal(error.code, 0);
        assert_null(test_tensor_map_fault(&map, size));
        bfs_tensor_map_done(&map);
        ret->n_accepted++;
        return;
    }
    assert_true(r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT);
    assert_int_equal(error.code, r);
    assert_true(error.what[0] != '\0');
    for (size_t i = 0; i < sizeof(map); i++)
        assert_int_equal(((const uint8_t *)&map)[i], 0x5a);
    ret->n_refused++;
}

static struct mutants flip_every_bit(parser *parse, uint8_t *bytes, size_t size)
{
    struct mutants mutants = {0};
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        judge(parse, bytes, size, &mutants);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(mutants.n_accepted + mutants.n_refused, size * 8);
    return mutants;
}

/* As files that are too short, and as prefixes of the whole file. `header` is the size of the
 * shortest prefix that is enough. */
static void cut_everywhere(parser *parse, const uint8_t *bytes, size_t size, size_t header)
{
    for (size_t cut = 0; cut < size; cut++) {
        struct bfs_tensor_map map;
        int r = parse_copy(parse, bytes, cut, size, &map, NULL);
        assert_int_equal(r, cut < header ? -ENODATA : 0);
        if (r == 0)
            bfs_tensor_map_done(&map);
    }
}

#endif

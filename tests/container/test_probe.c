/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"
#include "tests/support/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum { SIZE = 256 << 10, N_SEEDS = 4 };

static uint8_t bytes[SIZE];

static const char *layout_word(enum bfs_layout layout)
{
    static const char *const words[] = {"opaque",   "integer", "float8",  "float16",
                                        "bfloat16", "float32", "float64", "blocks"};
    return words[layout];
}

/* The whole array and its first 4 KiB. */
static void looks_like(enum bfs_layout expected, const char *what, double parameter)
{
    static const size_t sizes[] = {SIZE, 65536, 4096};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        enum bfs_layout found = bfs_layout_probe(bytes, sizes[i]);
        if (found != expected)
            fail_msg("%s %g, %zu bytes: %s, not %s", what, parameter, sizes[i], layout_word(found),
                     layout_word(expected));
        assert_int_equal(bfs_layout_probe(bytes, sizes[i]), found);
    }
}

static void knows_floats(void **state)
{
    (void)state;
    static const enum bfs_layout layouts[] = {BFS_LAYOUT_BFLOAT16, BFS_LAYOUT_FLOAT16,
                                              BFS_LAYOUT_FLOAT32, BFS_LAYOUT_FLOAT64};
    static const double deviations[] = {0.005, 0.02, 0.1, 1, 20};
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        for (size_t j = 0; j < sizeof(deviations) / sizeof(deviations[0]); j++)
            for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
                test_fill_layout(bytes, SIZE, layouts[i], deviations[j], seed);
                looks_like(layouts[i], layout_word(layouts[i]), deviations[j]);
            }
}

static void knows_floats_of_one_sign(void **state)
{
    (void)state;
    test_fill_layout(bytes, SIZE, BFS_LAYOUT_FLOAT32, 0.5, 3);
    for (size_t i = 3; i < SIZE; i += 4)
        bytes[i] &= 0x7f;
    looks_like(BFS_LAYOUT_FLOAT32, "positive", 0.5);
}

/* A model saved as F32 after training in bfloat16. */
static void knows_widened_floats(void **state)
{
    (void)state;
    test_fill_layout(bytes, SIZE, BFS_LAYOUT_FLOAT32, 0.02, 5);
    for (size_t i = 0; i < SIZE; i += 4)
        bytes[i] = bytes[i + 1] = 0;
    looks_like(BFS_LAYOUT_FLOAT32, "widened", 0.02);
}

static void knows_sparse_floats(void **state)
{
    (void)state;
    uint64_t seed = 9;
    test_fill_layout(bytes, SIZE, BFS_LAYOUT_BFLOAT16, 0.02, 5);
    for (size_t i = 0; i < SIZE; i += 64)
        if (test_random(&seed) % 4 != 0)
            memset(bytes + i, 0, 64);
    assert_int_equal(bfs_layout_probe(bytes, SIZE), BFS_LAYOUT_BFLOAT16);
    assert_int_equal(bfs_layout_probe(bytes, 65536), BFS_LAYOUT_BFLOAT16);
}

static void knows_integers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        test_fill_layout(bytes, SIZE, BFS_LAYOUT_INTEGER, 0, seed);
        looks_like(BFS_LAYOUT_INTEGER, "i32", 30000);
        uint64_t random = seed;
        for (size_t i = 0; i < SIZE; i += 8) {
            int64_t value = (int64_t)(test_gaussian(&random) * 5000);
            memcpy(bytes + i, &value, sizeof(value));
        }
        looks_like(BFS_LAYOUT_INTEGER, "i64", 5000);
        for (size_t i = 0; i < SIZE; i += 2) {
            int16_t value = (int16_t)(test_gaussian(&random) * 1000);
            memcpy(bytes + i, &value, sizeof(value));
        }
        looks_like(BFS_LAYOUT_INTEGER, "i16", 1000);
    }
    for (uint32_t i = 0; i < SIZE / 4; i++)
        memcpy(bytes + (size_t)i * 4, &i, sizeof(i));
    looks_like(BFS_LAYOUT_INTEGER, "counter", 1);
}

static void leaves_the_rest_alone(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
        test_fill_random(bytes, SIZE, seed);
        looks_like(BFS_LAYOUT_OPAQUE, "random", 0);
        test_fill_text(bytes, SIZE, seed);
        looks_like(BFS_LAYOUT_OPAQUE, "text", 0);
        uint64_t random = seed;
        for (size_t i = 0; i < SIZE; i++)
            bytes[i] = i % 2 ? ' ' : (uint8_t)('0' + test_random(&random) % 10);
        looks_like(BFS_LAYOUT_OPAQUE, "digits", 0);
        for (size_t i = 0; i < SIZE; i++)
            bytes[i] = (uint8_t) "0123456789abcdef"[test_random(&random) % 16];
        looks_like(BFS_LAYOUT_OPAQUE, "hexadecimal", 0);
        for (size_t i = 0; i < SIZE; i++)
            bytes[i] = (uint8_t)(int8_t)(test_gaussian(&random) * 20);
        looks_like(BFS_LAYOUT_OPAQUE, "i8", 20);
        for (size_t i = 0; i < SIZE; i++)
            bytes[i] = i % 18 < 2 ? (uint8_t)(0x20 + i % 18) : (uint8_t)test_random(&random);
        looks_like(BFS_LAYOUT_OPAQUE, "blocks of 18", 0);
    }
    memset(bytes, 0, SIZE);
    looks_like(BFS_LAYOUT_OPAQUE, "zeros", 0);
    memset(bytes, 0x3f, SIZE);
    looks_like(BFS_LAYOUT_OPAQUE, "one byte", 0);
}

static void says_nothing_of_a_few_bytes(void **state)
{
    (void)state;
    test_fill_layout(bytes, SIZE, BFS_LAYOUT_BFLOAT16, 0.02, 5);
    assert_int_equal(bfs_layout_probe(bytes, 0), BFS_LAYOUT_OPAQUE);
    assert_int_equal(bfs_layout_probe(bytes, 4095), BFS_LAYOUT_OPAQUE);
    assert_int_equal(bfs_layout_probe(bytes, 4096), BFS_LAYOUT_BFLOAT16);
}

/* Samples must not move with the size: lanes are counted from the first byte. */
static void bears_any_size(void **state)
{
    (void)state;
    test_fill_layout(bytes, SIZE, BFS_LAYOUT_FLOAT32, 0.02, 5);
    for (size_t size = SIZE - 40; size <= SIZE; size++)
        assert_int_equal(bfs_layout_probe(bytes, size), BFS_LAYOUT_FLOAT32);
    for (size_t size = 65536 - 9; size < 65536 + 9; size++)
        assert_int_equal(bfs_layout_probe(bytes, size), BFS_LAYOUT_FLOAT32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_floats),         cmocka_unit_test(knows_floats_of_one_sign),
        cmocka_unit_test(knows_widened_floats), cmocka_unit_test(knows_sparse_floats),
        cmocka_unit_test(knows_integers),       cmocka_unit_test(leaves_the_rest_alone),
        cmocka_unit_test(bears_any_size),       cmocka_unit_test(says_nothing_of_a_few_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

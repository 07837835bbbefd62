/* SPDX-License-Identifier: Apache-2.0
 * Every set of kernels that this CPU runs, and libcrypto alone, against libcrypto. */
#include "verify/sha256_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVERY_LENGTH = 300, /* some blocks and all that paddings can be */
    INPUTS_MAX = 70,    /* more than are prepared at a time, twice */
    POOL_SIZE = 1 << 18,
};

static uint8_t pool[POOL_SIZE];
static uint64_t seed = 0x243f6a8885a308d3;

static size_t below(size_t n)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(seed >> 33) % n;
}

static struct bfs_digest expected(const void *bytes, size_t size)
{
    struct bfs_digest digest;
    assert_int_equal(EVP_Digest(bytes, size, digest.bytes, NULL, EVP_sha256(), NULL), 1);
    return digest;
}

/* libcrypto first, then each set; false past the last. */
static bool set_at(size_t i, const struct bfs_sha256_kernels **ret)
{
    *ret = i == 0 ? NULL : bfs_sha256_kernels_at(i - 1);
    return i == 0 || *ret;
}

static void check_many(const struct bfs_sha256_kernels *kernels, const struct bfs_bytes *inputs,
                       size_t n)
{
    struct bfs_digest digests[INPUTS_MAX + 1];
    memset(digests, 0x5a, sizeof(digests));
    assert_int_equal(bfs_sha256_many_with(kernels, inputs, n, digests), 0);
    for (size_t i = 0; i < n; i++) {
        struct bfs_digest digest = expected(inputs[i].bytes, inputs[i].size);
        assert_memory_equal(digests[i].bytes, digest.bytes, sizeof(digest.bytes));
    }
    assert_int_equal(digests[n].bytes[0], 0x5a);
}

static void many_of_every_length(void **state)
{
    (void)state;
    const struct bfs_sha256_kernels *kernels;
    static const size_t counts[] = {2, 3, 9, 10, 11, 16, 17};
    for (size_t s = 0; set_at(s, &kernels); s++)
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
            for (size_t length = 0; length <= EVERY_LENGTH; length++) {
                struct bfs_bytes inputs[INPUTS_MAX];
                for (size_t i = 0; i < counts[c]; i++)
                    inputs[i] = (struct bfs_bytes){pool + i * 331 + length, length};
                check_many(kernels, inputs, counts[c]);
            }
}

static void many_of_different_lengths(void **state)
{
    (void)state;
    const struct bfs_sha256_kernels *kernels;
    for (size_t s = 0; set_at(s, &kernels); s++)
        for (size_t round = 0; round < 300; round++) {
            struct bfs_bytes inputs[INPUTS_MAX];
            size_t n = round < INPUTS_MAX ? round : below(INPUTS_MAX + 1);
            size_t longest = (size_t)1 << below(14);
            for (size_t i = 0; i < n; i++) {
                size_t size = below(4) == 0 ? below(130) : below(longest + 1);
                inputs[i] = (struct bfs_bytes){pool + below(POOL_SIZE - size), size};
            }
            check_many(kernels, inputs, n);
        }
}

static void many_take_nothing_at_null(void **state)
{
    (void)state;
    const struct bfs_sha256_kernels *kernels;
    const struct bfs_bytes inputs[INPUTS_MAX] = {{pool, 64}};
    for (size_t s = 0; set_at(s, &kernels); s++)
        for (size_t n = 0; n < 20; n++)
            check_many(kernels, inputs, n);
}

/* One bit changes the digest wherever it lies, in every lane. */
static void many_see_every_bit(void **state)
{
    (void)state;
    const struct bfs_sha256_kernels *kernels;
    static uint8_t bytes[16][130];
    for (size_t s = 0; set_at(s, &kernels); s++)
        for (size_t i = 0; i < 16; i++)
            for (size_t bit = 0; bit < 8 * sizeof(bytes[0]); bit++) {
                struct bfs_bytes inputs[16];
                struct bfs_digest before[16], after[16];
                for (size_t k = 0; k < 16; k++)
                    inputs[k] = (struct bfs_bytes){bytes[k], sizeof(bytes[k])};
                assert_int_equal(bfs_sha256_many_with(kernels, inputs, 16, before), 0);
                bytes[i][bit / 8] ^= (uint8_t)(1U << bit % 8);
                assert_int_equal(bfs_sha256_many_with(kernels, inputs, 16, after), 0);
                bytes[i][bit / 8] ^= (uint8_t)(1U << bit % 8);
                for (size_t k = 0; k < 16; k++)
                    assert_int_equal(bfs_digest_equal(&before[k], &after[k]), k != i);
            }
}

static void the_best_is_of_the_last(void **state)
{
    (void)state;
    const struct bfs_sha256_kernels *last = NULL, *kernels, *best = bfs_sha256_kernels();
    for (size_t i = 0; (kernels = bfs_sha256_kernels_at(i)); i++) {
        assert_non_null(kernels->one);
        assert_non_null(kernels->two);
        assert_int_equal(kernels->lanes != NULL, kernels->lanes_worth > 2);
        last = kernels;
    }
    assert_int_equal(best != NULL, last != NULL);
    assert_int_equal(bfs_sha256_many_best(), !best ? 1 : best->lanes ? BFS_SHA256_LANES : 2);
    if (!best)
        return;
    assert_ptr_equal(best->one, last->one);
    assert_ptr_equal(best->two, last->two);
    if (!best->lanes)
        return; /* here, pairs are faster than full lanes */
    assert_ptr_equal(best->lanes, last->lanes);
    assert_in_range(best->lanes_worth, 3, BFS_SHA256_LANES);
    assert_ptr_equal(bfs_sha256_kernels(), best);
}

static void no_lanes(uint32_t states[BFS_SHA256_STATE_WORDS][BFS_SHA256_LANES],
                     const uint8_t *const bytes[BFS_SHA256_LANES], size_t n_blocks)
{
    (void)states, (void)bytes, (void)n_blocks;
}

static void lanes_are_used_where_they_pay(void **state)
{
    static const struct {
        uint64_t lanes_ns, two_ns;
        size_t worth; /* 0: never */
    } rows[] = {
        {4000, 1000, 9}, /* as fast as eight messages in pairs */
        {4001, 1000, 9}, {3999, 1000, 8}, {7499, 1000, 15}, {7999, 1000, 16}, {8000, 1000, 0},
        {8480, 1000, 0}, {1000, 1000, 3}, {1, 1000, 3},     {0, 0, 3},        {1000000, 0, 0},
    };
    static const struct bfs_sha256_kernels kernels = {.name = "", .lanes = no_lanes};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bfs_sha256_kernels tuned =
            bfs_sha256_kernels_tuned(&kernels, rows[i].lanes_ns, rows[i].two_ns);
        assert_int_equal(tuned.lanes != NULL, rows[i].worth != 0);
        if (tuned.lanes)
            assert_int_equal(tuned.lanes_worth, rows[i].worth);
    }
}

static int fill_pool(void **state)
{
    (void)state;
    for (size_t i = 0; i < POOL_SIZE; i++)
        pool[i] = (uint8_t)below(256);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_of_every_length),
        cmocka_unit_test(many_of_different_lengths),
        cmocka_unit_test(many_take_nothing_at_null),
        cmocka_unit_test(many_see_every_bit),
        cmocka_unit_test(the_best_is_of_the_last),
        cmocka_unit_test(lanes_are_used_where_they_pay),
    };
    return cmocka_run_group_tests(tests, fill_pool, NULL);
}

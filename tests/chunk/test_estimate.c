/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/chunk/estimate.h"
#include "samples.h"

enum { SIZE = 256 * 1024 };

static uint8_t bytes[SIZE];

static double exact_entropy(size_t size)
{
    double counts[256] = {0};
    for (size_t i = 0; i < size; i++)
        counts[bytes[i]]++;
    double bits = 0;
    for (size_t i = 0; i < 256; i++)
        if (counts[i] > 0)
            bits -= counts[i] / (double)size * log2(counts[i] / (double)size);
    return bits * 1000;
}

static void test_entropy_is_close(void **state)
{
    (void)state;
    void (*const samples[])(uint8_t *, size_t) = {sample_noise, sample_fp8, sample_text,
                                                  sample_sparse, sample_fp8_e5m2};
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        samples[i](bytes, SIZE);
        double exact = exact_entropy(SIZE);
        double found = bfs_estimate_entropy(bytes, SIZE);
        print_message("entropy %.0f, estimated %.0f\n", exact, found);
        assert_true(fabs(found - exact) < 0.01 * exact + 40);
    }
}

static void test_entropy_of_few_bytes(void **state)
{
    (void)state;
    assert_int_equal(bfs_estimate_entropy(bytes, 0), 0);
    sample_zeros(bytes, SIZE);
    assert_int_equal(bfs_estimate_entropy(bytes, 1), 0);
    assert_int_equal(bfs_estimate_entropy(bytes, SIZE), 0);
    for (size_t i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(bfs_estimate_entropy(bytes, 256), 8000);
}

static void test_repeats(void **state)
{
    (void)state;
    const struct {
        void (*sample)(uint8_t *, size_t);
        unsigned least;
        unsigned most;
    } cases[] = {
        {sample_noise, 0, 0},      {sample_bf16, 0, 0},
        {sample_fp32, 0, 0},       {sample_text, BFS_REPEATS_FEW + 1, 1000},
        {sample_sparse, 500, 800}, {sample_zeros, 1000, 1000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cases[i].sample(bytes, SIZE);
        unsigned found = bfs_estimate_repeats(bytes, SIZE);
        print_message("repeats %u\n", found);
        assert_in_range(found, cases[i].least, cases[i].most);
    }
    assert_int_equal(bfs_estimate_repeats(bytes, 7), 0);

    /* the second half repeats the first, whatever its distance */
    sample_noise(bytes, SIZE / 2);
    memcpy(bytes + SIZE / 2, bytes, SIZE / 2);
    assert_in_range(bfs_estimate_repeats(bytes, SIZE), 300, 600);
}

static void test_is_zero(void **state)
{
    (void)state;
    sample_zeros(bytes, SIZE);
    assert_true(bfs_is_zero(bytes, 0));
    assert_true(bfs_is_zero(bytes, SIZE));
    for (size_t at = 0; at < 300; at++) {
        bytes[at] = 1;
        assert_false(bfs_is_zero(bytes, 300));
        assert_true(bfs_is_zero(bytes, at));
        bytes[at] = 0;
    }
    sample_ones(bytes, SIZE);
    assert_false(bfs_is_zero(bytes, SIZE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entropy_is_close),
        cmocka_unit_test(test_entropy_of_few_bytes),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

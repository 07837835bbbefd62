/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/checked.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void adds(void **state)
{
    (void)state;
    uint64_t sum = 7;
    assert_true(bfs_add_u64(UINT64_MAX - 1, 1, &sum));
    assert_int_equal(sum, UINT64_MAX);
    sum = 7;
    assert_false(bfs_add_u64(UINT64_MAX, 1, &sum));
    assert_false(bfs_add_u64(UINT64_C(1) << 63, UINT64_C(1) << 63, &sum));
    assert_int_equal(sum, 7);
}

static void multiplies(void **state)
{
    (void)state;
    uint64_t product = 7;
    size_t size = 7;
    assert_true(bfs_mul_u64(UINT64_C(1) << 32, UINT32_MAX, &product));
    assert_int_equal(product, (uint64_t)UINT32_MAX << 32);
    assert_true(bfs_mul_u64(UINT64_MAX, 0, &product));
    assert_int_equal(product, 0);
    product = 7;
    assert_false(bfs_mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &product));
    assert_int_equal(product, 7);
    assert_false(bfs_mul_size(SIZE_MAX, 2, &size));
    assert_int_equal(size, 7);
    assert_true(bfs_mul_size(3, 5, &size));
    assert_int_equal(size, 15);
}

static void aligns(void **state)
{
    (void)state;
    uint64_t raised = 7;
    assert_true(bfs_align_u64(0, 4096, &raised));
    assert_int_equal(raised, 0);
    assert_true(bfs_align_u64(1, 4096, &raised));
    assert_int_equal(raised, 4096);
    assert_true(bfs_align_u64(4096, 4096, &raised));
    assert_int_equal(raised, 4096);
    assert_true(bfs_align_u64(UINT64_MAX, 1, &raised));
    assert_int_equal(raised, UINT64_MAX);
    assert_true(bfs_align_u64(UINT64_MAX - 7, 8, &raised));
    assert_int_equal(raised, UINT64_MAX - 7);
    raised = 7;
    assert_false(bfs_align_u64(UINT64_MAX - 6, 8, &raised));
    assert_int_equal(raised, 7);
}

static void judges_ranges(void **state)
{
    (void)state;
    assert_true(bfs_range_fits(0, 0, 0));
    assert_true(bfs_range_fits(10, 0, 10));
    assert_true(bfs_range_fits(4, 6, 10));
    assert_false(bfs_range_fits(4, 7, 10));
    assert_false(bfs_range_fits(11, 0, 10));
    assert_false(bfs_range_fits(2, UINT64_MAX, 10));
    assert_false(bfs_range_fits(UINT64_MAX, 2, 10));
    assert_true(bfs_range_fits(UINT64_MAX, 0, UINT64_MAX));
}

static void knows_powers_of_two(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 64; i++)
        assert_true(bfs_is_power_of_two(UINT64_C(1) << i));
    assert_false(bfs_is_power_of_two(0));
    assert_false(bfs_is_power_of_two(3));
    assert_false(bfs_is_power_of_two(UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds),
        cmocka_unit_test(multiplies),
        cmocka_unit_test(aligns),
        cmocka_unit_test(judges_ranges),
        cmocka_unit_test(knows_powers_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

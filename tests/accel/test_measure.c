/* SPDX-License-Identifier: Apache-2.0
 * How far converted values are from their source: the rules, and that the order of additions is the
 * same for every kernel. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/cast/cast.h"
#include "accel/cast/kernels.h"
#include "tests/accel/float_environment.h"
#include "tests/accel/float_reference.h"
#include "tests/support/seeded.h"

enum { LARGE = 50021 };

static void assert_measures_equal(const struct bfs_measure *got, const struct bfs_measure *want)
{
    assert_int_equal(got->n, want->n);
    assert_int_equal(got->n_nonfinite, want->n_nonfinite);
    assert_memory_equal(&got->max_abs, &want->max_abs, sizeof(double));
    assert_memory_equal(&got->sum_abs, &want->sum_abs, sizeof(double));
    assert_memory_equal(&got->sum_squares_error, &want->sum_squares_error, sizeof(double));
    assert_memory_equal(&got->sum_squares, &want->sum_squares, sizeof(double));
}

/* Pairs that differ a little; some are not finite. */
static void make_pairs(float *source, float *converted, size_t n, uint64_t seed)
{
    static const uint32_t odd[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001,
                                   0x7f800001, 0x00000000, 0x80000000, 0x7f7fffff};
    for (size_t i = 0; i < n; i++) {
        source[i] = (float)test_gaussian(&seed);
        converted[i] = source[i] + (float)test_gaussian(&seed) * 0.01f;
        uint64_t random = test_random(&seed);
        if (random % 19 == 0)
            source[i] = float_of(odd[random / 19 % 8]);
        if (random % 23 == 0)
            converted[i] = float_of(odd[random / 23 % 8]);
    }
}

static double of_lanes(const double *lane)
{
    double low = (lane[0] + lane[1]) + (lane[2] + lane[3]);
    double high = (lane[4] + lane[5]) + (lane[6] + lane[7]);
    return low + high;
}

static struct bfs_measure reference(const float *source, const float *converted, size_t n)
{
    double sums[3][8] = {{0}};
    struct bfs_measure want = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t a = bits_of(source[i]);
        uint32_t b = bits_of(converted[i]);
        bool finite = (a << 1) < 0xff000000 && (b << 1) < 0xff000000;
        if (!finite) {
            if (a == b || (bits_are_nan(a) && bits_are_nan(b)))
                want.n++;
            else
                want.n_nonfinite++;
            continue;
        }
        double error = fabs((double)source[i] - (double)converted[i]);
        want.n++;
        want.max_abs = fmax(want.max_abs, error);
        sums[0][i & 7] += error;
        sums[1][i & 7] += error * error;
        sums[2][i & 7] += (double)source[i] * (double)source[i];
    }
    want.sum_abs = of_lanes(sums[0]);
    want.sum_squares_error = of_lanes(sums[1]);
    want.sum_squares = of_lanes(sums[2]);
    return want;
}

static void test_rules(void **state)
{
    (void)state;
    const float source[] = {1, -2, NAN, INFINITY, INFINITY, NAN, 3, 0.0f, -INFINITY};
    const float converted[] = {1.5f, -2, -NAN, INFINITY, -INFINITY, 1, NAN, -0.0f, 4};
    struct bfs_measure measure = {0};
    bfs_measure_add(&measure, source, converted, 9);
    assert_int_equal(measure.n, 5);
    assert_int_equal(measure.n_nonfinite, 4);
    assert_true(measure.max_abs == 0.5);
    assert_true(measure.sum_abs == 0.5);
    assert_true(measure.sum_squares_error == 0.25);
    assert_true(measure.sum_squares == 5);
    bfs_measure_add(&measure, converted, source, 1); /* 1.5 against 1 */
    assert_int_equal(measure.n, 6);
    assert_true(measure.sum_abs == 1 && measure.sum_squares == 7.25);
    struct bfs_measure before = measure;
    bfs_measure_add(&measure, NULL, NULL, 0);
    assert_measures_equal(&measure, &before);
}

/* The squares of the largest floats do not overflow. */
static void test_large_values(void **state)
{
    (void)state;
    const float source[] = {0x1.fffffep127f, -0x1.fffffep127f};
    const float converted[] = {-0x1.fffffep127f, -0x1.fffffep127f};
    struct bfs_measure measure = {0};
    bfs_measure_add(&measure, source, converted, 2);
    assert_true(measure.max_abs == 0x1.fffffep128);
    assert_true(measure.sum_squares == 2 * 0x1.fffffep127 * 0x1.fffffep127);
    assert_int_equal(measure.n_nonfinite, 0);
}

static void test_every_kernel_adds_in_one_order(void **state)
{
    (void)state;
    static float source[LARGE];
    static float converted[LARGE];
    make_pairs(source, converted, LARGE, 3);
    for (size_t n = 0; n <= 130; n++) {
        size_t count = n == 130 ? LARGE - 1 : n;
        struct bfs_measure want = reference(source + 1, converted + 1, count);
        const struct bfs_cast_kernels *kernels;
        for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
            struct bfs_measure_lanes lanes = {0};
            kernels->measure(&lanes, (const uint8_t *)(source + 1),
                             (const uint8_t *)(converted + 1), count);
            struct bfs_measure got = {
                .n = count - lanes.n_nonfinite,
                .n_nonfinite = lanes.n_nonfinite,
                .sum_abs = of_lanes(lanes.sum_abs),
                .sum_squares_error = of_lanes(lanes.sum_squares_error),
                .sum_squares = of_lanes(lanes.sum_squares),
            };
            for (size_t i = 0; i < BFS_MEASURE_LANES; i++)
                got.max_abs = fmax(got.max_abs, lanes.max_abs[i]);
            assert_measures_equal(&got, &want);
        }
        struct bfs_measure got = {0};
        bfs_measure_add(&got, source + 1, converted + 1, count);
        assert_measures_equal(&got, &want);
    }
}

/* Lanes go on from where they were. */
static void test_every_kernel_goes_on(void **state)
{
    (void)state;
    static float source[LARGE];
    static float converted[LARGE];
    make_pairs(source, converted, LARGE, 6);
    struct bfs_measure_lanes want = {0};
    const struct bfs_cast_kernels *kernels;
    for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
        struct bfs_measure_lanes lanes = {0};
        for (size_t at = 0; at < LARGE; at += 1001)
            kernels->measure(&lanes, (const uint8_t *)(source + at),
                             (const uint8_t *)(converted + at),
                             LARGE - at < 1001 ? LARGE - at : 1001);
        if (k == 0)
            want = lanes;
        assert_memory_equal(&lanes, &want, sizeof(lanes));
    }
    assert_true(want.n_nonfinite > 100 && want.sum_abs[7] > 1);
}

static void test_merge(void **state)
{
    (void)state;
    static float source[LARGE];
    static float converted[LARGE];
    make_pairs(source, converted, LARGE, 4);
    struct bfs_measure whole = {0};
    bfs_measure_add(&whole, source, converted, 30000);
    bfs_measure_add(&whole, source + 30000, converted + 30000, LARGE - 30000);

    struct bfs_measure first = {0};
    struct bfs_measure second = {0};
    struct bfs_measure merged = {0};
    bfs_measure_add(&first, source, converted, 30000);
    bfs_measure_add(&second, source + 30000, converted + 30000, LARGE - 30000);
    bfs_measure_merge(&merged, &first);
    bfs_measure_merge(&merged, &second);
    assert_measures_equal(&merged, &whole);
    assert_true(merged.n_nonfinite > 100 && merged.n + merged.n_nonfinite == LARGE);
}

static void test_environment_does_not_matter(void **state)
{
    (void)state;
    static float source[LARGE];
    static float converted[LARGE];
    make_pairs(source, converted, LARGE, 5);
    source[17] = 0x1p-140f; /* would count as 0 */
    converted[17] = 0;
    struct bfs_measure want = {0};
    struct bfs_measure got = {0};
    struct bfs_measure more;
    bfs_measure_add(&want, source, converted, 18);
    more = want;
    bfs_measure_add(&more, source, converted, LARGE);
    for (size_t i = 0; i < 5; i++)
        bfs_measure_merge(&more, &more);
    bfs_measure_merge(&more, &want);
    struct strange_environment environment = strange_environment_enter();
    bfs_measure_add(&got, source, converted, 18);
    strange_environment_leave(&environment);
    assert_true(environment.kept);
    assert_measures_equal(&got, &want);

    struct bfs_measure again = {0};
    environment = strange_environment_enter();
    bfs_measure_merge(&again, &got);
    bfs_measure_add(&again, source, converted, LARGE);
    for (size_t i = 0; i < 5; i++)
        bfs_measure_merge(&again, &again);
    bfs_measure_merge(&again, &got);
    strange_environment_leave(&environment);
    assert_true(environment.kept);
    assert_measures_equal(&again, &more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_every_kernel_adds_in_one_order),
        cmocka_unit_test(test_every_kernel_goes_on),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_environment_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

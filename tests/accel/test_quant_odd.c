/* SPDX-License-Identifier: Apache-2.0
 * What becomes of values at the ends of what floats hold, as docs/views-quant.md has it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/quant/half.h"
#include "tests/accel/quant_blocks.h"
#include "tests/accel/quant_values.h"

#include <math.h>

static void check_zeros(const struct bfs_quant_kernels *kernels)
{
    static const float zeros[BFS_QUANT_SUPER];
    uint8_t block[BFS_QUANT_SUPER];
    float back[BFS_QUANT_SUPER];
    for (size_t slot = 0; slot < BFS_QUANT_SLOTS; slot++) {
        kernels->of[slot].quantize(zeros, block, 1);
        kernels->of[slot].dequantize(block, back, 1);
        for (int i = 0; i < (slot < BFS_QUANT_Q4_K ? BFS_QUANT_SMALL : BFS_QUANT_SUPER); i++)
            assert_true(back[i] == 0.0f);
    }
    assert_int_equal(half_at(q4_0(kernels, zeros).d), 0x8000);
    assert_int_equal(q4_0(kernels, zeros).q[0], 0x88);
}

static void check_overflow(const struct bfs_quant_kernels *kernels)
{
    /* The largest scales that 16 bits hold, and the first that they do not. */
    float x[32] = {0};
    x[7] = 65504.0f * 127.0f;
    assert_int_equal(half_at(q8_0(kernels, x).d), 0x7bff);
    x[7] = 65520.0f * 127.0f;
    assert_int_equal(half_at(q8_0(kernels, x).d), 0x7c00);
    assert_int_equal(q8_0(kernels, x).q[7], 127);
    x[7] = -65520.0f * 8.0f;
    assert_int_equal(half_at(q4_0(kernels, x).d), 0x7c00);
    x[7] = 3.4e38f;
    assert_int_equal(half_at(q4_0(kernels, x).d), 0xfc00);
    assert_int_equal(q4_0(kernels, x).q[7], 0x80);
    /* A range that no float holds. */
    x[8] = -3.4e38f;
    assert_int_equal(half_at(q4_1(kernels, x).d), 0x7c00);
    assert_int_equal(half_at(q4_1(kernels, x).m), 0xfc00);
    assert_int_equal(q4_1(kernels, x).q[7], 0);
}

static void check_underflow(const struct bfs_quant_kernels *kernels)
{
    float x[32] = {0};
    x[3] = float_of(1);
    const struct bfs_q8_0 nothing = {0};
    struct bfs_q8_0 block = q8_0(kernels, x);
    assert_memory_equal(&block, &nothing, sizeof(block)); /* the scale rounds to zero */
    x[3] = float_of(200); /* it does not, but its reciprocal is infinite */
    block = q8_0(kernels, x);
    assert_memory_equal(&block, &nothing, sizeof(block));
    x[3] = 0x1p-40f; /* all is well but the 16 bits */
    block = q8_0(kernels, x);
    assert_int_equal(half_at(block.d), 0);
    assert_int_equal(block.q[3], 127);
}

static void check_not_finite(const struct bfs_quant_kernels *kernels)
{
    float x[32] = {1, 2, INFINITY, -3};
    assert_int_equal(half_at(q8_0(kernels, x).d), 0x7c00);
    for (int i = 0; i < 32; i++)
        assert_int_equal(q8_0(kernels, x).q[i], 0);
    assert_int_equal(half_at(q4_0(kernels, x).d), 0xfc00);
    assert_int_equal(q4_0(kernels, x).q[0], 0x88);
    assert_int_equal(q4_0(kernels, x).q[2], 0x80);

    x[2] = NAN; /* no part of the largest, the lowest, the highest; rounds to 0 */
    assert_int_equal(half_at(q4_0(kernels, x).d), bfs_half_from(0.375f));
    assert_int_equal(q4_0(kernels, x).q[2] & 15, 0);
    assert_int_equal(half_at(q4_1(kernels, x).m), bfs_half_from(-3.0f));
    assert_int_equal(q4_1(kernels, x).q[2] & 15, 0);
    /* Q8_0 takes the largest of what follows the last NaN, and NaN when that is the last value. */
    x[1] = 381.0f;
    assert_int_equal(half_at(q8_0(kernels, x).d), bfs_half_from(3.0f / 127.0f));
    assert_int_equal(q8_0(kernels, x).q[1], 16129 & 0xff);
    assert_int_equal(q8_0(kernels, x).q[2], 0);
    assert_int_equal(q8_0(kernels, x).q[3], 0x81);
    x[31] = float_of(0xffc00001);
    assert_int_equal(half_at(q8_0(kernels, x).d), 0x7e00);
    assert_int_equal(q8_0(kernels, x).q[3], 0);
}

/* In blocks of 256, what a NaN's own bits are has no say. */
static void check_nan_bits(const struct bfs_quant_kernels *kernels)
{
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xffabcdef};
    for (size_t slot = BFS_QUANT_Q4_K; slot < BFS_QUANT_SLOTS; slot++) {
        uint8_t want[BFS_QUANT_SUPER] = {0};
        for (size_t k = 0; k < sizeof(nans) / sizeof(nans[0]); k++) {
            float x[BFS_QUANT_SUPER];
            uint8_t got[BFS_QUANT_SUPER] = {0};
            fill_values(VALUES_WEIGHTS, x, BFS_QUANT_SUPER, 3);
            x[40] = x[41] = x[200] = float_of(nans[k]);
            kernels->of[slot].quantize(x, k == 0 ? want : got, 1);
            if (k > 0)
                assert_memory_equal(got, want, sizeof(want));
        }
    }
}

struct seen {
    int zeros;
    int nans;
};

/* Of the sub-block (32 or 16 values) from `first` on, after one value of it was replaced. */
static struct seen seen_back(const struct bfs_quant_kernels *kernels, size_t slot, size_t at,
                             float value, size_t first, int count)
{
    float x[BFS_QUANT_SUPER];
    uint8_t block[BFS_QUANT_SUPER];
    fill_values(VALUES_POSITIVE, x, BFS_QUANT_SUPER, 9);
    x[at] = value;
    kernels->of[slot].quantize(x, block, 1);
    kernels->of[slot].dequantize(block, x, 1);
    struct seen seen = {0};
    for (int i = 0; i < count; i++) {
        seen.zeros += x[first + (size_t)i] == 0.0f;
        seen.nans += isnan(x[first + (size_t)i]);
    }
    return seen;
}

static void check_odd_in_k(const struct bfs_quant_kernels *kernels)
{
    for (size_t slot = BFS_QUANT_Q4_K; slot <= BFS_QUANT_Q5_K; slot++) {
        assert_int_equal(seen_back(kernels, slot, 32, NAN, 32, 32).zeros, 32);
        assert_int_equal(seen_back(kernels, slot, 33, NAN, 33, 1).zeros, 1); /* minimum 0 */
        assert_in_range(seen_back(kernels, slot, 33, NAN, 32, 32).zeros, 1, 8);
        assert_int_equal(seen_back(kernels, slot, 33, NAN, 0, 256).nans, 0);
        assert_int_equal(seen_back(kernels, slot, 33, INFINITY, 0, 256).nans, 256);
        assert_int_equal(seen_back(kernels, slot, 33, 1e9f, 0, 256).nans, 256);
    }
    const size_t q6_k = BFS_QUANT_Q6_K;
    static const float gone[] = {NAN, INFINITY, -INFINITY, 1e19f};
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        assert_int_equal(seen_back(kernels, q6_k, 33, gone[i], 32, 16).zeros, 16);
        assert_in_range(seen_back(kernels, q6_k, 33, gone[i], 48, 208).zeros, 0, 8);
        assert_int_equal(seen_back(kernels, q6_k, 33, gone[i], 0, 256).nans, 0);
    }
    assert_int_equal(seen_back(kernels, q6_k, 33, 1e9f, 0, 256).nans, 256);
    assert_int_equal(seen_back(kernels, q6_k, 33, 1e13f, 0, 256).nans, 256);
}

static void test_zeros(void **state)
{
    (void)state;
    with_every_kernel(check_zeros);
}

static void test_overflow(void **state)
{
    (void)state;
    with_every_kernel(check_overflow);
}

static void test_underflow(void **state)
{
    (void)state;
    with_every_kernel(check_underflow);
}

static void test_not_finite(void **state)
{
    (void)state;
    with_every_kernel(check_not_finite);
}

static void test_nan_bits(void **state)
{
    (void)state;
    with_every_kernel(check_nan_bits);
}

static void test_odd_in_k(void **state)
{
    (void)state;
    with_every_kernel(check_odd_in_k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeros),     cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_underflow), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_nan_bits),  cmocka_unit_test(test_odd_in_k),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

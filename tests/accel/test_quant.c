/* SPDX-License-Identifier: Apache-2.0
 * Quantized blocks: worked out by hand, and digests of what ggml's own functions gave for the same
 * values. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/quant/blocks.h"
#include "accel/quant/half.h"
#include "accel/quant/k_block.h"
#include "accel/quant/kernels.h"
#include "accel/quant/quant.h"
#include "tests/accel/quant_blocks.h"
#include "tests/accel/quant_values.h"
#include "verify/cleanup.h"
#include "verify/digest.h"

#include <fenv.h>
#include <math.h>
#include <stdlib.h>

enum { N_VALUES = 256 * 64 };

static const enum bfs_dtype all_types[] = {
#define TYPE_ROW(NAME) BFS_DTYPE_##NAME,
    BFS_QUANT_LIST(TYPE_ROW)
#undef TYPE_ROW
};

static size_t bytes_of(enum bfs_dtype type, size_t n_values)
{
    const struct bfs_dtype_info *info = bfs_dtype_info(type);
    return n_values / info->block_elements * info->block_bytes;
}

static void test_types(void **state)
{
    (void)state;
    for (unsigned i = 0; bfs_dtype_at(i) != NULL; i++) {
        enum bfs_dtype type = bfs_dtype_at(i)->id;
        bool listed = false;
        for (size_t j = 0; j < BFS_QUANT_SLOTS; j++)
            listed = listed || all_types[j] == type;
        assert_int_equal(bfs_quant_has(type), listed);
    }
    assert_false(bfs_quant_has(BFS_DTYPE_NONE));
}

static void test_rows_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        enum bfs_dtype type;
        uint64_t row;
        enum bfs_dtype want;
    } cases[] = {
        {BFS_DTYPE_Q4_K, 256, BFS_DTYPE_Q4_K},       {BFS_DTYPE_Q4_K, 4096, BFS_DTYPE_Q4_K},
        {BFS_DTYPE_Q4_K, 288, BFS_DTYPE_Q5_0},       {BFS_DTYPE_Q5_K, 288, BFS_DTYPE_Q5_1},
        {BFS_DTYPE_Q6_K, 288, BFS_DTYPE_Q8_0},       {BFS_DTYPE_Q4_K, 32, BFS_DTYPE_Q5_0},
        {BFS_DTYPE_Q4_K, 257, BFS_DTYPE_F16},        {BFS_DTYPE_Q5_K, 8, BFS_DTYPE_F16},
        {BFS_DTYPE_Q6_K, 1, BFS_DTYPE_F16},          {BFS_DTYPE_Q8_0, 32, BFS_DTYPE_Q8_0},
        {BFS_DTYPE_Q8_0, 33, BFS_DTYPE_F16},         {BFS_DTYPE_Q4_0, 16, BFS_DTYPE_F16},
        {BFS_DTYPE_Q5_1, 48, BFS_DTYPE_F16},         {BFS_DTYPE_BF16, 3, BFS_DTYPE_BF16},
        {BFS_DTYPE_Q6_K, UINT64_MAX, BFS_DTYPE_F16},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(bfs_quant_for_row(cases[i].type, cases[i].row), cases[i].want);
}

/* -- 16-bit floats -- */

static void test_half(void **state)
{
    (void)state;
    for (unsigned half = 0; half <= 0xffff; half++) {
        float value = bfs_half_to((uint16_t)half);
        unsigned exponent = half >> 10 & 31;
        unsigned fraction = half & 0x3ff;
        if (exponent == 31 && fraction != 0) {
            assert_true(isnan(value));
            assert_int_equal(bfs_half_from(value), 0x7e00);
            continue;
        }
        double want = exponent == 31  ? (double)INFINITY
                      : exponent == 0 ? ldexp(fraction, -24)
                                      : ldexp(1024 + fraction, (int)exponent - 25);
        assert_true((double)value == (half & 0x8000 ? -want : want));
        assert_int_equal(bfs_half_from(value), half);
        assert_int_equal(bits_of(value) >> 31, half >> 15);
        if (exponent == 31)
            continue;
        /* Between two neighbours: the half goes to the even one, all else to the nearer. */
        uint32_t low = bits_of(value);
        float next = exponent == 30 && fraction == 0x3ff ? half & 0x8000 ? -65536.0f : 65536.0f
                                                         : bfs_half_to((uint16_t)(half + 1));
        float middle = (float)(((double)value + (double)next) / 2);
        uint16_t even = (uint16_t)(half + (half & 1));
        assert_int_equal(bfs_half_from(middle), even);
        assert_int_equal(bfs_half_from(float_of(bits_of(middle) - 1)), half);
        assert_int_equal(bfs_half_from(float_of(bits_of(middle) + 1)), half + 1);
        assert_true(low <= bits_of(middle));
    }
    assert_int_equal(bfs_half_from(3.4e38f), 0x7c00);
    assert_int_equal(bfs_half_from(-65520.0f), 0xfc00);
    assert_int_equal(bfs_half_from(float_of(0x80000001)), 0x8000);
    assert_int_equal(bfs_half_from(float_of(0xffc00000)), 0x7e00);
    assert_int_equal(bfs_half_from(float_of(0x7f800001)), 0x7e00);
}

/* -- by hand -- */

static void check_q8_0(const struct bfs_quant_kernels *kernels)
{
    /* 127 makes the scale 1: what is rounded is the value itself, halves away from zero. */
    float x[32] = {127, -127, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, 0.49999997f, -0.49999997f, 126.5f};
    const int8_t want[32] = {127, -127, 1, -1, 2, -2, 3, 0, 0, 127};
    struct bfs_q8_0 block = q8_0(kernels, x);
    assert_int_equal(half_at(block.d), 0x3c00);
    assert_memory_equal(block.q, want, sizeof(want));
    /* Every half up to 126.5, and the two floats beside it. */
    for (int k = 0; k < 127; k++) {
        float half = (float)k + 0.5f;
        x[1] = half;
        x[2] = float_of(bits_of(half) - 1);
        x[3] = float_of(bits_of(half) + 1);
        x[4] = -x[1];
        x[5] = -x[2];
        x[6] = -x[3];
        block = q8_0(kernels, x);
        for (int i = 1; i <= 6; i++)
            assert_int_equal((int8_t)block.q[i], (i > 3 ? -1 : 1) * (i % 3 == 2 ? k : k + 1));
    }
}

static void check_q4_0(const struct bfs_quant_kernels *kernels)
{
    /* Of 8 and -8 the first decides the sign of the scale; the other is cut off at 7. */
    float x[32] = {0, 1, -8, 8, 3.5f, 3.49f, -7};
    x[16] = -4;
    x[18] = 7;
    struct bfs_q4_0 block = q4_0(kernels, x);
    assert_int_equal(half_at(block.d), 0x3c00);
    const uint8_t want[7] = {8 | 4 << 4,  9 | 8 << 4,  0 | 15 << 4, 15 | 8 << 4,
                             12 | 8 << 4, 11 | 8 << 4, 1 | 8 << 4};
    assert_memory_equal(block.q, want, sizeof(want));
    x[2] = 8;
    x[3] = -8;
    block = q4_0(kernels, x);
    assert_int_equal(half_at(block.d), 0xbc00);
    assert_int_equal(block.q[2] & 15, 0);
    assert_int_equal(block.q[3] & 15, 15);
}

static void check_q5_0(const struct bfs_quant_kernels *kernels)
{
    float x[32] = {-16, 15, -1, 0};
    x[31] = 5;
    struct bfs_q5_0 block;
    kernels->of[BFS_QUANT_Q5_0].quantize(x, (uint8_t *)&block, 1);
    assert_int_equal(half_at(block.d), 0x3c00);
    /* q: 0, 31, 15, 16, ... 16, and 21 at the end */
    const uint8_t high[4] = {0xfa, 0xff, 0xff, 0xff};
    assert_memory_equal(block.high, high, sizeof(high));
    assert_int_equal(block.q[0], 0);
    assert_int_equal(block.q[1], 15);
    assert_int_equal(block.q[2], 15);
    assert_int_equal(block.q[15], 5 << 4);
}

static void check_q4_1(const struct bfs_quant_kernels *kernels)
{
    float x[32];
    for (int i = 0; i < 32; i++)
        x[i] = 2.0f + (float)(i % 16);
    struct bfs_q4_1 block = q4_1(kernels, x);
    assert_int_equal(half_at(block.d), 0x3c00);
    assert_int_equal(half_at(block.m), 0x4000);
    for (int i = 0; i < 16; i++)
        assert_int_equal(block.q[i], i | i << 4);
    /* The first of two zeros that are the minimum gives its sign. */
    x[4] = -0.0f;
    x[5] = 0.0f;
    assert_int_equal(half_at(q4_1(kernels, x).m), 0x8000);
    x[3] = 0.0f;
    assert_int_equal(half_at(q4_1(kernels, x).m), 0x0000);
}

static void check_q5_1(const struct bfs_quant_kernels *kernels)
{
    float x[32];
    for (int i = 0; i < 32; i++)
        x[i] = (float)i - 1.0f;
    struct bfs_q5_1 block;
    kernels->of[BFS_QUANT_Q5_1].quantize(x, (uint8_t *)&block, 1);
    assert_int_equal(half_at(block.d), 0x3c00);
    assert_int_equal(half_at(block.m), 0xbc00);
    const uint8_t high[4] = {0, 0, 0xff, 0xff};
    assert_memory_equal(block.high, high, sizeof(high));
    for (int i = 0; i < 16; i++)
        assert_int_equal(block.q[i], i | i << 4);
}

static void test_by_hand(void **state)
{
    (void)state;
    with_every_kernel(check_q8_0);
    with_every_kernel(check_q4_0);
    with_every_kernel(check_q5_0);
    with_every_kernel(check_q4_1);
    with_every_kernel(check_q5_1);
}

static void test_six_bits(void **state)
{
    (void)state;
    for (unsigned scale = 0; scale < 64; scale++) {
        assert_int_equal(bfs_k_six_bits(1.0f, (float)scale), scale);
        for (int j = 0; j < BFS_K_SUBS; j++) {
            uint8_t packed[12] = {0};
            for (int k = 0; k < BFS_K_SUBS; k++)
                bfs_k_six_bits_put(packed, k, k == j ? scale : 63 - scale, k == j ? 63 - scale : 0);
            unsigned got;
            unsigned minus;
            bfs_k_six_bits_get(packed, j, &got, &minus);
            assert_int_equal(got, scale);
            assert_int_equal(minus, 63 - scale);
        }
    }
    assert_int_equal(bfs_k_six_bits(1.0f, 64.0f), 63);
    assert_int_equal(bfs_k_six_bits(1.0f, -1.0f), 63); /* wraps around to 255 */
    assert_int_equal(bfs_k_six_bits(1.0f, NAN), 0);
    assert_int_equal(bfs_k_six_bits(0.0f, 0.0f), 0);
}

/* -- golden -- */

/* First 8 bytes of the SHA-256 of all blocks of the finite kinds of values, then of the others. The
 * former, and the latter of types with blocks of 32, are what ggml's functions gave on x86-64. */
static const struct {
    enum bfs_dtype type;
    const char *finite;
    const char *other;
} golden[] = {
    {BFS_DTYPE_Q8_0, "030ab1fd8109c9ad", "37d59566616ec4d6"},
    {BFS_DTYPE_Q4_0, "66eaa5ae838b9606", "76cf18c74a35e3de"},
    {BFS_DTYPE_Q4_1, "45477f7e600b81c0", "8eac948632f1cf06"},
    {BFS_DTYPE_Q5_0, "04d616ca5abc1fec", "9aeb18a0ceab8166"},
    {BFS_DTYPE_Q5_1, "53468b6dda5d8a27", "3abd8f0531dcc042"},
    {BFS_DTYPE_Q4_K, "7ece09a9870fe8cd", "517805fd5e084d78"},
    {BFS_DTYPE_Q5_K, "7357953a375ba181", "85e96a8f76f8bb77"},
    {BFS_DTYPE_Q6_K, "93a5b3849d66d335", "5f7c2fe98098c295"},
};

static void check_golden(enum bfs_dtype type, unsigned first, unsigned end, const char *want)
{
    size_t size = bytes_of(type, N_VALUES);
    bfs_autofree float *values = malloc(N_VALUES * sizeof(float));
    bfs_autofree uint8_t *blocks = malloc(size * (end - first));
    assert_non_null(values);
    assert_non_null(blocks);
    for (unsigned kind = first; kind < end; kind++) {
        fill_values((enum quant_values)kind, values, N_VALUES, 1);
        bfs_quantize(type, values, blocks + size * (kind - first), N_VALUES);
    }
    struct bfs_digest digest;
    char hex[BFS_DIGEST_HEX_SIZE];
    assert_int_equal(bfs_sha256(blocks, size * (end - first), &digest), 0);
    bfs_digest_hex(&digest, hex);
    hex[16] = '\0';
    assert_string_equal(hex, want);
}

static void test_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        check_golden(golden[i].type, 0, VALUES_ODD, golden[i].finite);
        check_golden(golden[i].type, VALUES_ODD, VALUES_KINDS, golden[i].other);
    }
}

/* A library may have left a thread with other rounding; results do not follow it. */
static void test_rounding_of_the_thread(void **state)
{
    (void)state;
    float values[BFS_QUANT_SUPER];
    uint8_t want[2 * BFS_QUANT_SUPER];
    uint8_t got[2 * BFS_QUANT_SUPER];
    fill_values(VALUES_WEIGHTS, values, BFS_QUANT_SUPER, 1);
    for (size_t i = 0; i < BFS_QUANT_SLOTS; i++) {
        bfs_quantize(all_types[i], values, want, BFS_QUANT_SUPER);
        assert_int_equal(fesetround(FE_UPWARD), 0);
        bfs_quantize(all_types[i], values, got, BFS_QUANT_SUPER);
        assert_int_equal(fegetround(), FE_UPWARD);
        assert_int_equal(fesetround(FE_TONEAREST), 0);
        assert_memory_equal(got, want, bytes_of(all_types[i], BFS_QUANT_SUPER));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_rows_that_do_not_fit),
        cmocka_unit_test(test_half),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_six_bits),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_rounding_of_the_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

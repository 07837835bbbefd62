/* SPDX-License-Identifier: Apache-2.0
 * fp8 and int8 with a scale: every kernel against a search in the table of all values. */
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

#include <float.h>

enum {
    BLOCK = 1 << 16,
    N_RANDOM = 1000 * 1000,
    GUARD = 0xa5,
    TAIL_MAX = 70,
};

static struct small_float e4m3;

static int set_up(void **state)
{
    (void)state;
    small_float_init(&e4m3, 4, 3, 0x7f); /* all but the NaN: 448 is what is last */
    return 0;
}

/* -- what must come out; one division in f32, then one rounding -- */

static uint8_t want_fp8(uint32_t bits, float scale)
{
    uint8_t sign = (uint8_t)(bits >> 31 << 7);
    if (bits_are_nan(bits))
        return sign | 0x7f;
    float quotient = float_of(bits) / scale;
    return (uint8_t)(sign | small_float_nearest(&e4m3, fabs((double)quotient)));
}

static uint8_t want_int8(uint32_t bits, float scale)
{
    if (bits_are_nan(bits))
        return 0;
    float quotient = float_of(bits) / scale;
    double magnitude = fmin(fabs((double)quotient), 127);
    double whole = floor(magnitude);
    double rest = magnitude - whole;
    if (rest > 0.5 || (rest == 0.5 && fmod(whole, 2) == 1))
        whole += 1;
    return (uint8_t)(int8_t)(quotient < 0 ? -whole : whole);
}

static void check_encode(const uint32_t *from, float scale, size_t n)
{
    static uint8_t got[BLOCK];
    const struct bfs_cast_kernels *kernels;
    for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
        kernels->fp8((const uint8_t *)from, scale, got, n);
        for (size_t i = 0; i < n; i++)
            if (got[i] != want_fp8(from[i], scale)) {
                print_error("%s, scale %a: 0x%x becomes 0x%x, not 0x%x\n", kernels->name,
                            (double)scale, from[i], got[i], want_fp8(from[i], scale));
                fail();
            }
        kernels->int8((const uint8_t *)from, scale, got, n);
        for (size_t i = 0; i < n; i++)
            if (got[i] != want_int8(from[i], scale)) {
                print_error("%s, scale %a: 0x%x becomes %d, not %d\n", kernels->name, (double)scale,
                            from[i], (int8_t)got[i], (int8_t)want_int8(from[i], scale));
                fail();
            }
    }
}

/* -- encoding -- */

/* Every f32 of 16 leading bits, with what follows at its edges. */
static void test_encode_dense(void **state)
{
    (void)state;
    static uint32_t from[BLOCK];
    const uint32_t rest[] = {0x0000, 0x0001, 0x7fff, 0x8000, 0x8001, 0xffff};
    for (size_t r = 0; r < 6; r++) {
        for (uint32_t i = 0; i < BLOCK; i++)
            from[i] = i << 16 | rest[r];
        check_encode(from, 1, BLOCK);
        check_encode(from, 0.0123f, BLOCK);
    }
}

/* The middle between any two neighbours, and the floats beside it. */
static void test_encode_ties(void **state)
{
    (void)state;
    uint32_t from[2 * 3 * (0x7e + 128)];
    size_t n = 0;
    for (size_t code = 0; code < 0x7e; code++)
        for (uint32_t delta = 0; delta < 3; delta++) {
            float middle = (float)((e4m3.values[code] + e4m3.values[code + 1]) / 2);
            from[n++] = bits_of(middle) + delta - 1;
            from[n++] = (bits_of(middle) + delta - 1) | 0x80000000;
        }
    for (size_t code = 0; code < 128; code++)
        for (uint32_t delta = 0; delta < 3; delta++) {
            from[n++] = bits_of((float)code + 0.5f) + delta - 1;
            from[n++] = (bits_of((float)code + 0.5f) + delta - 1) | 0x80000000;
        }
    assert_int_equal(n, sizeof(from) / sizeof(from[0]));
    check_encode(from, 1, n);
    check_encode(from, 0.5f, n);
    check_encode(from, 1.1f, n);
}

static void test_encode_random(void **state)
{
    (void)state;
    static uint32_t from[BLOCK];
    const float scales[] = {1,      0.004f,  FLT_TRUE_MIN, FLT_MIN,     FLT_MAX,
                            1e-30f, 3.7e20f, 0.333333f,    0x1.8p-130f, 448};
    uint64_t seed = 0x5ca1e;
    size_t n_scales = sizeof(scales) / sizeof(scales[0]);
    for (size_t done = 0, block = 0; done < N_RANDOM; done += BLOCK, block++) {
        for (size_t i = 0; i < BLOCK; i++) {
            uint64_t random = test_random(&seed);
            from[i] = (uint32_t)random;
            if (i % 2 == 0) /* in the range that the scale asks for */
                from[i] = bits_of((float)(test_gaussian(&seed) * 100) * scales[block % n_scales]);
        }
        check_encode(from, scales[block % n_scales], BLOCK);
    }
}

static void test_encode_named(void **state)
{
    (void)state;
    const uint32_t bits[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xff800001, 0x00000000,
                             0x80000000, 0x00000001, 0x80000001, 0x43e00000, 0x43e80000,
                             0x43e80001, 0x7f7fffff, 0xc3c80000, 0x3a800000, 0x3a800001};
    const uint8_t fp8[] = {0x7e, 0xfe, 0x7f, 0xff, 0x00, 0x80, 0x00, 0x80,
                           0x7e, 0x7e, 0x7e, 0x7e, 0xfc, 0x00, 0x01};
    const int8_t int8[] = {127, -127, 0, 0, 0, 0, 0, 0, 127, 127, 127, 127, -127, 0, 0};
    enum { N = sizeof(bits) / sizeof(bits[0]) };
    float from[N];
    memcpy(from, bits, sizeof(from));
    uint8_t codes[N];
    int8_t values[N];
    bfs_cast_fp8(from, 1, codes, N);
    assert_memory_equal(codes, fp8, N);
    bfs_cast_int8(from, 1, values, N);
    assert_memory_equal(values, int8, N);
}

static void test_scale_of_zero(void **state)
{
    (void)state;
    const uint32_t bits[] = {0x00000000, 0x80000000, 0x3f800000, 0xbf800000,
                             0x7f800000, 0xff800000, 0x7f800001, 0xffc00000};
    const uint8_t fp8[] = {0x00, 0x80, 0x00, 0x80, 0x00, 0x80, 0x7f, 0xff};
    const int8_t int8[8] = {0};
    float from[8];
    memcpy(from, bits, sizeof(from));
    for (int negative = 0; negative < 2; negative++) {
        uint8_t codes[8];
        int8_t values[8];
        memset(codes, GUARD, sizeof(codes));
        memset(values, GUARD, sizeof(values));
        bfs_cast_fp8(from, negative ? -0.0f : 0.0f, codes, 8);
        assert_memory_equal(codes, fp8, 8);
        bfs_cast_int8(from, negative ? -0.0f : 0.0f, values, 8);
        assert_memory_equal(values, int8, 8);
    }
}

/* -- decoding -- */

static void test_decode_every_code(void **state)
{
    (void)state;
    const float scales[] = {1, 0, 0.004f, 1e-44f, 1e37f, FLT_MAX, 0.7f};
    uint8_t codes[256];
    float want_fp8_values[256];
    float want_int8_values[256];
    float got[256];
    for (size_t i = 0; i < 256; i++)
        codes[i] = (uint8_t)i;
    for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++) {
        for (size_t i = 0; i < 256; i++) {
            uint32_t sign = (uint32_t)i >> 7 << 31;
            float value = float_of(sign | 0x7fc00000);
            if ((i & 0x7f) != 0x7f)
                value = float_of(sign | bits_of((float)e4m3.values[i & 0x7f])) * scales[s];
            want_fp8_values[i] = value;
            want_int8_values[i] = (float)(i < 128 ? (int)i : (int)i - 256) * scales[s];
        }
        const struct bfs_cast_kernels *kernels;
        for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
            kernels->fp8_back(codes, scales[s], (uint8_t *)got, 256);
            assert_memory_equal(got, want_fp8_values, sizeof(got));
            kernels->int8_back(codes, scales[s], (uint8_t *)got, 256);
            assert_memory_equal(got, want_int8_values, sizeof(got));
        }
        bfs_cast_fp8_back(codes, scales[s], got, 256);
        assert_memory_equal(got, want_fp8_values, sizeof(got));
        bfs_cast_int8_back((const int8_t *)codes, scales[s], got, 256);
        assert_memory_equal(got, want_int8_values, sizeof(got));
    }
}

/* A code is what its own value becomes. */
static void test_round_trip(void **state)
{
    (void)state;
    uint8_t codes[256];
    uint8_t again[256];
    int8_t whole[256];
    int8_t whole_again[256];
    float values[256];
    for (size_t i = 0; i < 256; i++) {
        codes[i] = (uint8_t)i;
        whole[i] = (int8_t)(i < 128 ? (int)i : i == 128 ? 0 : (int)i - 256);
    }
    bfs_cast_fp8_back(codes, 0.25f, values, 256);
    bfs_cast_fp8(values, 0.25f, again, 256);
    assert_memory_equal(again, codes, 256);
    bfs_cast_int8_back(whole, 0.25f, values, 256);
    bfs_cast_int8(values, 0.25f, whole_again, 256);
    assert_memory_equal(whole_again, whole, 256);
}

/* -- scales -- */

static void test_scales(void **state)
{
    (void)state;
    assert_int_equal(bits_of(bfs_fp8_scale(448)), bits_of(1));
    assert_int_equal(bits_of(bfs_int8_scale(127)), bits_of(1));
    assert_int_equal(bits_of(bfs_fp8_scale(3.0f)), bits_of(3.0f / 448));
    assert_int_equal(bits_of(bfs_int8_scale(3.0f)), bits_of(3.0f / 127));
    assert_int_equal(bits_of(bfs_fp8_scale(FLT_MAX)), bits_of(FLT_MAX / 448));
    float (*const all[])(float) = {bfs_fp8_scale, bfs_int8_scale};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bits_of(all[i](0)), 0);
        assert_int_equal(bits_of(all[i](-0.0f)), 0);
        assert_int_equal(bits_of(all[i](FLT_TRUE_MIN)), 1);
        assert_int_equal(bits_of(all[i](20 * FLT_TRUE_MIN)), 1);
        assert_int_equal(bits_of(all[i](INFINITY)), bits_of(FLT_MAX));
        assert_int_equal(bits_of(all[i](NAN)), 0);
        assert_int_equal(bits_of(all[i](-1)), 0);
    }
    assert_int_equal(bits_of(bfs_fp8_scale(FLT_MIN)), bits_of(FLT_MIN / 448));
}

/* -- sizes, alignment, environment -- */

static void test_every_size_and_alignment(void **state)
{
    (void)state;
    uint8_t from[4 * TAIL_MAX + 3];
    uint8_t want[4 * TAIL_MAX];
    uint8_t got[4 * TAIL_MAX + 8];
    const size_t factors[4][2] = {{4, 1}, {4, 1}, {1, 4}, {1, 4}};
    const struct bfs_cast_kernels *kernels;
    for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
        bfs_scaled_fn *const fns[] = {kernels->fp8, kernels->int8, kernels->fp8_back,
                                      kernels->int8_back};
        bfs_scaled_fn *const plain[] = {bfs_cast_kernels_c.fp8, bfs_cast_kernels_c.int8,
                                        bfs_cast_kernels_c.fp8_back, bfs_cast_kernels_c.int8_back};
        for (size_t f = 0; f < 4; f++)
            for (size_t n = 0; n <= TAIL_MAX; n++) {
                uint8_t memory[4 * TAIL_MAX];
                size_t shift = n % 4;
                size_t size = n * factors[f][1];
                test_fill_random(memory, sizeof(memory), n);
                memcpy(from + shift, memory, n * factors[f][0]);
                plain[f](memory, 1e10f, want, n);
                memset(got, GUARD, sizeof(got));
                fns[f](from + shift, 1e10f, got + shift, n);
                assert_memory_equal(got + shift, want, size);
                for (size_t i = 0; i < sizeof(got); i++)
                    if (i < shift || i >= shift + size)
                        assert_int_equal(got[i], GUARD);
            }
    }
}

/* Everything scaled, into `to`; 12 bytes an element. */
static void convert_all(const float *from, float scale, uint8_t *to, size_t n)
{
    static float values[BLOCK];
    bfs_cast_fp8(from, scale, to, n);
    bfs_cast_int8(from, scale, (int8_t *)to + n, n);
    bfs_cast_fp8_back((const uint8_t *)from, scale, values, n);
    memcpy(to + 4 * n, values, 4 * n);
    bfs_cast_int8_back((const int8_t *)from, scale, values, n);
    memcpy(to + 8 * n, values, 4 * n);
    float scales[2] = {bfs_fp8_scale(scale), bfs_int8_scale(scale)};
    memcpy(to + 2 * n, scales, sizeof(scales));
}

static void test_environment_does_not_matter(void **state)
{
    (void)state;
    static uint32_t bits[BLOCK];
    static float from[BLOCK];
    static uint8_t want[12 * BLOCK];
    static uint8_t got[12 * BLOCK];
    const float scales[] = {0, 1, 0x1.234p-140f, 3e-39f, 1e-5f};
    test_fill_random((uint8_t *)bits, sizeof(bits), 12);
    for (size_t i = 0; i < BLOCK; i += 2)
        bits[i] = (bits[i] & 0x81ffffff) | (i % 4 == 0 ? 0x3e000000 : 0);
    memcpy(from, bits, sizeof(from));
    for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++) {
        convert_all(from, scales[s], want, BLOCK);
        struct strange_environment environment = strange_environment_enter();
        convert_all(from, scales[s], got, BLOCK);
        strange_environment_leave(&environment);
        assert_true(environment.kept);
        assert_memory_equal(got, want, sizeof(want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_dense),
        cmocka_unit_test(test_encode_ties),
        cmocka_unit_test(test_encode_random),
        cmocka_unit_test(test_encode_named),
        cmocka_unit_test(test_scale_of_zero),
        cmocka_unit_test(test_decode_every_code),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_every_size_and_alignment),
        cmocka_unit_test(test_environment_does_not_matter),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

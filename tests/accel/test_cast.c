/* SPDX-License-Identifier: Apache-2.0
 * The nine float casts and amax: every kernel against the definition of the types. */
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

enum {
    N_PATTERNS = 65536,
    N_RANDOM = 10 * 1000 * 1000,
    BLOCK = 1 << 16,
    GUARD = 0xa5,
    TAIL_MAX = 70,
};

static struct small_float f16;
static struct small_float bf16;

static int set_up(void **state)
{
    (void)state;
    small_float_init(&f16, 5, 10, 0x7c01);
    small_float_init(&bf16, 8, 7, 0x7f81);
    return 0;
}

static const struct small_float *type_of(enum bfs_float_type type)
{
    return type == BFS_FLOAT_F16 ? &f16 : &bf16;
}

static void check_same(const char *kernels, const void *got, const void *want, size_t n,
                       size_t size, const void *from)
{
    if (memcmp(got, want, n * size) == 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (memcmp((const uint8_t *)got + i * size, (const uint8_t *)want + i * size, size) != 0) {
            uint32_t g = 0;
            uint32_t w = 0;
            uint32_t f = 0;
            memcpy(&g, (const uint8_t *)got + i * size, size);
            memcpy(&w, (const uint8_t *)want + i * size, size);
            memcpy(&f, (const uint8_t *)from + i * (size == 2 ? 4 : 2), size == 2 ? 4 : 2);
            print_error("%s: element %zu, from 0x%x: 0x%x instead of 0x%x\n", kernels, i, f, g, w);
            fail();
        }
}

/* -- all patterns of 16 bits -- */

static void make_patterns(uint16_t *patterns)
{
    for (uint32_t i = 0; i < N_PATTERNS; i++)
        patterns[i] = (uint16_t)i;
}

static void test_widening_every_pattern(void **state)
{
    (void)state;
    static uint16_t from[N_PATTERNS];
    static uint32_t want[N_PATTERNS];
    static uint32_t got[N_PATTERNS];
    make_patterns(from);
    for (int type = BFS_FLOAT_F16; type <= BFS_FLOAT_BF16; type++) {
        for (size_t i = 0; i < N_PATTERNS; i++)
            want[i] = small_float_widen(type_of((enum bfs_float_type)type), from[i]);
        const struct bfs_cast_kernels *kernels;
        for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
            memset(got, GUARD, sizeof(got));
            kernels->cast[type][BFS_FLOAT_F32]((const uint8_t *)from, (uint8_t *)got, N_PATTERNS);
            check_same(kernels->name, got, want, N_PATTERNS, 4, from);
        }
        bfs_cast((enum bfs_float_type)type, from, BFS_FLOAT_F32, got, N_PATTERNS);
        check_same("bfs_cast", got, want, N_PATTERNS, 4, from);
    }
}

static void test_between_16_bits_every_pattern(void **state)
{
    (void)state;
    static uint16_t from[N_PATTERNS];
    static uint16_t want[N_PATTERNS];
    static uint16_t got[N_PATTERNS];
    make_patterns(from);
    for (int type = BFS_FLOAT_F16; type <= BFS_FLOAT_BF16; type++) {
        enum bfs_float_type to = type == BFS_FLOAT_F16 ? BFS_FLOAT_BF16 : BFS_FLOAT_F16;
        for (size_t i = 0; i < N_PATTERNS; i++) {
            uint32_t wide = small_float_widen(type_of((enum bfs_float_type)type), from[i]);
            want[i] = small_float_narrow(type_of(to), wide);
        }
        const struct bfs_cast_kernels *kernels;
        for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
            memset(got, GUARD, sizeof(got));
            kernels->cast[type][to]((const uint8_t *)from, (uint8_t *)got, N_PATTERNS);
            assert_memory_equal(got, want, sizeof(want));
        }
        bfs_cast((enum bfs_float_type)type, from, to, got, N_PATTERNS);
        assert_memory_equal(got, want, sizeof(want));
        bfs_cast((enum bfs_float_type)type, from, (enum bfs_float_type)type, got, N_PATTERNS);
        assert_memory_equal(got, from, sizeof(from));
    }
}

/* -- f32 to 16 bits -- */

static void check_narrow(const uint32_t *from, size_t n)
{
    static uint16_t want[BLOCK];
    static uint16_t got[BLOCK];
    assert_true(n <= BLOCK);
    for (int type = BFS_FLOAT_F16; type <= BFS_FLOAT_BF16; type++) {
        for (size_t i = 0; i < n; i++)
            want[i] = small_float_narrow(type_of((enum bfs_float_type)type), from[i]);
        const struct bfs_cast_kernels *kernels;
        for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
            memset(got, GUARD, sizeof(got));
            kernels->cast[BFS_FLOAT_F32][type]((const uint8_t *)from, (uint8_t *)got, n);
            check_same(kernels->name, got, want, n, 2, from);
        }
        bfs_cast(BFS_FLOAT_F32, from, (enum bfs_float_type)type, got, n);
        check_same("bfs_cast", got, want, n, 2, from);
    }
}

/* Mantissas beside every power of two, from both ends, and the ties of every place where a mantissa
 * can be cut, with an even and an odd digit before. */
static size_t edge_mantissas(uint32_t *mantissas)
{
    size_t n = 0;
    for (unsigned bit = 0; bit <= 23; bit++)
        for (uint32_t delta = 0; delta < 3; delta++) {
            uint32_t mantissa = ((1U << bit) + delta - 1) & 0x7fffff;
            mantissas[n++] = mantissa;
            mantissas[n++] = mantissa ^ 0x7fffff;
        }
    for (unsigned bit = 0; bit < 22; bit++)
        for (uint32_t delta = 0; delta < 3; delta++) {
            mantissas[n++] = ((3U << bit) + delta - 1) & 0x7fffff;
            mantissas[n++] = (0x400000 | ((5U << bit) + delta - 1)) & 0x7fffff;
        }
    return n;
}

static void test_narrowing_every_exponent(void **state)
{
    (void)state;
    static uint32_t from[BLOCK];
    uint32_t mantissas[512];
    size_t n_mantissas = edge_mantissas(mantissas);
    assert_true(n_mantissas > 250 && n_mantissas <= 512);
    for (uint32_t exponent = 0; exponent < 256; exponent++) {
        size_t n = 0;
        for (uint32_t sign = 0; sign < 2; sign++)
            for (size_t i = 0; i < n_mantissas; i++)
                from[n++] = sign << 31 | exponent << 23 | mantissas[i];
        check_narrow(from, n);
    }
}

static void test_narrowing_random(void **state)
{
    (void)state;
    static uint32_t from[BLOCK];
    uint64_t seed = 0x5eed;
    for (size_t done = 0; done < N_RANDOM; done += BLOCK) {
        for (size_t i = 0; i < BLOCK; i++) {
            uint64_t random = test_random(&seed);
            from[i] = (uint32_t)random;
            /* Most patterns are out of f16's range: every other one is brought into it. */
            if (i % 2 == 0)
                from[i] = (from[i] & 0x807fffff) | (uint32_t)(98 + (random >> 32) % 48) << 23;
        }
        check_narrow(from, BLOCK);
    }
}

static void test_named_values(void **state)
{
    (void)state;
    static const struct {
        uint32_t from;
        uint16_t f16;
        uint16_t bf16;
    } cases[] = {
        {0x00000000, 0x0000, 0x0000}, {0x80000000, 0x8000, 0x8000}, /* zeros */
        {0x3f800000, 0x3c00, 0x3f80}, {0xc0490fdb, 0xc248, 0xc049}, /* 1, -pi */
        {0x477fe000, 0x7bff, 0x4780},                               /* 65504 */
        {0x477fefff, 0x7bff, 0x4780}, {0x477ff000, 0x7c00, 0x4780}, /* below 65520, 65520 */
        {0x7f7fffff, 0x7c00, 0x7f80}, {0xff7fffff, 0xfc00, 0xff80}, /* the largest f32 */
        {0x7f7f7fff, 0x7c00, 0x7f7f}, {0x7f7f8000, 0x7c00, 0x7f80}, /* the edge of bf16 */
        {0x33000000, 0x0000, 0x3300}, {0x33000001, 0x0001, 0x3300}, /* 2^-25 is a tie */
        {0x33c00000, 0x0002, 0x33c0}, {0xb3c00000, 0x8002, 0xb3c0}, /* 1.5 * 2^-24 */
        {0x387fffff, 0x0400, 0x3880},                               /* to the least normal */
        {0x00000001, 0x0000, 0x0000}, {0x00008000, 0x0000, 0x0000}, /* subnormal: a tie */
        {0x00018000, 0x0000, 0x0002}, {0x807fffff, 0x8000, 0x8080}, /* subnormal f32 */
        {0x7f800000, 0x7c00, 0x7f80}, {0xff800000, 0xfc00, 0xff80}, /* infinities */
        {0x7fc00000, 0x7e00, 0x7fc0}, {0xffc00000, 0xfe00, 0xffc0}, /* quiet NaN */
        {0x7f800001, 0x7e00, 0x7fc0}, {0xffbfffff, 0xffff, 0xffff}, /* signalling NaN */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint16_t got;
        bfs_cast(BFS_FLOAT_F32, &cases[i].from, BFS_FLOAT_F16, &got, 1);
        assert_int_equal(got, cases[i].f16);
        bfs_cast(BFS_FLOAT_F32, &cases[i].from, BFS_FLOAT_BF16, &got, 1);
        assert_int_equal(got, cases[i].bf16);
    }
    assert_int_equal(bfs_float_size(BFS_FLOAT_F32), 4);
    assert_int_equal(bfs_float_size(BFS_FLOAT_F16), 2);
    assert_int_equal(bfs_float_size(BFS_FLOAT_BF16), 2);
}

/* -- sizes, alignment, environment -- */

static void test_every_size_and_alignment(void **state)
{
    (void)state;
    uint8_t memory[4 * TAIL_MAX + 3];
    uint8_t from[4 * TAIL_MAX + 3];
    uint8_t want[4 * TAIL_MAX];
    uint8_t got[4 * TAIL_MAX + 8];
    test_fill_random(memory, sizeof(memory), 7);
    for (int type = BFS_FLOAT_F32; type <= BFS_FLOAT_BF16; type++)
        for (int to = BFS_FLOAT_F32; to <= BFS_FLOAT_BF16; to++)
            for (size_t n = 0; n <= TAIL_MAX; n++) {
                size_t shift = n % 4;
                size_t size = n * bfs_float_size((enum bfs_float_type)to);
                memcpy(from + shift, memory, n * bfs_float_size((enum bfs_float_type)type));
                if (type == to)
                    memcpy(want, memory, size);
                else
                    bfs_cast_kernels_at(0)->cast[type][to](memory, want, n);
                const struct bfs_cast_kernels *kernels;
                for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++) {
                    memset(got, GUARD, sizeof(got));
                    if (type == to)
                        bfs_cast((enum bfs_float_type)type, from + shift, (enum bfs_float_type)to,
                                 got + shift, n);
                    else
                        kernels->cast[type][to](from + shift, got + shift, n);
                    assert_memory_equal(got + shift, want, size);
                    for (size_t i = 0; i < sizeof(got); i++)
                        if (i < shift || i >= shift + size)
                            assert_int_equal(got[i], GUARD);
                }
            }
}

/* Data with everything that traps, rounding modes and flushing of subnormals would show in. */
static void test_environment_does_not_matter(void **state)
{
    (void)state;
    static uint32_t wide[BLOCK];
    static uint8_t want[4 * BLOCK];
    static uint8_t got[4 * BLOCK];
    test_fill_random((uint8_t *)wide, sizeof(wide), 11);
    for (int type = BFS_FLOAT_F32; type <= BFS_FLOAT_BF16; type++)
        for (int to = BFS_FLOAT_F32; to <= BFS_FLOAT_BF16; to++) {
            bfs_cast((enum bfs_float_type)type, wide, (enum bfs_float_type)to, want, BLOCK);
            struct strange_environment environment = strange_environment_enter();
            bfs_cast((enum bfs_float_type)type, wide, (enum bfs_float_type)to, got, BLOCK);
            strange_environment_leave(&environment);
            assert_true(environment.kept);
            assert_memory_equal(got, want, BLOCK * bfs_float_size((enum bfs_float_type)to));
        }
}

/* -- amax -- */

static uint32_t amax_of(enum bfs_float_type type, const void *from, size_t n)
{
    return bits_of(bfs_amax(type, from, n));
}

static void test_amax(void **state)
{
    (void)state;
    const uint32_t values[] = {0x7fc00000, 0xc0000000, 0x3f800000, 0xff800001, 0x80000001};
    assert_int_equal(amax_of(BFS_FLOAT_F32, values, 5), 0x40000000);
    assert_int_equal(amax_of(BFS_FLOAT_F32, values, 1), 0);
    assert_int_equal(amax_of(BFS_FLOAT_F32, values, 0), 0);
    assert_int_equal(amax_of(BFS_FLOAT_F32, values + 4, 1), 1);
    const uint32_t infinite[] = {0x3f800000, 0xff800000, 0x7fffffff};
    assert_int_equal(amax_of(BFS_FLOAT_F32, infinite, 3), 0x7f800000);
    const uint16_t halves[] = {0x8001, 0xfe00, 0x7c01, 0x0000};
    assert_int_equal(amax_of(BFS_FLOAT_F16, halves, 4), 0x33800000);
    assert_int_equal(amax_of(BFS_FLOAT_BF16, halves, 4), 0xfe00U << 16 & 0x7fffffff);
    const uint16_t tops[] = {0x7c00, 0x7bff};
    assert_int_equal(amax_of(BFS_FLOAT_F16, tops, 2), 0x7f800000);
    assert_int_equal(amax_of(BFS_FLOAT_BF16, (const uint16_t[]){0xff80, 0xff81}, 2), 0x7f800000);
}

/* The largest in every place of every size; the others are NaN, small, or negative. */
static void test_amax_everywhere(void **state)
{
    (void)state;
    static const uint32_t small32[] = {0xffc00000, 0x00000001, 0xbf800000, 0x7f800001};
    static const uint16_t small16[] = {0xffff, 0x0001, 0x8100, 0x7fff};
    uint32_t wide[TAIL_MAX];
    uint16_t narrow[TAIL_MAX];
    const struct bfs_cast_kernels *kernels;
    for (size_t k = 0; (kernels = bfs_cast_kernels_at(k)) != NULL; k++)
        for (size_t n = 1; n <= TAIL_MAX; n++)
            for (size_t at = 0; at < n; at++) {
                for (size_t i = 0; i < n; i++) {
                    wide[i] = small32[i % 4];
                    narrow[i] = small16[i % 4];
                }
                wide[at] = 0xc2c80000;
                narrow[at] = 0xc2c8;
                assert_int_equal(kernels->amax_f32((const uint8_t *)wide, n), 0x42c80000);
                assert_int_equal(kernels->amax_16((const uint8_t *)narrow, 0x7c00, n), 0x42c8);
                assert_int_equal(kernels->amax_16((const uint8_t *)narrow, 0x7f80, n), 0x42c8);
            }
}

static void test_kernels_in_order(void **state)
{
    (void)state;
    size_t n = 0;
    for (; bfs_cast_kernels_at(n) != NULL; n++)
        print_message("kernels: %s\n", bfs_cast_kernels_at(n)->name);
    assert_true(n >= 1);
    assert_ptr_equal(bfs_cast_kernels_at(0), &bfs_cast_kernels_c);
    assert_ptr_equal(bfs_cast_kernels_at(n - 1), bfs_cast_kernels());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_in_order),
        cmocka_unit_test(test_widening_every_pattern),
        cmocka_unit_test(test_between_16_bits_every_pattern),
        cmocka_unit_test(test_narrowing_every_exponent),
        cmocka_unit_test(test_narrowing_random),
        cmocka_unit_test(test_named_values),
        cmocka_unit_test(test_every_size_and_alignment),
        cmocka_unit_test(test_environment_does_not_matter),
        cmocka_unit_test(test_amax),
        cmocka_unit_test(test_amax_everywhere),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

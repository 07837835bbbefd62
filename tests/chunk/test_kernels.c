/* SPDX-License-Identifier: Apache-2.0
 * Every plane kernel against the scalar one, and the scalar one against the formula. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/chunk/kernels.h"
#include "codec/chunk/nibbles.h"
#include "verify/cleanup.h"

#include <stdbool.h>
#include <string.h>

enum {
    LARGE = 70001, /* elements: many vectors and an odd tail */
    GUARD = 0xa5,
    GUARD_SIZE = 64,
};

typedef void split_fn(const uint8_t *raw, size_t count, uint8_t *const planes[]);
typedef void join_fn(uint8_t *raw, size_t count, const uint8_t *const planes[]);

static split_fn *kernel_split(const struct bfs_plane_kernels *kernels, size_t width)
{
    return width == 2 ? kernels->split2 : width == 4 ? kernels->split4 : kernels->split8;
}

static join_fn *kernel_join(const struct bfs_plane_kernels *kernels, size_t width)
{
    return width == 2 ? kernels->join2 : width == 4 ? kernels->join4 : kernels->join8;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1dULL;
}

static void fill(uint8_t *bytes, size_t size)
{
    uint64_t state = 0x9e3779b97f4a7c15ULL + size;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_random(&state) >> 56);
}

/* Bytes around every output that no kernel may touch. */
struct arena {
    uint8_t *memory;
    uint8_t *raw;
    uint8_t *planes[BFS_PLANES_MAX];
    size_t size;
};

static void arena_init(struct arena *arena, size_t count, size_t width, size_t misalign)
{
    size_t stride = count + GUARD_SIZE + misalign;
    arena->size = stride * width + count * width + 2 * GUARD_SIZE + misalign;
    arena->memory = malloc(arena->size);
    assert_non_null(arena->memory);
    memset(arena->memory, GUARD, arena->size);
    arena->raw = arena->memory + GUARD_SIZE + misalign;
    uint8_t *planes = arena->raw + count * width + GUARD_SIZE;
    for (size_t k = 0; k < width; k++)
        arena->planes[k] = planes + k * stride;
}

/* How many bytes outside raw and the planes are still as arena_init() left them. */
static bool guards_intact(const struct arena *arena, size_t count, size_t width)
{
    for (size_t i = 0; i < arena->size; i++) {
        const uint8_t *at = arena->memory + i;
        bool inside = at >= arena->raw && at < arena->raw + count * width;
        for (size_t k = 0; k < width; k++)
            inside = inside || (at >= arena->planes[k] && at < arena->planes[k] + count);
        if (!inside && *at != GUARD)
            return false;
    }
    return true;
}

static const uint8_t *const *as_const(uint8_t *const *planes)
{
    return (const uint8_t *const *)(const void *)planes;
}

static void check(const struct bfs_plane_kernels *kernels, size_t width, size_t count,
                  size_t misalign)
{
    bfs_autofree uint8_t *raw = malloc(count * width + 1);
    assert_non_null(raw);
    fill(raw, count * width);

    struct arena want;
    struct arena got;
    arena_init(&want, count, width, 0);
    arena_init(&got, count, width, misalign);
    memcpy(got.raw, raw, count * width);
    kernel_split(bfs_plane_kernels_scalar(), width)(raw, count, want.planes);
    kernel_split(kernels, width)(got.raw, count, got.planes);
    for (size_t k = 0; k < width; k++)
        assert_memory_equal(got.planes[k], want.planes[k], count);
    assert_true(guards_intact(&got, count, width));

    memset(got.raw, GUARD, count * width);
    kernel_join(kernels, width)(got.raw, count, as_const(got.planes));
    assert_memory_equal(got.raw, raw, count * width);
    assert_true(guards_intact(&got, count, width));
    free(want.memory);
    free(got.memory);
}

static void test_scalar_is_the_formula(void **state)
{
    (void)state;
    enum { COUNT = 257 };
    for (size_t width = 2; width <= 8; width *= 2) {
        uint8_t raw[COUNT * 8];
        uint8_t bytes[8][COUNT];
        uint8_t *planes[8];
        for (size_t k = 0; k < 8; k++)
            planes[k] = bytes[k];
        fill(raw, sizeof(raw));
        kernel_split(bfs_plane_kernels_scalar(), width)(raw, COUNT, planes);
        for (size_t i = 0; i < COUNT; i++) {
            uint64_t v = 0;
            for (size_t b = 0; b < width; b++)
                v |= (uint64_t)raw[i * width + b] << (8 * b);
            uint64_t mask = width == 8 ? UINT64_MAX : (1ULL << (8 * width)) - 1;
            uint64_t r = (v << 1 | v >> (8 * width - 1)) & mask;
            for (size_t k = 0; k < width; k++)
                assert_int_equal(planes[k][i], (r >> (8 * (width - 1 - k))) & 0xff);
        }
    }
}

static void test_exponent_is_plane_zero(void **state)
{
    (void)state;
    float value = -1.5f; /* exponent 127, sign 1, top mantissa bit 1 */
    uint8_t raw[4];
    uint8_t bytes[4];
    uint8_t *planes[4] = {bytes, bytes + 1, bytes + 2, bytes + 3};
    memcpy(raw, &value, sizeof(raw));
    bfs_plane_kernels()->split4(raw, 1, planes);
    const uint8_t want[4] = {127, 0x80, 0x00, 0x01};
    assert_memory_equal(bytes, want, sizeof(want));
}

static void test_nibbles(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 130; count++) {
        uint8_t raw[260];
        uint8_t joined[260 + 1];
        uint8_t p0[131];
        uint8_t p1[131];
        uint8_t *planes[2] = {p0, p1};
        fill(raw, sizeof(raw));
        p0[count] = p1[count] = joined[2 * count] = GUARD;
        for (int rotate = 0; rotate < 2; rotate++) {
            (rotate ? bfs_nibbles_split : bfs_nibbles_split_plain)(raw, count, planes);
            for (size_t i = 0; i < 2 * count; i++) {
                unsigned r = rotate ? (raw[i] << 1 | raw[i] >> 7) & 0xff : raw[i];
                assert_int_equal(p0[i / 2] >> (4 * (i % 2)) & 0xf, r >> 4);
                assert_int_equal(p1[i / 2] >> (4 * (i % 2)) & 0xf, r & 0xf);
            }
            memset(joined, 0, 2 * count);
            (rotate ? bfs_nibbles_join : bfs_nibbles_join_plain)(joined, count, as_const(planes));
            assert_memory_equal(joined, raw, 2 * count);
        }
        assert_int_equal(p0[count], GUARD);
        assert_int_equal(p1[count], GUARD);
        assert_int_equal(joined[2 * count], GUARD);
    }
}

static void test_every_kernel_agrees(void **state)
{
    (void)state;
    size_t n = 0;
    for (; bfs_plane_kernels_at(n) != NULL; n++) {
        const struct bfs_plane_kernels *kernels = bfs_plane_kernels_at(n);
        print_message("kernels: %s\n", kernels->name);
        for (size_t width = 2; width <= 8; width *= 2) {
            for (size_t count = 0; count <= 130; count++)
                check(kernels, width, count, count % 7);
            check(kernels, width, LARGE, 1);
            check(kernels, width, LARGE - 1, 3);
            check(kernels, width, 65536, 0);
        }
    }
    assert_true(n >= 1);
    assert_ptr_equal(bfs_plane_kernels_at(0), bfs_plane_kernels_scalar());
    assert_ptr_equal(bfs_plane_kernels_at(n - 1), bfs_plane_kernels());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar_is_the_formula),
        cmocka_unit_test(test_exponent_is_plane_zero),
        cmocka_unit_test(test_nibbles),
        cmocka_unit_test(test_every_kernel_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

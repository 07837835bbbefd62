/* SPDX-License-Identifier: Apache-2.0
 * Tilings against the index formula of each, element by element. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/tile/kernels.h"
#include "accel/tile/tile.h"
#include "tests/support/seeded.h"
#include "verify/cleanup.h"

#include <string.h>

enum { GUARD = 0xa5, GUARD_SIZE = 64 };

/* -- the formula of tiled layouts, for two dimensions and tiles upon tiles -- */

/* A matrix of d[0] x d[1] in tiles of t[0] x t[1]. */
static uint64_t index_in_tiles(const uint64_t e[2], const uint64_t d[2], const uint64_t t[2])
{
    uint64_t tiles_across = (d[1] + t[1] - 1) / t[1];
    uint64_t tile = e[0] / t[0] * tiles_across + e[1] / t[1];
    return tile * t[0] * t[1] + e[0] % t[0] * t[1] + e[1] % t[1];
}

/* T(t)(u): within a tile of t, tiles of u. */
static uint64_t index_in_tiles_twice(const uint64_t e[2], const uint64_t d[2], const uint64_t t[2],
                                     const uint64_t u[2])
{
    uint64_t first = e[0] - e[0] % t[0];
    uint64_t corner[2] = {first, e[1] - e[1] % t[1]};
    uint64_t within[2] = {e[0] % t[0], e[1] % t[1]};
    return index_in_tiles(corner, d, t) + index_in_tiles(within, t, u);
}

/* Examples of the definition itself: 3 x 5 in 2 x 2, and 4 x 8 in (2,4)(2,1). */
static void test_formula(void **state)
{
    (void)state;
    assert_int_equal(index_in_tiles((uint64_t[]){2, 3}, (uint64_t[]){3, 5}, (uint64_t[]){2, 2}),
                     17);
    const uint64_t d[2] = {4, 8};
    const uint64_t t[2] = {2, 4};
    const uint64_t u[2] = {2, 1};
    const uint64_t want[4][8] = {{0, 2, 4, 6, 8, 10, 12, 14},
                                 {1, 3, 5, 7, 9, 11, 13, 15},
                                 {16, 18, 20, 22, 24, 26, 28, 30},
                                 {17, 19, 21, 23, 25, 27, 29, 31}};
    for (uint64_t row = 0; row < 4; row++)
        for (uint64_t col = 0; col < 8; col++)
            assert_int_equal(index_in_tiles_twice((uint64_t[]){row, col}, d, t, u), want[row][col]);
}

/* -- memory with bytes around it that nobody may touch -- */

static uint8_t *guarded(size_t size)
{
    uint8_t *memory = malloc(size + 2 * GUARD_SIZE);
    assert_non_null(memory);
    memset(memory, GUARD, size + 2 * GUARD_SIZE);
    return memory + GUARD_SIZE;
}

static void release(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < GUARD_SIZE; i++) {
        assert_int_equal(bytes[i - GUARD_SIZE], GUARD);
        assert_int_equal(bytes[size + i], GUARD);
    }
    free(bytes - GUARD_SIZE);
}

/* A matrix whose rows are `gap` bytes longer than they need to be. */
static uint8_t *make_matrix(uint64_t rows, uint64_t row_size, size_t gap)
{
    uint8_t *matrix = malloc(rows * (row_size + gap) + 1);
    assert_non_null(matrix);
    test_fill_random(matrix, rows * (row_size + gap), rows * 1000 + row_size);
    return matrix;
}

/* -- T(8,128)(2,1) -- */

static void check_8x128(uint64_t rows, uint64_t cols, size_t gap)
{
    size_t stride = cols * 2 + gap;
    bfs_autofree uint8_t *matrix = make_matrix(rows, cols * 2, gap);
    uint64_t size = bfs_tile_8x128_size(rows, cols);
    assert_int_equal(size, (rows + 7) / 8 * ((cols + 127) / 128) * 2048);
    bfs_autofree uint8_t *want = calloc(size + 1, 1);
    assert_non_null(want);
    const uint64_t d[2] = {rows, cols};
    for (uint64_t row = 0; row < rows; row++)
        for (uint64_t col = 0; col < cols; col++) {
            const uint64_t e[2] = {row, col};
            uint64_t index = index_in_tiles_twice(e, d, (uint64_t[]){8, 128}, (uint64_t[]){2, 1});
            memcpy(want + index * 2, matrix + row * stride + col * 2, 2);
        }
    uint8_t *got = guarded(size);
    uint64_t band_size = (cols + 127) / 128 * 2048;
    for (uint64_t row = 0; row < rows; row += 8)
        bfs_tile_8x128_band(matrix + row * stride, rows - row < 8 ? (uint32_t)(rows - row) : 8,
                            cols, stride, got + row / 8 * band_size);
    assert_memory_equal(got, want, size);
    release(got, size);
}

static void test_8x128(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0,  1,  2,   3,   7,   8,   9,   15,  16, 17,
                                     31, 63, 127, 128, 129, 255, 256, 257, 401};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
            check_8x128(sizes[i], sizes[j], (i + j) % 3);
    check_8x128(7, 129, 0);
    check_8x128(8, 1024, 0);
}

static void test_8x128_sizes(void **state)
{
    (void)state;
    assert_int_equal(bfs_tile_8x128_size(1, 1), 2048);
    assert_int_equal(bfs_tile_8x128_size(0, 1000), 0);
    assert_int_equal(bfs_tile_8x128_size(1000, 0), 0);
    assert_true(bfs_tile_8x128_size(1ULL << 31, 1ULL << 31) == 1ULL << 63);
    assert_true(bfs_tile_8x128_size(1ULL << 32, 1ULL << 31) == UINT64_MAX);
    assert_true(bfs_tile_8x128_size(1ULL << 32, 1ULL << 32) == UINT64_MAX);
    assert_true(bfs_tile_8x128_size(UINT64_MAX, 1) == UINT64_MAX);
    assert_true(bfs_tile_8x128_size(1, UINT64_MAX) == UINT64_MAX);
    assert_true(bfs_tile_8x128_size(1, UINT64_MAX - 127) == UINT64_MAX);
    assert_true(bfs_tile_8x128_size(UINT64_MAX - 6, 0) == UINT64_MAX);
}

/* -- VNNI -- */

/* In bands of `band` groups. */
static void check_vnni(uint64_t n, uint64_t k, unsigned element, uint64_t band, size_t gap)
{
    uint64_t g = 4 / element;
    uint64_t n_groups = (k + g - 1) / g;
    uint64_t size = bfs_vnni_size(n, k, element);
    assert_int_equal(size, n_groups * n * 4);
    size_t stride = k * element + gap;
    bfs_autofree uint8_t *matrix = make_matrix(n, k * element, gap);
    bfs_autofree uint8_t *want = calloc(size + 1, 1);
    assert_non_null(want);
    for (uint64_t row = 0; row < n; row++)
        for (uint64_t col = 0; col < k; col++) {
            uint64_t index = (col / g * n + row) * g + col % g;
            memcpy(want + index * element, matrix + row * stride + col * element, element);
        }
    uint8_t *got = guarded(size);
    for (uint64_t first = 0; first < n_groups; first += band) {
        uint64_t k0 = first * g;
        uint64_t n_k = k - k0 < band * g ? k - k0 : band * g;
        bfs_vnni_band(matrix + k0 * element, n, (uint32_t)n_k, stride, element,
                      got + first * n * 4);
    }
    assert_memory_equal(got, want, size);
    release(got, size);
}

static void test_vnni(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,   15,  16,
                                     17, 31, 32, 33, 61, 64, 67, 127, 128, 131};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
            for (unsigned element = 1; element <= 2; element++) {
                check_vnni(sizes[i], sizes[j], element, 1000, 0);
                check_vnni(sizes[i], sizes[j], element, 1 + (i + j) % 5, i % 4);
            }
}

static void test_vnni_every_split(void **state)
{
    (void)state;
    for (uint64_t band = 1; band <= 40; band++) {
        check_vnni(37, 77, 2, band, 1);
        check_vnni(37, 77, 1, band, 2);
        check_vnni(16, 64, 2, band, 0);
    }
}

static void test_vnni_sizes(void **state)
{
    (void)state;
    assert_int_equal(bfs_vnni_size(3, 1, 2), 12);
    assert_int_equal(bfs_vnni_size(3, 1, 1), 12);
    assert_int_equal(bfs_vnni_size(3, 5, 1), 24);
    assert_int_equal(bfs_vnni_size(0, 5, 1), 0);
    assert_int_equal(bfs_vnni_size(5, 0, 2), 0);
    assert_true(bfs_vnni_size(1, UINT64_MAX, 1) == UINT64_MAX);
    assert_true(bfs_vnni_size(1, UINT64_MAX / 2 + 1, 2) == UINT64_MAX);
    assert_true(bfs_vnni_size(1ULL << 32, 1ULL << 32, 1) == UINT64_MAX);
    assert_true(bfs_vnni_size(1ULL << 31, 1ULL << 31, 2) == 1ULL << 63);
    assert_true(bfs_vnni_size(2, 2, 4) == UINT64_MAX);
    assert_true(bfs_vnni_size(2, 2, 0) == UINT64_MAX);
}

/* -- kernels -- */

static void check_interleave(const struct bfs_tile_kernels *kernels, size_t n)
{
    bfs_autofree uint8_t *even = make_matrix(1, 2 * n, 1);
    bfs_autofree uint8_t *odd = make_matrix(1, 2 * n, 2);
    uint8_t *got = guarded(4 * n + 1) + 1;
    kernels->interleave_16(even, odd, got, n);
    for (size_t i = 0; i < n; i++) {
        assert_memory_equal(got + 4 * i, even + 2 * i, 2);
        assert_memory_equal(got + 4 * i + 2, odd + 2 * i, 2);
    }
    release(got - 1, 4 * n + 1);
}

static void check_transpose(const struct bfs_tile_kernels *kernels, size_t rows, size_t cols)
{
    size_t gap = (rows + cols) % 5;
    size_t stride = 4 * cols + gap;
    bfs_autofree uint8_t *matrix = make_matrix(rows, 4 * cols, gap);
    uint8_t *got = guarded(4 * rows * cols);
    kernels->transpose_32(matrix, rows, cols, stride, got);
    for (size_t row = 0; row < rows; row++)
        for (size_t col = 0; col < cols; col++)
            if (memcmp(got + 4 * (col * rows + row), matrix + row * stride + 4 * col, 4) != 0)
                fail_msg("%s: %zu x %zu: element %zu, %zu", kernels->name, rows, cols, row, col);
    release(got, 4 * rows * cols);
}

static void test_every_kernel(void **state)
{
    (void)state;
    size_t n = 0;
    for (; bfs_tile_kernels_at(n) != NULL; n++) {
        const struct bfs_tile_kernels *kernels = bfs_tile_kernels_at(n);
        print_message("kernels: %s\n", kernels->name);
        for (size_t count = 0; count <= 130; count++)
            check_interleave(kernels, count);
        for (size_t rows = 0; rows <= 36; rows++)
            for (size_t cols = 0; cols <= 36; cols++)
                check_transpose(kernels, rows, cols);
        check_transpose(kernels, 257, 131);
    }
    assert_true(n >= 1);
    assert_ptr_equal(bfs_tile_kernels_at(0), &bfs_tile_kernels_c);
    assert_ptr_equal(bfs_tile_kernels_at(n - 1), bfs_tile_kernels());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),          cmocka_unit_test(test_8x128),
        cmocka_unit_test(test_8x128_sizes),      cmocka_unit_test(test_vnni),
        cmocka_unit_test(test_vnni_every_split), cmocka_unit_test(test_vnni_sizes),
        cmocka_unit_test(test_every_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

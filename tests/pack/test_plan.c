/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/pack/plan.h"
#include "tests/support/cut.h"
#include "tests/support/seeded.h"

#include <string.h>

enum { TENSORS = 40, CHUNK = BFS_CHUNK_SIZE_MIN };

static enum bfs_layout layout_of(const struct bfs_tensor *tensor)
{
    return bfs_dtype_info(tensor->dtype)->layout;
}

/* Large tensors, small ones, empty ones, gaps: *ret_size is the file's. */
static void random_map(uint64_t *seed, struct bfs_tensor tensors[static TENSORS],
                       struct bfs_tensor_map *ret, uint64_t *ret_size)
{
    static const enum bfs_dtype dtypes[] = {BFS_DTYPE_BF16, BFS_DTYPE_F32, BFS_DTYPE_Q4_K,
                                            BFS_DTYPE_I64};
    uint64_t offset = test_random(seed) % 5000;
    *ret = (struct bfs_tensor_map){.container = BFS_CONTAINER_SAFETENSORS, .tensors = tensors};
    ret->n_tensors = test_random(seed) % (TENSORS + 1);
    for (size_t i = 0; i < ret->n_tensors; i++) {
        static const uint64_t limits[] = {1, 300, CHUNK / 3, CHUNK + 1, 7 * CHUNK};
        uint64_t limit = limits[test_random(seed) % 5];
        offset += test_random(seed) % 4 == 0 ? test_random(seed) % (CHUNK / 2) : 0;
        tensors[i] = (struct bfs_tensor){.dtype = dtypes[test_random(seed) % 4], .offset = offset};
        tensors[i].size = test_random(seed) % (limit + 1);
        offset += tensors[i].size;
    }
    *ret_size = offset + test_random(seed) % (2 * CHUNK);
}

/* A boundary between chunks lies exactly where a large tensor begins and ends. */
static void check_boundary(const struct test_cut *cut, uint64_t offset)
{
    uint64_t at = 0;
    for (size_t i = 0; i < cut->n_chunks && at < offset; i++)
        at += cut->chunks[i].size;
    assert_int_equal(at, offset);
}

static void check_plan(const struct bfs_tensor_map *map, uint64_t size, const struct bfs_plan *plan)
{
    test_autocut struct test_cut made = test_cut_make(plan);
    const struct test_cut *cut = &made;
    uint64_t sum = 0;
    for (size_t i = 0; i < cut->n_chunks; i++) {
        assert_true(cut->chunks[i].size > 0);
        assert_true(cut->chunks[i].size <= CHUNK + CHUNK / 4);
        sum += cut->chunks[i].size;
    }
    assert_int_equal(sum, size);
    for (size_t i = 0; i < map->n_tensors; i++) {
        const struct bfs_tensor *tensor = &map->tensors[i];
        if (tensor->size < CHUNK)
            continue;
        check_boundary(cut, tensor->offset);
        check_boundary(cut, tensor->offset + tensor->size);
        uint64_t at = 0;
        for (size_t k = 0; k < cut->n_chunks; at += cut->chunks[k++].size)
            if (at >= tensor->offset && at < tensor->offset + tensor->size)
                assert_int_equal(cut->chunks[k].layout, layout_of(tensor));
    }
}

static void random_maps_keep_the_promises(void **state)
{
    struct bfs_tensor tensors[TENSORS];
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct bfs_tensor_map map;
        bfs_autoplan struct bfs_plan plan = {0};
        uint64_t size;
        random_map(&seed, tensors, &map, &size);
        assert_int_equal(bfs_plan_make(&map, size, CHUNK, &plan), 0);
        check_plan(&map, size, &plan);
    }
}

static void opaque_files_are_cut_evenly(void **state)
{
    struct bfs_tensor_map map = {0};
    (void)state;
    for (uint64_t size = 0; size < 3 * CHUNK; size += CHUNK / 8) {
        bfs_autoplan struct bfs_plan plan = {0};
        assert_int_equal(bfs_plan_make(&map, size, CHUNK, &plan), 0);
        check_plan(&map, size, &plan);
        assert_int_equal(plan.n_runs == 0, size == 0);
    }
}

static void small_neighbours_share_a_chunk(void **state)
{
    struct bfs_tensor tensors[100];
    struct bfs_tensor_map map = {.tensors = tensors, .n_tensors = 100};
    bfs_autoplan struct bfs_plan plan = {0};
    (void)state;
    for (size_t i = 0; i < 100; i++)
        tensors[i] = (struct bfs_tensor){.dtype = BFS_DTYPE_F32, .offset = i * 400, .size = 400};
    assert_int_equal(bfs_plan_make(&map, 40000, CHUNK, &plan), 0);
    assert_int_equal(plan.n_runs, 1);
    assert_int_equal(plan.runs[0].size, 40000);
    assert_int_equal(plan.runs[0].layout, BFS_LAYOUT_FLOAT32);
}

/* However large a file is: what is kept of it grows with its tensors. */
static void a_plan_of_a_huge_file_is_small(void **state)
{
    const uint64_t size = UINT64_C(1) << 50;
    struct bfs_tensor tensor = {
        .dtype = BFS_DTYPE_F32, .offset = 4096, .size = size - 4096 - 10};
    struct bfs_tensor_map map = {.tensors = &tensor, .n_tensors = 1};
    bfs_autoplan struct bfs_plan plan = {0};
    struct bfs_plan_chunk chunk;
    (void)state;
    assert_int_equal(bfs_plan_make(&map, size, CHUNK, &plan), 0);
    assert_int_equal(plan.n_runs, 3);
    assert_int_equal(plan.runs[1].size, tensor.size);
    struct bfs_plan_cursor cursor = {.plan = &plan, .run = 1, .done = tensor.size - CHUNK - 4};
    assert_true(bfs_plan_next(&cursor, &chunk)); /* the rest joins it */
    assert_int_equal(chunk.size, CHUNK + 4);
    assert_true(bfs_plan_next(&cursor, &chunk));
    assert_int_equal(chunk.size, 10);
    assert_false(bfs_plan_next(&cursor, &chunk));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_maps_keep_the_promises),
        cmocka_unit_test(opaque_files_are_cut_evenly),
        cmocka_unit_test(small_neighbours_share_a_chunk),
        cmocka_unit_test(a_plan_of_a_huge_file_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

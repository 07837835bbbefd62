/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/dtype.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void ids_count_from_one(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const struct bfs_dtype_info *row; (row = bfs_dtype_at(n)); n++) {
        assert_int_equal(row->id, n + 1);
        assert_ptr_equal(bfs_dtype_info(n + 1), row);
        assert_true(row->block_elements > 0 && row->block_bytes > 0);
        assert_true(row->safetensors_name || row->ggml_type >= 0);
    }
    assert_int_equal(n, 49);
    assert_null(bfs_dtype_info(BFS_DTYPE_NONE));
    assert_null(bfs_dtype_info(n + 1));
    assert_null(bfs_dtype_info(UINT32_MAX));
    assert_null(bfs_dtype_at(UINT32_MAX));
}

static void names_and_numbers_are_unique(void **state)
{
    (void)state;
    const struct bfs_dtype_info *a, *b;
    for (unsigned i = 0; (a = bfs_dtype_at(i)); i++)
        for (unsigned j = i + 1; (b = bfs_dtype_at(j)); j++) {
            assert_string_not_equal(a->name, b->name);
            if (a->safetensors_name && b->safetensors_name)
                assert_string_not_equal(a->safetensors_name, b->safetensors_name);
            assert_true(a->ggml_type < 0 || a->ggml_type != b->ggml_type);
        }
}

static void every_row_is_found(void **state)
{
    (void)state;
    const struct bfs_dtype_info *row;
    for (unsigned i = 0; (row = bfs_dtype_at(i)); i++) {
        if (row->safetensors_name)
            assert_ptr_equal(bfs_dtype_from_safetensors(row->safetensors_name), row);
        if (row->ggml_type >= 0)
            assert_ptr_equal(bfs_dtype_from_ggml((uint32_t)row->ggml_type), row);
    }
    assert_null(bfs_dtype_from_safetensors("Q4_K"));
    assert_null(bfs_dtype_from_safetensors("f32"));
    assert_null(bfs_dtype_from_safetensors(""));
}

/* ggml_type_size() and ggml_blck_size() of ggml, written down a second time. */
static void ggml_blocks_have_their_sizes(void **state)
{
    (void)state;
    static const struct {
        uint32_t type, elements, bytes;
    } blocks[] = {
        {0, 1, 4},      {1, 1, 2},      {2, 32, 18},    {3, 32, 20},    {6, 32, 22},
        {7, 32, 24},    {8, 32, 34},    {9, 32, 36},    {10, 256, 84},  {11, 256, 110},
        {12, 256, 144}, {13, 256, 176}, {14, 256, 210}, {15, 256, 292}, {16, 256, 66},
        {17, 256, 74},  {18, 256, 98},  {19, 256, 50},  {20, 32, 18},   {21, 256, 110},
        {22, 256, 82},  {23, 256, 136}, {24, 1, 1},     {25, 1, 2},     {26, 1, 4},
        {27, 1, 8},     {28, 1, 8},     {29, 256, 56},  {30, 1, 2},     {34, 256, 54},
        {35, 256, 66},  {39, 32, 17},   {40, 64, 36},   {41, 128, 18},  {42, 64, 18},
    };
    size_t known = 0;
    for (uint32_t type = 0; type < 64; type++)
        known += bfs_dtype_from_ggml(type) != NULL;
    assert_int_equal(known, sizeof(blocks) / sizeof(blocks[0]));
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        const struct bfs_dtype_info *row = bfs_dtype_from_ggml(blocks[i].type);
        assert_non_null(row);
        assert_int_equal(row->block_elements, blocks[i].elements);
        assert_int_equal(row->block_bytes, blocks[i].bytes);
        assert_int_equal(row->layout == BFS_LAYOUT_BLOCKS, blocks[i].elements > 1);
    }
}

static void removed_ggml_types_are_unknown(void **state)
{
    (void)state;
    static const uint32_t removed[] = {4, 5, 31, 32, 33, 36, 37, 38, 43, UINT32_MAX};
    for (size_t i = 0; i < sizeof(removed) / sizeof(removed[0]); i++)
        assert_null(bfs_dtype_from_ggml(removed[i]));
}

static void safetensors_types_have_their_bits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t bits;
        enum bfs_layout layout;
    } types[] = {
        {"BOOL", 8, BFS_LAYOUT_INTEGER},       {"U8", 8, BFS_LAYOUT_INTEGER},
        {"I8", 8, BFS_LAYOUT_INTEGER},         {"F8_E5M2", 8, BFS_LAYOUT_FLOAT8},
        {"F8_E4M3", 8, BFS_LAYOUT_FLOAT8},     {"F8_E8M0", 8, BFS_LAYOUT_FLOAT8},
        {"F4", 4, BFS_LAYOUT_OPAQUE},          {"F6_E2M3", 6, BFS_LAYOUT_OPAQUE},
        {"F6_E3M2", 6, BFS_LAYOUT_OPAQUE},     {"I16", 16, BFS_LAYOUT_INTEGER},
        {"U16", 16, BFS_LAYOUT_INTEGER},       {"F16", 16, BFS_LAYOUT_FLOAT16},
        {"BF16", 16, BFS_LAYOUT_BFLOAT16},     {"I32", 32, BFS_LAYOUT_INTEGER},
        {"U32", 32, BFS_LAYOUT_INTEGER},       {"F32", 32, BFS_LAYOUT_FLOAT32},
        {"C64", 64, BFS_LAYOUT_FLOAT32},       {"F64", 64, BFS_LAYOUT_FLOAT64},
        {"I64", 64, BFS_LAYOUT_INTEGER},       {"U64", 64, BFS_LAYOUT_INTEGER},
        {"F8_E4M3FNUZ", 8, BFS_LAYOUT_FLOAT8}, {"F8_E5M2FNUZ", 8, BFS_LAYOUT_FLOAT8},
    };
    size_t known = 0;
    for (unsigned i = 0; bfs_dtype_at(i); i++)
        known += bfs_dtype_at(i)->safetensors_name != NULL;
    assert_int_equal(known, sizeof(types) / sizeof(types[0]));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct bfs_dtype_info *row = bfs_dtype_from_safetensors(types[i].name);
        assert_non_null(row);
        assert_int_equal(row->block_bytes * 8, row->block_elements * types[i].bits);
        assert_int_equal(row->layout, types[i].layout);
    }
}

/* Stored in every index: these never change. */
static void ids_are_pinned(void **state)
{
    (void)state;
    assert_int_equal(BFS_DTYPE_F64, 1);
    assert_int_equal(BFS_DTYPE_BF16, 4);
    assert_int_equal(BFS_DTYPE_I64, 8);
    assert_int_equal(BFS_DTYPE_C64, 20);
    assert_int_equal(BFS_DTYPE_Q8_K, 32);
    assert_int_equal(BFS_DTYPE_Q2_0, 47);
    assert_string_equal(bfs_dtype_info(29)->name, "Q4_K");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_count_from_one),
        cmocka_unit_test(names_and_numbers_are_unique),
        cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(ggml_blocks_have_their_sizes),
        cmocka_unit_test(removed_ggml_types_are_unknown),
        cmocka_unit_test(safetensors_types_have_their_bits),
        cmocka_unit_test(ids_are_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

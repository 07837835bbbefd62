/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/gguf_split.h"
#include "tests/support/tensor_files.h"

#include <errno.h>
#include <string.h>

/* Reads the split keys of a header with them; 0xffff: the key is not there. */
static int read_split(uint32_t no, uint32_t count, uint32_t n_all, const char *path,
                      struct bfs_gguf_split *ret, struct bfs_error *error)
{
    enum { NOT_THERE = 0xffff };
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    bfs_autogguf struct bfs_gguf_header header = {0};
    test_gguf_header(&file, 3, 0,
                     (uint64_t)(no != NOT_THERE) + (count != NOT_THERE) + (n_all != NOT_THERE));
    if (no != NOT_THERE) {
        test_gguf_key(&file, "split.no", BFS_GGUF_U16);
        bfs_buffer_put_u16(&file, (uint16_t)no);
    }
    if (count != NOT_THERE) {
        test_gguf_key(&file, "split.count", BFS_GGUF_U16);
        bfs_buffer_put_u16(&file, (uint16_t)count);
    }
    if (n_all != NOT_THERE) {
        test_gguf_key(&file, "split.tensors.count", BFS_GGUF_I32);
        bfs_buffer_put_u32(&file, n_all);
    }
    assert_int_equal(bfs_gguf_header_parse(file.bytes, file.size, file.size, &header, NULL), 0);
    return bfs_gguf_split_read(&header, path, ret, error);
}

static void reads_splits(void **state)
{
    (void)state;
    static const struct {
        uint32_t no, count, n_all;
        const char *path;
        int code;
        const char *why;
    } cases[] = {
        {0xffff, 0xffff, 0xffff, "m.gguf", 0, ""},
        {0, 1, 9, "m.gguf", 0, ""},
        {0, 0, 9, "m-00001-of-00003.gguf", 0, ""},
        {0, 3, 9, "d/m-00001-of-00003.gguf", 0, ""},
        {2, 3, 9, "d/m-00003-of-00003.gguf", 0, ""},
        {3, 3, 9, "d/m-00004-of-00003.gguf", -EBADMSG, "split.no is not below split.count"},
        {1, 3, 9, "d/m-00001-of-00003.gguf", -EBADMSG, "-00002-of-00003.gguf"},
        {0, 3, 9, "-00001-of-00003.gguf", -EBADMSG, "-00001-of-00003.gguf"},
        {0, 3, 9, "m.gguf", -EBADMSG, "-00001-of-00003.gguf"},
        {0, 3, UINT32_MAX, "d/m-00001-of-00003.gguf", -EBADMSG,
         "split.tensors.count is not an i32"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bfs_gguf_split split = {.no = 55};
        struct bfs_error error = {0};
        int r =
            read_split(cases[i].no, cases[i].count, cases[i].n_all, cases[i].path, &split, &error);
        if (r != cases[i].code || !strstr(error.what, cases[i].why))
            fail_msg("case %zu: %d %s", i, r, error.what);
        if (r) {
            assert_int_equal(split.no, 55);
            continue;
        }
        bool is_split = cases[i].count != 0xffff && cases[i].count > 1;
        assert_int_equal(split.count, is_split ? cases[i].count : 0);
        assert_int_equal(split.no, is_split ? cases[i].no : 0);
        assert_int_equal(split.n_all, is_split ? cases[i].n_all : 0);
    }
    /* llama.cpp takes a u16 and nothing else. */
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    bfs_autogguf struct bfs_gguf_header header = {0};
    struct bfs_gguf_split split;
    struct bfs_error error = {0};
    test_gguf_header(&file, 3, 0, 1);
    test_gguf_key(&file, "split.count", BFS_GGUF_U32);
    bfs_buffer_put_u32(&file, 2);
    assert_int_equal(bfs_gguf_header_parse(file.bytes, file.size, file.size, &header, NULL), 0);
    assert_int_equal(bfs_gguf_split_read(&header, "m.gguf", &split, &error), -EBADMSG);
    assert_non_null(strstr(error.what, "split.count is not a u16"));
}

static void checks_sets(void **state)
{
    (void)state;
    static const struct bfs_gguf_split whole[] = {
        {"z.gguf", 0, 0, 0, 4},
        {"m-00003-of-00003.gguf", 2, 3, 6, 1},
        {"m-00001-of-00002.gguf", 0, 2, 3, 3},
        {"m-00002-of-00003.gguf", 1, 3, 6, 0},
        {"m-00002-of-00002.gguf", 1, 2, 3, 0},
        {"m-00001-of-00003.gguf", 0, 3, 6, 5},
    };
    enum { N = sizeof(whole) / sizeof(whole[0]) };
    struct bfs_gguf_split splits[N];
    struct bfs_error error = {0};
    memcpy(splits, whole, sizeof(whole));
    assert_int_equal(bfs_gguf_split_check(splits, N, &error), 0);
    assert_int_equal(bfs_gguf_split_check(splits, 0, &error), 0);
    /* Any file of a set missing is noticed, and any count that differs. */
    for (size_t i = 1; i < N; i++) {
        memcpy(splits, whole, sizeof(whole));
        splits[i] = splits[0];
        splits[i].path = "y.gguf";
        error = (struct bfs_error){0};
        assert_int_equal(bfs_gguf_split_check(splits, N, &error), -EBADMSG);
        assert_non_null(strstr(error.what, whole[i].path));
        memcpy(splits, whole, sizeof(whole));
        splits[i].n_all++;
        assert_int_equal(bfs_gguf_split_check(splits, N, &error), -EBADMSG);
        memcpy(splits, whole, sizeof(whole));
        splits[i].n_tensors++;
        assert_int_equal(bfs_gguf_split_check(splits, N, &error), -EBADMSG);
        assert_non_null(strstr(error.what, "split.tensors.count"));
        memcpy(splits, whole, sizeof(whole));
        splits[i].no = splits[i].count = splits[i].n_all = 0;
        assert_int_equal(bfs_gguf_split_check(splits, N, &error), -EBADMSG);
        assert_non_null(strstr(error.what, "of the same model"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_splits),
        cmocka_unit_test(checks_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

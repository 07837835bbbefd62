/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/view/layout_json.h"
#include "verify/json.h"

#include <errno.h>

static const struct bfs_layout_entry linear = {
    .name = "a\"\\\n\xc3\xa9.weight",
    .dtype = "I8",
    .layout = "vnni-4",
    .n_dims = 2,
    .shape = {3, 6},
    .n_padded = 3,
    .padded = {2, 3, 4},
    .offset = 4096,
    .size = 24,
    .scales_offset = 8192,
    .scales_size = 12,
};
static const struct bfs_layout_entry scalar = {
    .name = "s", .dtype = "F32", .layout = "row-major", .size = 4};

static void document_is_as_specified(void **state)
{
    static const char expected[] =
        "{\n  \"schema_version\": \"1.0\",\n  \"layout_id\": \"vnni-4\",\n"
        "  \"layout_version\": 1,\n  \"data\": \"weights.bin\",\n  \"size\": 9000,\n"
        "  \"alignment\": 4096,\n  \"tensors\": [\n"
        "    {\"name\":\"s\",\"dtype\":\"F32\",\"layout\":\"row-major\",\"shape\":[],"
        "\"padded_shape\":[],\"offset\":0,\"size\":4},\n"
        "    {\"name\":\"a\\\"\\\\\\u000a\xc3\xa9.weight\",\"dtype\":\"I8\",\"layout\":\"vnni-4\","
        "\"shape\":[3,6],\"padded_shape\":[2,3,4],\"offset\":4096,\"size\":24,"
        "\"scales_offset\":8192,\"scales_size\":12}\n  ]\n}\n";
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autojson struct json_object *root = NULL;
    struct bfs_layout_list list = {0};
    (void)state;
    assert_int_equal(bfs_layout_list_add(&list, &scalar), 0);
    assert_int_equal(bfs_layout_list_add(&list, &linear), 0);
    assert_int_equal(bfs_layout_list_check(&list, "x", NULL), 0);
    bfs_layout_list_write(&list, bfs_profile_find("amx-int8"), "weights.bin", 9000, &text);
    assert_int_equal(bfs_buffer_status(&text), 0);
    assert_int_equal(text.size, sizeof(expected) - 1);
    assert_memory_equal(text.bytes, expected, text.size);
    assert_int_equal(bfs_json_parse(text.bytes, text.size, "layout.json", &root, NULL), 0);
    bfs_layout_list_done(&list);
}

static void a_name_in_two_files_is_refused(void **state)
{
    struct bfs_layout_list list = {0};
    struct bfs_error error = {0};
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(bfs_layout_list_add(&list, &scalar), 0);
    assert_int_equal(bfs_layout_list_check(&list, "amx-int8", &error), -EINVAL);
    assert_string_equal(error.what, "amx-int8: tensor \"s\" is in two files");
    bfs_layout_list_done(&list);
}

static void what_json_cannot_count_is_refused(void **state)
{
    struct bfs_layout_list list = {0};
    struct bfs_layout_entry entry = scalar;
    (void)state;
    entry.offset = BFS_JSON_INTEGER_MAX;
    assert_int_equal(bfs_layout_list_add(&list, &entry), 0);
    assert_int_equal(bfs_layout_list_check(&list, "x", NULL), -E2BIG);
    bfs_layout_list_done(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_is_as_specified),
        cmocka_unit_test(a_name_in_two_files_is_refused),
        cmocka_unit_test(what_json_cannot_count_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

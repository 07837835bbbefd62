/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/container/mutate.h"

#include <stdio.h>

static int parse_text(const char *header, size_t data_size, struct bfs_tensor_map *ret,
                      struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_safetensors_raw(header, data_size, &file);
    assert_int_equal(bfs_buffer_status(&file), 0);
    return parse_copy(bfs_safetensors_parse, file.bytes, file.size, file.size, ret, error);
}

static void refused(const char *header, size_t data_size, int code, const char *why)
{
    struct bfs_tensor_map map;
    struct bfs_error error = {0};
    memset(&map, 0x5a, sizeof(map));
    int r = parse_text(header, data_size, &map, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("%s gave %d: %s", header, r, error.what);
    for (size_t i = 0; i < sizeof(map); i++)
        assert_int_equal(((const uint8_t *)&map)[i], 0x5a);
}

static void accepted(const char *header, size_t data_size, size_t n_tensors)
{
    bfs_autotensors struct bfs_tensor_map map = {0};
    struct bfs_error error = {0};
    if (parse_text(header, data_size, &map, &error) != 0)
        fail_msg("%s: %s", header, error.what);
    assert_int_equal(map.n_tensors, n_tensors);
}

#define T(name, dtype, shape, offsets)                                                             \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void maps_every_tensor(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    bfs_autotensors struct bfs_tensor_map map = {0};
    test_safetensors_small(&file);
    assert_int_equal(bfs_safetensors_parse(file.bytes, file.size, file.size, &map, NULL), 0);
    assert_null(test_tensor_map_fault(&map, file.size));
    assert_int_equal(map.container, BFS_CONTAINER_SAFETENSORS);
    assert_int_equal(map.n_tensors, 7);
    assert_int_equal(map.n_elements, 12 + 0 + 4 + 1 + 6 + 4 + 2);
    static const char *const names[] = {"w", "none", "norm", "n", "fp4", "fp6", "\xc3\xa9"};
    static const uint64_t sizes[] = {24, 0, 16, 8, 3, 3, 2};
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(map.tensors[i].name, names[i]);
        assert_int_equal(map.tensors[i].size, sizes[i]);
    }
    assert_int_equal(map.tensors[0].n_dims, 2);
    assert_int_equal(map.tensors[0].shape[0], 3);
    assert_int_equal(map.tensors[0].shape[1], 4);
    assert_int_equal(map.tensors[0].dtype, BFS_DTYPE_BF16);
    assert_int_equal(map.tensors[3].n_dims, 0);
    assert_int_equal(map.tensors[6].offset + map.tensors[6].size, file.size);
}

static void sorts_by_offset(void **state)
{
    (void)state;
    bfs_autotensors struct bfs_tensor_map map = {0};
    int r = parse_text("{" T("z", "U8", "[2]", "[2,4]") "," T("e1", "U8", "[0]", "[2,2]") "," T(
                           "a", "U8", "[2]", "[0,2]") "," T("e2", "U8", "[0]", "[4,4]") "}",
                       4, &map, NULL);
    assert_int_equal(r, 0);
    assert_string_equal(map.tensors[0].name, "a");
    assert_string_equal(map.tensors[1].name, "e1"); /* an index refuses it after "z" */
    assert_string_equal(map.tensors[2].name, "z");
    assert_string_equal(map.tensors[3].name, "e2");
}

static void accepts_what_readers_accept(void **state)
{
    (void)state;
    accepted("{}", 0, 0);
    accepted("{}   ", 0, 0);
    accepted("{\"__metadata__\":{}}", 0, 0);
    accepted("{\"__metadata__\":{\"a\":\"b\",\"c\":\"\"}}", 0, 0);
    accepted("{" T("a", "U8", "[]", "[0,1]") "}", 1, 1);
    accepted("{\"__metadata__\":null}", 0, 0);
    accepted("{" T("a", "F32", "[9007199254740991,0]", "[0,0]") "}", 0, 1);
    accepted("{" T("a", "F4", "[2]", "[0,1]") "}", 1, 1);
}

/* Names, dtypes, field names and __metadata__ are what the strings say, not how they are written.
 */
static void reads_escapes(void **state)
{
    (void)state;
    bfs_autotensors struct bfs_tensor_map map = {0};
    int r = parse_text("{\"\\u005f_metadata__\":{\"\\n\":\"\\t\"},"
                       "\"a\\n\\u00e9\":{\"\\u0064type\":\"\\u00558\",\"sh\\u0061pe\":[ 1 , 2 ],"
                       "\"data_offsets\" : [0 ,2\t]}}",
                       2, &map, NULL);
    assert_int_equal(r, 0);
    assert_int_equal(map.n_tensors, 1);
    assert_string_equal(map.tensors[0].name, "a\n\xc3\xa9");
    assert_int_equal(map.tensors[0].dtype, BFS_DTYPE_U8);
    assert_int_equal(map.tensors[0].n_dims, 2);
    assert_int_equal(map.tensors[0].shape[1], 2);
}

static void refuses_bad_places(void **state)
{
    (void)state;
    refused("{" T("a", "U8", "[2]", "[0,2]") "," T("b", "U8", "[2]", "[3,5]") "}", 5, -EBADMSG,
            "a gap");
    refused("{" T("a", "U8", "[2]", "[1,3]") "}", 3, -EBADMSG, "a gap");
    refused("{" T("a", "U8", "[2]", "[0,2]") "," T("b", "U8", "[2]", "[1,3]") "}", 3, -EBADMSG,
            "overlaps");
    refused("{" T("a", "U8", "[2]", "[0,2]") "," T("b", "U8", "[2]", "[0,2]") "}", 2, -EBADMSG,
            "overlaps");
    refused("{" T("a", "U8", "[2]", "[0,2]") "}", 3, -EBADMSG, "after the last tensor");
    refused("{}", 1, -EBADMSG, "after the last tensor");
    refused("{" T("a", "U8", "[2]", "[0,2]") "}", 1, -EBADMSG, "outside");
    refused("{" T("a", "U8", "[0]", "[3,3]") "}", 2, -EBADMSG, "outside");
    refused("{" T("a", "U8", "[2]", "[2,0]") "}", 2, -EBADMSG, "outside");
    refused("{" T("a", "U8", "[2]", "[-2,0]") "}", 2, -EBADMSG, "two integers");
    refused("{" T("a", "U8", "[2]", "[0]") "}", 2, -EBADMSG, "two integers");
    refused("{" T("a", "U8", "[2]", "[0,2,2]") "}", 2, -EBADMSG, "two integers");
    refused("{" T("a", "U8", "[2]", "[0,2.0]") "}", 2, -EBADMSG, "two integers");
    refused("{" T("a", "U8", "[2]", "[0,\"2\"]") "}", 2, -EBADMSG, "two integers");
}

/* The reader of an index would call the bundle damaged. */
static void refuses_what_an_index_cannot_hold(void **state)
{
    (void)state;
    refused("{" T("", "U8", "[1]", "[0,1]") "}", 1, -EBADMSG, "has no name");
    refused("{" T("a", "U8", "[4]", "[0,4]") "," T("e", "U8", "[0]", "[2,2]") "}", 4, -EBADMSG,
            "overlaps");
}

static void refuses_bad_shapes(void **state)
{
    (void)state;
    refused("{" T("a", "U16", "[2]", "[0,2]") "}", 2, -EBADMSG, "contradict");
    refused("{" T("a", "F4", "[3]", "[0,2]") "}", 2, -EBADMSG, "contradict");
    refused("{" T("a", "F6_E3M2", "[2]", "[0,2]") "}", 2, -EBADMSG, "contradict");
    refused("{" T("a", "F64", "[9007199254740991,9007199254740991]", "[0,8]") "}", 8, -EBADMSG,
            "contradict");
    refused("{" T("a", "U8", "[18446744073709551617]", "[0,1]") "}", 1, -EBADMSG, "2^53-1");
    refused("{" T("a", "U8", "[9007199254740992]", "[0,1]") "}", 1, -EBADMSG, "2^53-1");
    refused("{" T("a", "U8", "[-1]", "[0,1]") "}", 1, -EBADMSG, "dimension");
    refused("{" T("a", "U8", "[1.0]", "[0,1]") "}", 1, -EBADMSG, "dimension");
    refused("{" T("a", "U8", "[null]", "[0,1]") "}", 1, -EBADMSG, "dimension");
    refused("{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, -E2BIG, "9 dimensions");
}

static void refuses_bad_entries(void **state)
{
    (void)state;
    refused("{" T("a", "F7", "[1]", "[0,1]") "}", 1, -EPROTONOSUPPORT, "F7");
    refused("{" T("a", "Q4_0", "[32]", "[0,18]") "}", 18, -EPROTONOSUPPORT, "Q4_0");
    refused(
        "{" T("a",
              "U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8",
              "[1]", "[0,1]") "}",
        1, -EPROTONOSUPPORT, "unknown dtype \"U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8U8\"");
    refused("{\"a\":1}", 0, -EBADMSG, "not a JSON object");
    refused("{\"a\":{}}", 0, -EBADMSG, "missing");
    refused("{\"a\":{\"dtype\":8,\"shape\":[],\"data_offsets\":[0,1]}}", 1, -EBADMSG, "wrong type");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":{},\"data_offsets\":[0,1]}}", 1, -EBADMSG,
            "wrong type");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1],\"x\":1}}", 1, -EBADMSG,
            "unknown field");
    refused("{" T("a", "U8", "[1]", "[0,1]") "," T("a", "U8", "[1]", "[0,1]") "}", 1, -EBADMSG,
            "twice");
    refused("{" T("a", "U8", "[1]", "[0,1]") "," T("\\u0061", "U8", "[1]", "[0,1]") "}", 1,
            -EBADMSG, "twice");
    refused("{" T("a\\u0000b", "U8", "[1]", "[0,1]") "}", 1, -EBADMSG, "NUL");
    refused("{" T("\xc0\x80", "U8", "[1]", "[0,1]") "}", 1, -EBADMSG, "UTF-8");
    refused("{\"__metadata__\":[]}", 0, -EBADMSG, "__metadata__");
    refused("{\"__metadata__\":{\"a\":1}}", 0, -EBADMSG, "__metadata__");
    refused("{\"__metadata__\":{\"a\":null}}", 0, -EBADMSG, "__metadata__");
}

static void refuses_long_names(void **state)
{
    (void)state;
    for (size_t length = 1024; length <= 1025; length++) {
        char text[1200];
        (void)snprintf(text, sizeof(text), "{\"%0*d\":{\"dtype\":\"U8\",\"shape\":[1],%s}",
                       (int)length, 0, "\"data_offsets\":[0,1]}");
        if (length == 1024)
            accepted(text, 1, 1);
        else
            refused(text, 1, -E2BIG, "longer than 1024");
    }
}

static void refuses_bad_headers(void **state)
{
    (void)state;
    refused("", 0, -EBADMSG, "'{'");
    refused(" {}", 0, -EBADMSG, "'{'");
    refused("[]", 0, -EBADMSG, "'{'");
    refused("{", 0, -EBADMSG, "ends early");
    refused("{}x", 0, -EBADMSG, "after the JSON value");
    refused("{'a':1}", 0, -EBADMSG, "double quote");
    refused("{/*:*/}", 0, -EBADMSG, "double quote");
}

static int parse_length(uint64_t length, size_t prefix_size, uint64_t file_size)
{
    uint8_t bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    struct bfs_tensor_map map;
    memcpy(bytes, &length, sizeof(length));
    int r = parse_copy(bfs_safetensors_parse, bytes, prefix_size, file_size, &map, NULL);
    if (r == 0)
        bfs_tensor_map_done(&map);
    return r;
}

static void judges_the_length_before_more_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse_length(2, 10, 10), 0);
    assert_int_equal(parse_length(2, 0, 0), -EBADMSG);
    assert_int_equal(parse_length(2, 7, 7), -EBADMSG);
    assert_int_equal(parse_length(2, 7, 10), -ENODATA);
    assert_int_equal(parse_length(2, 9, 10), -ENODATA);
    assert_int_equal(parse_length(3, 10, 10), -EBADMSG);
    assert_int_equal(parse_length(3, 10, 11), -ENODATA);
    assert_int_equal(parse_length(100000000, 10, 100000008), -ENODATA);
    assert_int_equal(parse_length(100000000, 10, 100000007), -EBADMSG);
    assert_int_equal(parse_length(100000001, 10, UINT64_MAX), -E2BIG);
    assert_int_equal(parse_length(UINT64_MAX, 10, UINT64_MAX), -E2BIG);
}

static void survives_every_bit_flip(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_safetensors_small(&file);
    struct mutants mutants = flip_every_bit(bfs_safetensors_parse, file.bytes, file.size);
    /* Data bits are not the parser's, 54 bytes of them; most header bits are. */
    assert_true(mutants.n_accepted >= (size_t)54 * 8);
    assert_true(mutants.n_refused > mutants.n_accepted);
}

static void survives_every_truncation(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer file = BFS_BUFFER_INIT;
    test_safetensors_small(&file);
    uint64_t length;
    memcpy(&length, file.bytes, sizeof(length));
    cut_everywhere(bfs_safetensors_parse, file.bytes, file.size, 8 + length);
    for (size_t cut = 0; cut < file.size; cut++) {
        struct bfs_tensor_map map;
        assert_int_equal(parse_copy(bfs_safetensors_parse, file.bytes, cut, cut, &map, NULL),
                         -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_every_tensor),
        cmocka_unit_test(sorts_by_offset),
        cmocka_unit_test(accepts_what_readers_accept),
        cmocka_unit_test(reads_escapes),
        cmocka_unit_test(refuses_bad_places),
        cmocka_unit_test(refuses_what_an_index_cannot_hold),
        cmocka_unit_test(refuses_bad_shapes),
        cmocka_unit_test(refuses_bad_entries),
        cmocka_unit_test(refuses_long_names),
        cmocka_unit_test(refuses_bad_headers),
        cmocka_unit_test(judges_the_length_before_more_is_read),
        cmocka_unit_test(survives_every_bit_flip),
        cmocka_unit_test(survives_every_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

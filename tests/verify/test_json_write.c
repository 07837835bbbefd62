/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <json-c/json_tokener.h>
#include <string.h>

/* Stores, statements and audit logs were once printed by json-c, and digests cover their bytes. */
static void prints_what_json_c_prints(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"a\":{},\"b\":[[],{}],\"c\":[1,-2,0,9007199254740991,true,false,null]}",
        "[0.1,1.50,1e5,-0.0,2E+3]",
        "{\"\\u0001\\b\\f\\n\\r\\t\\u001f\\\"\\\\/\":\"\\u007f\xc3\xa9\\ud83d\\ude00\"}",
        "[{\"x\":{\"y\":{\"z\":[[[\"deep\"]]]}}},\"\"]",
        "\"alone\"",
        "3",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        for (int pretty = 0; pretty < 2; pretty++) {
            bfs_autojson struct json_object *root = NULL;
            bfs_autobuffer struct bfs_buffer out = BFS_BUFFER_INIT;
            int flags =
                pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN;
            root = json_tokener_parse(texts[i]);
            assert_non_null(root);
            if (pretty)
                bfs_json_write(root, &out);
            else
                bfs_json_write_line(root, &out);
            bfs_buffer_put_u8(&out, 0);
            assert_int_equal(bfs_buffer_status(&out), 0);
            ((char *)out.bytes)[out.size - 2] = '\0'; /* the final newline is ours */
            assert_string_equal((char *)out.bytes, json_object_to_json_string_ext(
                                                       root, flags | JSON_C_TO_STRING_NOSLASHESCAPE));
        }
}

static void refuses_what_could_not_be_built(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer out = BFS_BUFFER_INIT;
    bfs_json_write(NULL, &out);
    assert_int_equal(bfs_buffer_status(&out), -ENOMEM);
    assert_int_equal(out.size, 0);
}

/* Each pair differs in one thing, which must not pass for the other. */
static void proves_what_was_printed(void **state)
{
    (void)state;
    static const char tree[] = "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"],\"b\":{\"c\":{}}}";
    static const char *const others[] = {
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"],\"b\":{\"c\":[]}}",
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"],\"b\":{}}",
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"],\"b\":{\"d\":{}}}",
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"]}",
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"],\"b\":{\"c\":{}},\"e\":1}",
        "{\"b\":{\"c\":{}},\"a\":[1,-2,1.5,true,null,\"x\\u0001\"]}",
        "{\"a\":[1,-2,1.5,true,null],\"b\":{\"c\":{}}}",
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\",0],\"b\":{\"c\":{}}}",
        "{\"a\":[1,-2,1.5,true,null,\"x\"],\"b\":{\"c\":{}}}",
        "{\"a\":[1,-2,1.5,true,0,\"x\\u0001\"],\"b\":{\"c\":{}}}",
        "{\"a\":[1,-2,1.5,false,null,\"x\\u0001\"],\"b\":{\"c\":{}}}",
        "{\"a\":[1,-2,1.25,true,null,\"x\\u0001\"],\"b\":{\"c\":{}}}",
        "{\"a\":[1,2,1.5,true,null,\"x\\u0001\"],\"b\":{\"c\":{}}}",
        "{\"a\":[\"1\",-2,1.5,true,null,\"x\\u0001\"],\"b\":{\"c\":{}}}",
        "{\"a\":[1,-2,1.5,true,null,\"x\\u0001\"],\"b\":{\"c\":{}}",
        "",
    };
    bfs_autojson struct json_object *root = NULL;
    assert_int_equal(bfs_json_parse(tree, strlen(tree), "tree", &root, NULL), 0);
    assert_int_equal(bfs_json_prove(tree, strlen(tree), root), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(bfs_json_prove(others[i], strlen(others[i]), root), -EINVAL);
}

/* 2^53 is no integer for every reader, and bytes that are no UTF-8 are no text. */
static void publishes_nothing_that_a_reader_refuses(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer out = BFS_BUFFER_INIT;
    int status = 0;
    bfs_autojson struct json_object *big = json_object_new_int64(INT64_C(1) << 53);
    bfs_autojson struct json_object *text = bfs_json_new_string("\xff", &status);
    bfs_autojson struct json_object *fine = bfs_json_new_string("a", &status);
    assert_int_equal(status, 0);
    assert_int_equal(bfs_json_publish(big, &out), -EINVAL);
    assert_int_equal(bfs_json_publish(text, &out), -EINVAL);
    assert_int_equal(bfs_json_publish_line(fine, &out), 0);
    out.size = 0;
    assert_int_equal(bfs_json_publish(NULL, &out), -ENOMEM);
}

static void quotes_any_text(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer out = BFS_BUFFER_INIT;
    bfs_json_put_string(&out, "a\0b\n\"", 5);
    static const char want[] = "\"a\\u0000b\\n\\\"\"";
    assert_int_equal(out.size, sizeof(want) - 1);
    assert_memory_equal(out.bytes, want, sizeof(want) - 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_what_json_c_prints),
        cmocka_unit_test(refuses_what_could_not_be_built),
        cmocka_unit_test(proves_what_was_printed),
        cmocka_unit_test(publishes_nothing_that_a_reader_refuses),
        cmocka_unit_test(quotes_any_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

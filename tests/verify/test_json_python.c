/* SPDX-License-Identifier: Apache-2.0
 * What Python's json module writes into the files of models is read, and what it refuses is not. */
#include "verify/json_value.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static int open_python(const char *text, struct bfs_json_value *ret)
{
    return bfs_json_value_open_python(text, strlen(text), "it", ret, NULL);
}

static void reads_what_python_writes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"time_step_limit\": [0.0, Infinity]}",
        "[NaN, Infinity, -Infinity]",
        "NaN",
        "-Infinity",
        "{\"a\": 1, \"a\": 2}",
        "[123456789012345678901234567890, -9007199254740993, 1e400]",
        "[\"\\ud800\", \"\\udc00\\ud800x\", \"\\u0000\"]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bfs_json_value value;
        assert_int_equal(open_python(texts[i], &value), 0);
        assert_int_equal(value.size, strlen(texts[i]));
        assert_int_equal(bfs_json_value_open(texts[i], strlen(texts[i]), "it", &value, NULL),
                         -EBADMSG);
    }
}

static void refuses_what_python_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "nan",         "-NaN",    "+Infinity", "Inf",       "Infinit",   "--Infinity",
        "Infinity1", "[Infinity 1]", "{'a':1}", "[1,]",      "{\"a\":1,}", "01",        "1.",
        ".5",       "0x10",        "True",    "undefined", "\"\\x41\"",  "\"\t\"",    "\"\xff\"",
        "{a: 1}",   "[NaN",        "// x\n1", "\"\\u12\"", "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bfs_json_value value;
        assert_int_equal(open_python(texts[i], &value), -EBADMSG);
    }
}

static void passes_over_what_has_no_type_of_ours(void **state)
{
    (void)state;
    struct bfs_json_value root, list, item;
    struct bfs_json_elements elements = {0};
    assert_int_equal(open_python("{\"list\": [NaN, -Infinity, 9007199254740992, \"a\\u0000b\", 7], "
                                 "\"next\": \"here\"}",
                                 &root),
                     0);
    list = bfs_json_value_member(root, "list", BFS_JSON_ARRAY);
    assert_int_equal(bfs_json_value_count(list), 5);
    for (int i = 0; bfs_json_value_next(list, &elements, &item); i++)
        for (int type = BFS_JSON_OBJECT; type <= BFS_JSON_BOOLEAN; type++)
            assert_int_equal(bfs_json_value_has_type(item, (enum bfs_json_type)type),
                             i == 4 && type == BFS_JSON_INTEGER);
    assert_true(
        bfs_json_value_is(bfs_json_value_member(root, "next", BFS_JSON_STRING), "here"));
}

static void the_last_of_equal_keys_counts(void **state)
{
    (void)state;
    static const struct bfs_json_field fields[] = {{"a", BFS_JSON_INTEGER, true}, {0}};
    struct bfs_json_value root, member;
    assert_int_equal(open_python("{\"a\": 1, \"\\u0061\": 2, \"b\": [], \"a\": 3}", &root), 0);
    assert_int_equal(bfs_json_value_integer(bfs_json_value_member(root, "a", BFS_JSON_INTEGER)), 3);
    assert_int_equal(bfs_json_value_fields(root, fields, true, "it", &member, NULL), 0);
    assert_int_equal(bfs_json_value_integer(member), 3);
}

static void half_a_pair_is_no_character(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n"},
        {"\"\\ud83dabcdef\"", "\xef\xbf\xbd"
                              "abcdef"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bfs_json_value value;
        char text[32];
        assert_int_equal(open_python(cases[i].text, &value), 0);
        assert_int_equal(bfs_json_value_text(value, text, sizeof(text)), 0);
        assert_string_equal(text, cases[i].says);
        assert_true(bfs_json_value_is(value, cases[i].says));
    }
}

static void a_nul_ends_no_comparison(void **state)
{
    (void)state;
    struct bfs_json_value value;
    assert_int_equal(open_python("\"a\\u0000b\"", &value), 0);
    assert_false(bfs_json_value_is(value, "a"));
    assert_false(bfs_json_value_is(value, ""));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_python_writes),
        cmocka_unit_test(refuses_what_python_refuses),
        cmocka_unit_test(passes_over_what_has_no_type_of_ours),
        cmocka_unit_test(the_last_of_equal_keys_counts),
        cmocka_unit_test(half_a_pair_is_no_character),
        cmocka_unit_test(a_nul_ends_no_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

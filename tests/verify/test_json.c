/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json.h"

#include "verify/utf8.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void refused_bytes(const char *text, size_t size, int code, const char *why)
{
    struct json_object *root = NULL;
    struct bfs_error error = {0};
    /* The exact size on the heap, so that a sanitizer sees every read beyond it. */
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    int r = bfs_json_parse(copy, size, "it", &root, &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("%.*s gave %d: %s", (int)size, text, r, error.what);
    assert_null(root);
    assert_int_equal(bfs_json_parse(copy, size, "it", &root, NULL), code);
    free(copy);
}

static void refused(const char *text, const char *why)
{
    refused_bytes(text, strlen(text), -EBADMSG, why);
}

static struct json_object *parsed(const char *text)
{
    struct json_object *root = NULL;
    struct bfs_error error = {0};
    if (bfs_json_parse(text, strlen(text), "it", &root, &error) != 0)
        fail_msg("%s: %s", text, error.what);
    return root;
}

static void accepts_rfc_8259(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        " \t\r\n{ } \n",
        "[1,-1,0,-0,1.5,1e5,1E-5,-0.5e+5]",
        "true",
        "\"a\"",
        "7",
        "-9007199254740991",
        "[9007199254740991,-9007199254740991]",
        "[1e400]",
        "[\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\xc3\xa9\xf0\x9f\x98\x80\"]",
        "[\"\x7f\"]",
        "{\"\":{\"\":[]}}",
        "{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}]}",
        "{\"a:b\":\":\",\"\\\"\":\"{:\\\\\"}",
        "[true,false,null]",
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        bfs_autojson struct json_object *root = parsed(texts[i]);
        assert_non_null(root);
    }
    assert_null(parsed("null"));
}

/* What json-c lets pass in its strict mode; each was seen to. */
static void refuses_what_json_c_accepts(void **state)
{
    (void)state;
    refused("{'a':1}", "double quote");
    refused("{'a\"':1,'a\"':2}", "double quote");
    refused("[NaN]", "value is missing");
    refused("[Infinity]", "value is missing");
    refused("[-Infinity]", "digit is missing");
    refused("[\"a\nb\"]", "control character");
    refused("[\"a\tb\"]", "control character");
    refused("[-01]", "leading zero");
    refused("[1.]", "digit is missing");
    refused("[99999999999999999999]", "2^53-1");
    refused("[-99999999999999999999]", "2^53-1");
    refused("[\"\\ud800\"]", "surrogate");
    refused("[\"\\udc00\"]", "surrogate");
    refused("[\"\\ud800\\u0041\"]", "surrogate");
    refused("[\"\\ud800x\"]", "surrogate");
    refused("{\"a\\u0000b\":1}", "NUL");
    refused("[\"\\u0000\"]", "NUL");
    refused("[\"\xc0\x80\"]", "UTF-8");
    refused("[\"\xed\xa0\x80\"]", "UTF-8");
}

static void refuses_comments(void **state)
{
    (void)state;
    refused("{/*:*/\"a\":1}", "double quote");
    refused("/**/{}", "value is missing");
    refused("{}/**/", "after the JSON value");
    refused("[1/*:*/,2]", "comma");
    refused("{\"a\"/*:*/:1}", "colon");
    refused("{\"a\":1//:\n}", "comma");
    refused("[1,#\n2]", "value is missing");
}

static void refuses_bad_grammar(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[1,]",      "{\"a\":1,}",    "[,1]",          "{,}",    "[1 2]",     "{\"a\" 1}",
        "{\"a\":}",  "{1:2}",         "{\"a\"}",       "[1}",    "{\"a\":1]", "]",
        "}",         "[+1]",          "[.5]",          "[01]",   "[00]",      "[1e]",
        "[1e+]",     "[0x1]",         "[tRue]",        "[truE]", "[nul]",     "[nan]",
        "[\"\\x\"]", "[\"\\u12g4\"]", "[\"\\U0041\"]", "['a']",  "[1\v]",     "\xef\xbb\xbf{}",
        "[1],",      "[truefalse]",   "[\"a\"\"b\"]",  "[--1]",
    };
    for (size_t i = 0; i < LENGTH(texts); i++)
        refused(texts[i], "it: ");
}

static void refuses_trailing_and_nul_bytes(void **state)
{
    (void)state;
    refused("{}x", "after the JSON value");
    refused("{}{}", "after the JSON value");
    refused("1 1", "after the JSON value");
    refused_bytes("{}\0", 3, -EBADMSG, "after the JSON value");
    refused_bytes("{\"a\0b\":1}", 9, -EBADMSG, "control character");
    refused_bytes("[1,\0 2]", 7, -EBADMSG, "value is missing");
    refused_bytes("\0", 1, -EBADMSG, "value is missing");
    refused_bytes("\"a\\\0\"", 5, -EBADMSG, "escape");
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\n\xc3\xa9\"],\"b\":{\"c\":0}}";
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++)
        refused_bytes(text, cut, -EBADMSG, "it: ");
    bfs_autojson struct json_object *root = parsed(text);
    assert_non_null(root);
}

static void refuses_duplicate_keys(void **state)
{
    (void)state;
    refused("{\"a\":1,\"a\":1}", "twice");
    refused("{\"a\":1,\"b\":2,\"a\":null}", "twice");
    refused("{\"a\":1,\"\\u0061\":2}", "twice");
    refused("{\"\\u00e9\":1,\"\xc3\xa9\":2}", "twice");
    refused("{\"/\":1,\"\\/\":2}", "twice");
    refused("[[{\"x\":{\"a\":1,\"a\":2}}]]", "twice");
    refused("{\"\":1,\"\":2}", "twice");
    /* The lost member must not be hidden by members within it. */
    refused("{\"a\":{\"b\":1,\"c\":2},\"a\":{\"d\":1}}", "twice");
    refused("{\"a\":\":\",\"a\":\":\"}", "twice");
}

static void limits_depth(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++)
        for (size_t depth = 1; depth <= 40; depth++) {
            bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
            for (size_t i = 0; i < depth; i++)
                bfs_buffer_put_text(&text, kind ? "{\"a\":" : "[");
            bfs_buffer_put_text(&text, "1");
            for (size_t i = 0; i < depth; i++)
                bfs_buffer_put_text(&text, kind ? "}" : "]");
            if (depth > BFS_JSON_DEPTH_MAX) {
                refused_bytes((char *)text.bytes, text.size, -E2BIG, "deeper than 32");
                continue;
            }
            bfs_buffer_put_u8(&text, 0);
            bfs_autojson struct json_object *root = parsed((char *)text.bytes);
            assert_non_null(root);
        }
    struct json_object *root = NULL;
    assert_int_equal(bfs_json_parse("", (size_t)INT32_MAX + 1, "it", &root, NULL), -E2BIG);
}

static void limits_integers(void **state)
{
    (void)state;
    refused("[9007199254740992]", "2^53-1");
    refused("[-9007199254740992]", "2^53-1");
    refused("[18446744073709551617]", "2^53-1");
    refused("[340282366920938463463374607431768211457]", "2^53-1");
    bfs_autojson struct json_object *root = parsed("{\"n\":9007199254740991}");
    assert_int_equal(bfs_json_integer(root, "n"), BFS_JSON_INTEGER_MAX);
}

static const struct bfs_json_field fields[] = {
    {"object", BFS_JSON_OBJECT, false},
    {"array", BFS_JSON_ARRAY, false},
    {"string", BFS_JSON_STRING, false},
    {"integer", BFS_JSON_INTEGER, false},
    {"boolean", BFS_JSON_BOOLEAN, false},
    {"needed", BFS_JSON_STRING, true},
    {NULL, 0, false},
};

static void check(const char *text, bool open, int code, const char *why)
{
    bfs_autojson struct json_object *root = parsed(text);
    struct bfs_error error = {0};
    int r = bfs_json_check(root, fields, open, "it", &error);
    if (r != code || error.code != code || !strstr(error.what, why))
        fail_msg("%s gave %d: %s", text, r, error.what);
    assert_int_equal(bfs_json_check(root, fields, open, "it", NULL), code);
}

static void checks_members(void **state)
{
    (void)state;
    check("{\"needed\":\"\"}", false, 0, "");
    check("{\"needed\":\"x\",\"object\":{},\"array\":[],\"string\":\"\",\"integer\":0,"
          "\"boolean\":false}",
          false, 0, "");
    check("{}", false, -EBADMSG, "\"needed\" is missing");
    check("{\"needed\":null}", false, -EBADMSG, "wrong type");
    check("{\"needed\":\"x\",\"other\":1}", false, -EBADMSG, "unknown field \"other\"");
    check("{\"needed\":\"x\",\"other\":1}", true, 0, "");
    check("[]", false, -EBADMSG, "not a JSON object");
    check("null", true, -EBADMSG, "not a JSON object");
    static const char *const names[] = {"object", "array", "string", "integer", "boolean"};
    static const char *const values[] = {"{}", "[]", "\"x\"", "1", "true", "null", "1.0", "-1"};
    for (size_t i = 0; i < LENGTH(names); i++)
        for (size_t j = 0; j < LENGTH(values); j++) {
            bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
            bfs_buffer_printf(&text, "{\"needed\":\"x\",\"%s\":%s}%c", names[i], values[j], 0);
            check((char *)text.bytes, true, i == j ? 0 : -EBADMSG, i == j ? "" : "wrong type");
        }
}

static void reads_members(void **state)
{
    (void)state;
    bfs_autojson struct json_object *root = parsed("{\"s\":\"x\",\"n\":7,\"o\":{}}");
    assert_string_equal(bfs_json_string(root, "s"), "x");
    assert_null(bfs_json_string(root, "absent"));
    assert_int_equal(bfs_json_integer(root, "n"), 7);
    assert_int_equal(bfs_json_integer(root, "absent"), 0);
    assert_non_null(bfs_json_member(root, "o"));
    assert_null(bfs_json_member(root, "absent"));
}

static struct json_object *build(int *status)
{
    struct json_object *root = bfs_json_new_object(status);
    struct json_object *list = bfs_json_new_array(status);
    struct json_object *inner = bfs_json_new_object(status);
    bfs_json_add_string(root, "z", "a/b \"\xc3\xa9\"\n", status);
    bfs_json_add_integer(root, "a", BFS_JSON_INTEGER_MAX, status);
    bfs_json_add_boolean(root, "m", true, status);
    bfs_json_append(list, bfs_json_new_string("x", status), status);
    bfs_json_add_boolean(inner, "no", false, status);
    bfs_json_append(list, inner, status);
    bfs_json_add(root, "list", list, status);
    return root;
}

/* Digests and signatures cover these bytes: they never change. */
static void writes_the_same_bytes_for_ever(void **state)
{
    (void)state;
    int status = 0;
    bfs_autojson struct json_object *root = build(&status);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    assert_int_equal(status, 0);
    bfs_json_write(root, &text);
    static const char golden[] = "{\n"
                                 "  \"z\": \"a/b \\\"\xc3\xa9\\\"\\n\",\n"
                                 "  \"a\": 9007199254740991,\n"
                                 "  \"m\": true,\n"
                                 "  \"list\": [\n"
                                 "    \"x\",\n"
                                 "    {\n"
                                 "      \"no\": false\n"
                                 "    }\n"
                                 "  ]\n"
                                 "}\n";
    assert_int_equal(bfs_buffer_status(&text), 0);
    assert_int_equal(text.size, sizeof(golden) - 1);
    assert_memory_equal(text.bytes, golden, sizeof(golden) - 1);

    bfs_autojson struct json_object *again = NULL;
    bfs_autobuffer struct bfs_buffer second = BFS_BUFFER_INIT;
    assert_int_equal(bfs_json_parse(text.bytes, text.size, "it", &again, NULL), 0);
    bfs_json_write(again, &second);
    assert_int_equal(second.size, text.size);
    assert_memory_equal(second.bytes, text.bytes, text.size);

    static const char line[] =
        "{\"z\":\"a/b \\\"\xc3\xa9\\\"\\n\",\"a\":9007199254740991,\"m\":true,"
        "\"list\":[\"x\",{\"no\":false}]}\n";
    bfs_buffer_done(&text);
    bfs_json_write_line(root, &text);
    assert_int_equal(text.size, sizeof(line) - 1);
    assert_memory_equal(text.bytes, line, sizeof(line) - 1);
}

static void builders_remember_a_failure(void **state)
{
    (void)state;
    int status = 0;
    bfs_json_add(NULL, "a", bfs_json_new_string("x", &status), &status);
    assert_int_equal(status, -ENOMEM);
    status = 0;
    bfs_autojson struct json_object *list = bfs_json_new_array(&status);
    bfs_json_append(list, NULL, &status);
    assert_int_equal(status, -ENOMEM);
}

static void judges_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool valid;
    } cases[] = {
        {"", 0, true},
        {"a\0b", 3, false},
        {"\x7f", 1, true},
        {"\xc2\x80", 2, true},
        {"\xdf\xbf", 2, true},
        {"\xe0\xa0\x80", 3, true},
        {"\xed\x9f\xbf", 3, true},
        {"\xee\x80\x80", 3, true},
        {"\xef\xbf\xbf", 3, true},
        {"\xf0\x90\x80\x80", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\x80", 1, false},
        {"\xbf", 1, false},
        {"\xc0\x80", 2, false},
        {"\xc1\xbf", 2, false},
        {"\xc2", 1, false},
        {"\xc2 ", 2, false},
        {"\xe0\x9f\xbf", 3, false},
        {"\xe1\x80", 2, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf0\x8f\xbf\xbf", 4, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false},
        {"a\xe2\x82", 3, false},
        {"\xf1\x80\x80", 3, false},
        {"\xf1\x80\x80\xc0", 4, false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(bfs_utf8_is_valid(cases[i].bytes, cases[i].size), cases[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_rfc_8259),
        cmocka_unit_test(refuses_what_json_c_accepts),
        cmocka_unit_test(refuses_comments),
        cmocka_unit_test(refuses_bad_grammar),
        cmocka_unit_test(refuses_trailing_and_nul_bytes),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_duplicate_keys),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(limits_integers),
        cmocka_unit_test(checks_members),
        cmocka_unit_test(reads_members),
        cmocka_unit_test(writes_the_same_bytes_for_ever),
        cmocka_unit_test(builders_remember_a_failure),
        cmocka_unit_test(judges_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

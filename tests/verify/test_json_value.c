/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json_value.h"

#include "verify/json.h"
#include "verify/json_keys.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bfs_json_value opened(const char *text)
{
    struct bfs_json_value value = {0};
    struct bfs_error error = {0};
    if (bfs_json_value_open(text, strlen(text), "it", &value, &error))
        fail_msg("%s: %s", text, error.what);
    return value;
}

static const struct bfs_json_field fields[] = {
    {"text", BFS_JSON_STRING, true},   {"number", BFS_JSON_INTEGER, false},
    {"list", BFS_JSON_ARRAY, false},   {"flag", BFS_JSON_BOOLEAN, false},
    {"inner", BFS_JSON_OBJECT, false}, {0},
};
enum { TEXT, NUMBER, LIST, FLAG, INNER, N };

static void takes_what_is_there(void **state)
{
    struct bfs_json_value values[N], element;
    struct bfs_json_elements elements = {0};
    char text[16];
    (void)state;
    struct bfs_json_value root =
        opened(" { \"inner\" : {\"}\" : \"]}\\\"\"} , \"list\":[ 1,\n[2 , {}],\"\\\\\" ],"
               "\"number\":9007199254740991,\"text\":\"a\\u00e9\\n\"} ");
    assert_int_equal(bfs_json_value_fields(root, fields, false, "it", values, NULL), 0);
    assert_int_equal(bfs_json_value_text(values[TEXT], text, sizeof(text)), 0);
    assert_string_equal(text, "a\xc3\xa9\n");
    assert_int_equal(bfs_json_value_integer(values[NUMBER]), BFS_JSON_INTEGER_MAX);
    assert_null(values[FLAG].text);
    assert_int_equal(bfs_json_value_count(values[LIST]), 3);
    assert_true(bfs_json_value_next(values[LIST], &elements, &element));
    assert_int_equal(bfs_json_value_integer(element), 1);
    assert_true(bfs_json_value_next(values[LIST], &elements, &element));
    assert_int_equal(bfs_json_value_count(element), 2);
    assert_true(bfs_json_value_next(values[LIST], &elements, &element));
    assert_true(bfs_json_value_is(element, "\\"));
    assert_false(bfs_json_value_next(values[LIST], &elements, &element));
    assert_true(
        bfs_json_value_is(bfs_json_value_member(values[INNER], "}", BFS_JSON_STRING), "]}\""));
    assert_null(bfs_json_value_member(values[INNER], "}", BFS_JSON_ARRAY).text);
    assert_null(bfs_json_value_member(values[INNER], "]", BFS_JSON_STRING).text);
    assert_null(bfs_json_value_member(values[LIST], "text", BFS_JSON_STRING).text);
    assert_null(bfs_json_value_member(values[FLAG], "text", BFS_JSON_STRING).text);
    assert_int_equal(bfs_json_value_count(values[FLAG]), 0);
    assert_int_equal(bfs_json_value_integer(values[FLAG]), 0);
    assert_false(bfs_json_value_is(values[FLAG], ""));
    assert_int_equal(bfs_json_value_text(values[FLAG], text, sizeof(text)), 0);
    assert_string_equal(text, "");
    assert_int_equal(bfs_json_value_count(opened("[]")), 0);
    assert_int_equal(bfs_json_value_count(opened(" [ ] ")), 0);
}

static void names_may_be_escaped(void **state)
{
    struct bfs_json_value values[N];
    (void)state;
    struct bfs_json_value root =
        opened("{\"te\\u0078t\":\"\\ud83d\\ude00\\/\\\"\\\\\\b\\f\\r\\t\\u20ac\"}");
    assert_int_equal(bfs_json_value_fields(root, fields, false, "it", values, NULL), 0);
    assert_true(bfs_json_value_is(values[TEXT], "\xf0\x9f\x98\x80/\"\\\b\f\r\t\xe2\x82\xac"));
    assert_false(bfs_json_value_is(values[TEXT], "\xf0\x9f\x98\x80/\"\\\b\f\r\t\xe2\x82"));
    assert_false(bfs_json_value_is(values[TEXT], "\xf0\x9f\x98\x80/\"\\\b\f\r\t\xe2\x82\xac."));
    char text[8];
    assert_int_equal(bfs_json_value_text(values[TEXT], text, 6), -E2BIG);
    assert_string_equal(text, "\xf0\x9f\x98\x80/");
    values[TEXT] = opened("\"1234567\"");
    assert_int_equal(bfs_json_value_text(values[TEXT], text, 8), 0);
    assert_string_equal(text, "1234567");
    assert_int_equal(bfs_json_value_text(values[TEXT], text, 7), -E2BIG);
    assert_string_equal(text, "123456");
}

static void refused(const char *text, bool open, const char *why)
{
    struct bfs_json_value values[N] = {{.text = "x", .size = 1}};
    struct bfs_error error = {0};
    assert_int_equal(bfs_json_value_fields(opened(text), fields, open, "it", values, &error),
                     -EBADMSG);
    if (!strstr(error.what, why))
        fail_msg("%s: %s", text, error.what);
    assert_string_equal(values[0].text, "x");
    /* json-c's tree is judged alike. */
    struct json_object *tree = NULL;
    struct bfs_error other = {0};
    assert_int_equal(bfs_json_parse(text, strlen(text), "it", &tree, NULL), 0);
    assert_int_equal(bfs_json_check(tree, fields, open, "it", &other), -EBADMSG);
    assert_string_equal(other.what, error.what);
    assert_string_equal(other.expected, error.expected);
    assert_string_equal(other.found, error.found);
    (void)json_object_put(tree);
}

static void refuses_as_the_tree_does(void **state)
{
    (void)state;
    refused("7", false, "not a JSON object");
    refused("[]", false, "not a JSON object");
    refused("{}", false, "\"text\" is missing");
    refused("{\"other\": 1}", true, "\"text\" is missing");
    refused("{\"text\": \"\", \"oth\\u0065r\": 1}", false, "unknown field \"other\"");
    refused("{\"text\": 1}", false, "wrong type");
    refused("{\"text\": null}", false, "wrong type");
    refused("{\"text\": \"\", \"flag\": 0}", true, "wrong type");
    refused("{\"text\": \"\", \"list\": {}}", true, "wrong type");
    refused("{\"text\": \"\", \"inner\": []}", true, "wrong type");
    static const char *const numbers[] = {"-1", "1.5", "1e2", "1E2", "0.0", "\"1\"", "true"};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"text\": \"\", \"number\": %s}", numbers[i]);
        refused(text, false, "wrong type");
    }
    struct bfs_json_value values[N];
    assert_int_equal(bfs_json_value_fields(opened("{\"text\":\"\",\"number\":-0,\"x\":{}}"), fields,
                                           true, "it", values, NULL),
                     0);
    assert_int_equal(bfs_json_value_integer(values[NUMBER]), 0);
}

static void walks_over_members(void **state)
{
    static const char *const names[] = {"a", "\"]}", "", "n"};
    static const char *const words[] = {"int", "array", "object", "null"};
    struct bfs_json_members members = {0};
    struct bfs_json_elements elements = {0};
    struct bfs_json_value name, value;
    size_t n = 0;
    (void)state;
    struct bfs_json_value root =
        opened(" { \"\\u0061\" : -7 , \"\\\"]}\":[{\"b\":1}],\"\":{\"a\":[]} ,\"n\":null } ");
    while (bfs_json_value_next_member(root, &members, &name, &value)) {
        assert_true(bfs_json_value_is(name, names[n]));
        assert_string_equal(bfs_json_value_word(value), words[n]);
        n++;
    }
    assert_int_equal(n, 4);
    assert_int_equal(bfs_json_value_count_members(root), 4);
    assert_int_equal(bfs_json_value_count_members(opened("{ }")), 0);
    assert_int_equal(bfs_json_value_count_members(opened("[1]")), 0);
    assert_int_equal(bfs_json_value_count(opened("{\"a\":1}")), 0);
    assert_false(bfs_json_value_next(root, &elements, &value));
    assert_int_equal(bfs_json_value_any_member(root, "a").size, 2);
    assert_true(bfs_json_value_is_null(bfs_json_value_any_member(root, "n")));
    assert_null(bfs_json_value_any_member(root, "b").text);
    assert_null(bfs_json_value_any_member(opened("[]"), "b").text);
    value = (struct bfs_json_value){0};
    assert_false(bfs_json_value_is_null(value));
    assert_string_equal(bfs_json_value_word(value), "");
    for (int type = BFS_JSON_OBJECT; type <= BFS_JSON_BOOLEAN; type++)
        assert_false(bfs_json_value_has_type(value, (enum bfs_json_type)type));
}

static void numbers_are_what_they_say(void **state)
{
    static const struct {
        const char *text;
        double number;
        int64_t integer;
        bool is_integer;
    } rows[] = {
        {"0", 0, 0, true},
        {"-0", 0, 0, true},
        {"-12", -12, -12, true},
        {"9007199254740991", 9007199254740991.0, INT64_C(9007199254740991), true},
        {"-9007199254740991", -9007199254740991.0, -INT64_C(9007199254740991), true},
        {"1.5", 1.5, 0, false},
        {"-2E3", -2000, 0, false},
        {"0.0000000000000000000000000000000000000000000000000000000000000000000000000025e75", 2.5,
         0, false},
    };
    double number = 0;
    int64_t integer = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bfs_json_value value = opened(rows[i].text);
        assert_int_equal(bfs_json_value_double(value, &number), 0);
        assert_true(number == rows[i].number);
        assert_int_equal(bfs_json_value_signed(value, &integer), rows[i].is_integer ? 0 : -EBADMSG);
        if (rows[i].is_integer)
            assert_int_equal(integer, rows[i].integer);
    }
    assert_int_equal(bfs_json_value_double(opened("1e999"), &number), 0);
    assert_true(number > 1e308);
    static const char *const others[] = {"true", "null", "\"1\"", "[1]", "{}"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(bfs_json_value_double(opened(others[i]), &number), -EBADMSG);
        assert_int_equal(bfs_json_value_signed(opened(others[i]), &integer), -EBADMSG);
    }
    assert_int_equal(bfs_json_value_double((struct bfs_json_value){0}, &number), -EBADMSG);
    assert_int_equal(bfs_json_value_signed((struct bfs_json_value){0}, &integer), -EBADMSG);
    assert_true(bfs_json_value_is_true(opened("true")));
    assert_false(bfs_json_value_is_true(opened("false")));
    assert_false(bfs_json_value_is_true((struct bfs_json_value){0}));
}

static void strings_can_be_kept(void **state)
{
    static const char text[] = "[\"a\\u00e9\\n\",\"\",\"plain\",\"\\ud83d\\ude00\"]";
    static const char *const want[] = {"a\xc3\xa9\n", "", "plain", "\xf0\x9f\x98\x80"};
    struct bfs_json_elements elements = {0};
    struct bfs_json_value root = opened(text), value;
    struct bfs_json_strings strings;
    const char *kept[4];
    size_t n = 0;
    (void)state;
    assert_int_equal(bfs_json_strings_init(&strings, sizeof(text) - 1), 0);
    while (bfs_json_value_next(root, &elements, &value)) {
        kept[n] = bfs_json_strings_take(&strings, value);
        assert_int_equal(bfs_json_value_length(value), strlen(want[n]));
        bfs_autofree char *copy = bfs_json_value_copy(value);
        assert_string_equal(copy, want[n++]);
    }
    for (size_t i = 0; i < n; i++)
        assert_string_equal(kept[i], want[i]);
    assert_int_equal(n, 4);
    assert_null(bfs_json_strings_take(&strings, root));
    assert_null(bfs_json_strings_take(&strings, (struct bfs_json_value){0}));
    assert_int_equal(bfs_json_value_length((struct bfs_json_value){0}), 0);
    /* More than the text holds finds no room, and nothing is written beyond. */
    const char *more = kept[0];
    for (size_t i = 0; i < 100 && more; i++)
        more = bfs_json_strings_take(&strings, opened("\"plain\""));
    assert_null(more);
    bfs_json_strings_done(&strings);
    assert_true(bfs_json_value_same(opened("\"\\u0061b\""), opened("\"ab\"")));
    assert_false(bfs_json_value_same(opened("\"a\""), opened("\"ab\"")));
    assert_false(bfs_json_value_same((struct bfs_json_value){0}, (struct bfs_json_value){0}));
    assert_false(bfs_json_value_same(opened("1"), opened("1")));
}

/* An object of n members, one of them named as the first is when `twice`. */
static char *members(size_t n, bool twice)
{
    char *text = malloc(n * 24 + 64), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"outer\": {");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "\"k%zu\": 0,", i);
    (void)sprintf(at, "\"%s\": 0}}", twice ? "\\u006b0" : "other");
    return text;
}

static void a_name_may_not_occur_twice(void **state)
{
    static const size_t counts[] = {1, 5, 11, 12, 13, 31, 32, 33, 64, 65, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int twice = 0; twice < 2; twice++) {
            struct bfs_json_value value;
            struct bfs_error error = {0};
            char *text = members(counts[i], twice);
            int r = bfs_json_value_open(text, strlen(text), "it", &value, &error);
            assert_int_equal(r, twice ? -EBADMSG : 0);
            assert_int_equal(strstr(error.what, "twice") != NULL, twice);
            free(text);
        }
    }
    /* Of one object, not of two. */
    (void)opened("{\"a\":{\"a\":1},\"b\":{\"a\":[{\"a\":1},{\"a\":1}]}}");
    struct bfs_json_value value;
    assert_int_equal(bfs_json_value_open("{\"a\":{\"a\":1},\"\\u0061\":1}", 25, "it", &value, NULL),
                     -EBADMSG);
}

static void keys_compare_by_what_they_say(void **state)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"a", "b", -1},
        {"a", "ab", -1},
        {"b", "ab", 1},
        {"\\u0061", "a", 0},
        {"\\n", "\\u000a", 0},
        {"\\/", "/", 0},
        {"\\u0061b", "a", 1},
        {"\\u00e9", "\xc3\xa9", 0},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80", 0},
        {"\\u007f", "\\u0080", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bfs_json_key a = {rows[i].a, strlen(rows[i].a)}, b = {rows[i].b, strlen(rows[i].b)};
        int order = bfs_json_key_compare(&a, &b), back = bfs_json_key_compare(&b, &a);
        assert_int_equal((order > 0) - (order < 0), rows[i].order);
        assert_int_equal((back > 0) - (back < 0), -rows[i].order);
    }
}

/* Every cut and every flipped bit is either refused by the scan, or read without a step beyond the
 * end, which a sanitizer would see. */
static void damage_stays_inside(void **state)
{
    static const char text[] =
        "{\"text\":\"a\\u00e9\\\\\",\"list\":[1,{\"x\":[]},\"]\"],\"number\":12,\"flag\":true}";
    size_t size = strlen(text), n_read = 0, n_refused = 0;
    (void)state;
    for (size_t bit = 0; bit < size * 8 + size; bit++) {
        size_t length = bit < size * 8 ? size : bit - size * 8;
        char *copy = malloc(length ? length : 1);
        assert_non_null(copy);
        memcpy(copy, text, length);
        if (bit < size * 8)
            copy[bit / 8] ^= (char)(1u << bit % 8);
        struct bfs_json_value root, values[N];
        if (bfs_json_value_open(copy, length, "it", &root, NULL)) {
            n_refused++;
        } else {
            struct bfs_json_elements elements = {0};
            struct bfs_json_value element;
            char word[64];
            n_read++;
            if (bfs_json_value_fields(root, fields, true, "it", values, NULL) == 0) {
                assert_int_equal(bfs_json_value_text(values[TEXT], word, sizeof(word)), 0);
                (void)bfs_json_value_integer(values[NUMBER]);
                while (bfs_json_value_next(values[LIST], &elements, &element))
                    assert_true(element.text + element.size <= copy + length);
            }
        }
        free(copy);
    }
    assert_true(n_read > 0 && n_refused > n_read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_there),
        cmocka_unit_test(names_may_be_escaped),
        cmocka_unit_test(refuses_as_the_tree_does),
        cmocka_unit_test(walks_over_members),
        cmocka_unit_test(numbers_are_what_they_say),
        cmocka_unit_test(strings_can_be_kept),
        cmocka_unit_test(a_name_may_not_occur_twice),
        cmocka_unit_test(keys_compare_by_what_they_say),
        cmocka_unit_test(damage_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

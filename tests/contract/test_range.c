/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/range.h"

#include "verify/contract/decimal.h"
#include "verify/contract/format.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void test_ranges_take_what_they_say(void **state)
{
    static const struct {
        const char *range, *in, *out; /* versions, separated by spaces */
    } cases[] = {
        {"*", "0.0.1 9 1.0.0-rc.1 nightly", ""},
        {"1.2.3", "1.2.3 v1.2.3", "1.2.4 1.2.3-a 2 nightly"},
        {"=1.2", "1.2 1.2.9", "1.1.9 1.3.0 1.2.0-a"},
        {"1", "1.0.0 1.9.9", "0.9.9 2.0.0"},
        {">=1.2.3", "1.2.3 2", "1.2.2"},
        {">1.2.3", "1.2.4", "1.2.3"},
        {">1.2", "1.3.0", "1.2.9"},
        {"<1.2", "1.1.9 0", "1.2.0"},
        {"<=1.2", "1.2.9", "1.3.0"},
        {"<=1.2.3", "1.2.3", "1.2.4"},
        {"^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"},
        {"^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"},
        {"^0.0.3", "0.0.3", "0.0.4"},
        {"^0.0", "0.0.9", "0.1.0"},
        {"^0", "0.9.9", "1.0.0"},
        {"^1", "1.9.9", "2.0.0 0.9.9"},
        {"~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"},
        {"~1.2", "1.2.0 1.2.9", "1.3.0"},
        {"~1", "1.9.9", "2.0.0"},
        {">=1 <2", "1.0.0 1.9.9", "0.9 2.0.0"},
        {"1.0.0 || 3", "1.0.0 3.4.5", "2.0.0"},
        {">=1.0.0-rc.2", "1.0.0-rc.2 1.0.0-rc.10 1.0.0 1.1.0", "1.0.0-rc.1 1.1.0-rc.1"},
        {"999999999", "999999999.1", "1"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char text[256], *rest = text;
        assert_true(bfs_range_is_valid(cases[i].range));
        for (int want = 1; want >= 0; want--) {
            (void)strcpy(text, want ? cases[i].in : cases[i].out);
            rest = text;
            for (char *one; (one = strsep(&rest, " "));)
                if (*one && bfs_range_has(cases[i].range, one) != want)
                    fail_msg("%s has %s: %d", cases[i].range, one, !want);
        }
    }
}

static void test_ranges_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",           " ",          "1 ",      " 1",   "1  2",    "1||2", "1 ||",  "|| 1",
        "1 | 2",      "01",         "1.",      "1.02", "1.2.3.4", "1-a",  "1.2-a", "1.2.3-",
        "1.2.3-a..b", "x",          "1.x",     ">= 1", "==1",     "^",    "**",    "*1",
        "1,2",        "1234567890", "1.2.3+b", "1\n",  "v1",      "^*",
    };
    bfs_autoformats struct bfs_formats formats = {0};
    (void)state;
    for (size_t i = 0; i < LENGTH(wrong); i++) {
        if (bfs_range_is_valid(wrong[i]))
            fail_msg("\"%s\" is taken", wrong[i]);
        assert_false(bfs_range_has(wrong[i], "1.0.0"));
        assert_int_equal(bfs_format_match(&formats, BFS_FORMAT_RANGE, wrong[i]), -EINVAL);
    }
}

/* All short texts over the letters of the grammar: pattern and parser agree. */
static void test_pattern_and_parser_agree(void **state)
{
    static const char letters[] = "01.^>=*- |a";
    enum { N = sizeof(letters) - 1, LONGEST = 5 };
    bfs_autoformats struct bfs_formats formats = {0};
    size_t n_valid = 0, total = 1;
    (void)state;
    for (unsigned length = 1; length <= LONGEST; length++) {
        total *= N;
        for (size_t i = 0; i < total; i++) {
            char text[LONGEST + 1] = "";
            size_t rest = i;
            for (unsigned k = 0; k < length; k++, rest /= N)
                text[k] = letters[rest % N];
            bool valid = bfs_range_is_valid(text);
            n_valid += valid;
            if (valid != (bfs_format_match(&formats, BFS_FORMAT_RANGE, text) == 0))
                fail_msg("\"%s\": %d", text, valid);
        }
    }
    assert_true(n_valid > 100);
}

static void test_versions_have_an_order(void **state)
{
    static const char *const rising[] = {
        "0",         "0.0.1", "0.1",   "1.0.0-alpha", "1.0.0-alpha.1", "1-beta",  "1.0.0-beta.2",
        "1-beta.11", "1.0.0", "1.0.1", "v1.10.0",     "1.11",          "2.0.0-0", "2"};
    struct bfs_semver a, b;
    (void)state;
    for (size_t i = 0; i < LENGTH(rising); i++)
        for (size_t k = 0; k < LENGTH(rising); k++) {
            assert_int_equal(bfs_semver_parse(rising[i], &a), 0);
            assert_int_equal(bfs_semver_parse(rising[k], &b), 0);
            int order = bfs_semver_compare(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    static const char *const wrong[] = {"",   "v",  "vv1",     "1.",  "1.2.3.4", "01",
                                        "1a", "1-", "nightly", "1_2", "1.0.0+"};
    for (size_t i = 0; i < LENGTH(wrong); i++)
        assert_int_equal(bfs_semver_parse(wrong[i], &a), -EINVAL);
    assert_int_equal(bfs_semver_parse("1.2.3+build.5", &a), 0);
}

static void test_decimals_are_exact_and_bounded(void **state)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"1e-3", 1e-3},
                {"0.001", 1e-3},
                {"123.25", 123.25},
                {"-1.5E+2", -150},
                {"999999999999999999", 1e18},
                {"1e99", 1e99}};
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        "01",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "1e+",
                                        "1e100",
                                        "0x1",
                                        "inf",
                                        "nan",
                                        "1 ",
                                        " 1",
                                        "1,5",
                                        "1.2.3",
                                        "1000000000000000000",
                                        "0.1234567890123456789"};
    double value = 7;
    (void)state;
    for (size_t i = 0; i < LENGTH(good); i++) {
        assert_int_equal(bfs_decimal_parse(good[i].text, &value), 0);
        assert_true(value == good[i].value);
    }
    value = 7;
    for (size_t i = 0; i < LENGTH(wrong); i++)
        assert_int_equal(bfs_decimal_parse(wrong[i], &value), -EINVAL);
    assert_true(value == 7);
}

static void test_every_pattern_compiles(void **state)
{
    bfs_autoformats struct bfs_formats formats = {0};
    (void)state;
    for (unsigned i = 0; i < BFS_FORMAT_COUNT; i++) {
        const char *pattern = bfs_format_info((enum bfs_format)i)->pattern;
        (void)bfs_format_match(&formats, (enum bfs_format)i, "1");
        assert_true(formats.is_compiled[i] == (pattern != NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_take_what_they_say),
        cmocka_unit_test(test_ranges_are_refused),
        cmocka_unit_test(test_pattern_and_parser_agree),
        cmocka_unit_test(test_versions_have_an_order),
        cmocka_unit_test(test_decimals_are_exact_and_bounded),
        cmocka_unit_test(test_every_pattern_compiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/name.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void accepts_references(void **state)
{
    (void)state;
    static const char *const texts[][3] = {
        {"a:1", "a", "1"},
        {"acme/tiny-llama:1.0.0", "acme/tiny-llama", "1.0.0"},
        {"Qwen/Qwen2.5-0.5B:v1.0.0-rc.1", "Qwen/Qwen2.5-0.5B", "v1.0.0-rc.1"},
        {"a/b/c/d:_x", "a/b/c/d", "_x"},
        {"a--b__c..d:Latest", "a--b__c..d", "Latest"},
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct bfs_reference reference;
        char text[BFS_REFERENCE_MAX + 1];
        assert_int_equal(bfs_reference_parse(texts[i][0], &reference, NULL), 0);
        assert_string_equal(reference.name, texts[i][1]);
        assert_string_equal(reference.version, texts[i][2]);
        assert_string_equal(bfs_reference_text(&reference, text), texts[i][0]);
    }
}

static void refuses_references(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", "no version"},           {"a", "no version"},        {":1", "model name"},
        {"a:", "not a version"},      {"a:latest", "latest"},     {"/a:1", "model name"},
        {"a/:1", "model name"},       {"a//b:1", "model name"},   {"../a:1", "model name"},
        {"a/..:1", "model name"},     {"a/../b:1", "model name"}, {".a:1", "model name"},
        {"a/.b:1", "model name"},     {"a./b:1", "model name"},   {"a.:1", "model name"},
        {"-a:1", "model name"},       {"a b:1", "model name"},    {"a:b:1", "model name"},
        {"\xc3\xa9:1", "model name"}, {"a\n:1", "model name"},    {".bundlefs:1", "model name"},
        {"a:.1", "not a version"},    {"a:-1", "not a version"},  {"a:1/2", "not a version"},
        {"a:1+2", "not a version"},   {"a:..", "not a version"},  {"a:1 ", "not a version"},
        {"a/-b:1", "model name"},     {"a-/b:1", "model name"},   {"a\\b:1", "model name"},
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct bfs_reference reference;
        struct bfs_error error = {0};
        memset(&reference, 0x5a, sizeof(reference));
        int r = bfs_reference_parse(texts[i][0], &reference, &error);
        if (r != -EINVAL || error.code != -EINVAL || !strstr(error.what, texts[i][1]))
            fail_msg("\"%s\" gave %d: %s", texts[i][0], r, error.what);
        assert_int_equal(reference.name[0], 0x5a);
        assert_int_equal(reference.version[0], 0x5a);
    }
}

static void limits_references(void **state)
{
    (void)state;
    for (size_t name = BFS_NAME_MAX; name <= BFS_NAME_MAX + 1; name++)
        for (size_t version = BFS_VERSION_MAX; version <= BFS_VERSION_MAX + 1; version++) {
            char text[BFS_REFERENCE_MAX + 3], again[BFS_REFERENCE_MAX + 1];
            struct bfs_reference reference;
            memset(text, 'a', sizeof(text));
            text[name] = ':';
            text[name + 1 + version] = '\0';
            bool fits = name == BFS_NAME_MAX && version == BFS_VERSION_MAX;
            assert_int_equal(bfs_reference_parse(text, &reference, NULL), fits ? 0 : -EINVAL);
            if (fits)
                assert_string_equal(bfs_reference_text(&reference, again), text);
        }
}

/* Each before the next: semver.org section 11, and what this grammar adds to it. */
static void orders_versions(void **state)
{
    (void)state;
    static const char *const ordered[] = {
        "0.9",
        "1",
        "1.0",
        "1.0.0-0",
        "1.0.0-1",
        "1.0.0-9",
        "1.0.0-10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "v1.0.1",
        "1.2.0",
        "1.10.0",
        "1.10.0.1",
        "2.0.0",
        "2.1.0",
        "2.1.1",
        "10.0.0",
        "99999999999999999999999.0.0",
        "100000000000000000000000.0.0",
    };
    for (size_t i = 0; i < LENGTH(ordered); i++)
        for (size_t j = 0; j < LENGTH(ordered); j++) {
            int order = 7, expected = (i > j) - (i < j);
            assert_true(bfs_version_compare(ordered[i], ordered[j], &order));
            if (order != expected)
                fail_msg("%s and %s: %d", ordered[i], ordered[j], order);
        }
    int order = 7;
    assert_true(bfs_version_compare("v1.0.0", "1.0.0", &order));
    assert_int_equal(order, 0);
    assert_true(bfs_version_compare("1.02.0", "1.2.0", &order));
    assert_int_equal(order, 0);
    assert_true(bfs_version_compare("1.0.0_rc1", "1.0.0", &order));
    assert_int_equal(order, -1);
}

static void knows_what_is_no_version(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "main", "v",    "vv1", "1.",  ".1",
                                        "1..2", "1a",   "1.0a", "-1",  "1 0", "a1.0"};
    for (size_t i = 0; i < LENGTH(texts); i++) {
        int order = 7;
        assert_false(bfs_version_compare(texts[i], "1.0.0", &order));
        assert_false(bfs_version_compare("1.0.0", texts[i], &order));
        assert_false(bfs_version_is_release(texts[i]));
        assert_int_equal(order, 7);
    }
    assert_true(bfs_version_is_release("1.0.0"));
    assert_true(bfs_version_is_release("v2"));
    assert_false(bfs_version_is_release("1.0.0-rc.1"));
    assert_false(bfs_version_is_release("1.0.0_rc1"));
}

static void judges_components(void **state)
{
    (void)state;
    char name[BFS_COMPONENT_MAX + 2];
    memset(name, 'a', sizeof(name));
    assert_true(bfs_component_is_valid(name, BFS_COMPONENT_MAX));
    assert_false(bfs_component_is_valid(name, BFS_COMPONENT_MAX + 1));
    assert_false(bfs_component_is_valid("", 0));
    assert_false(bfs_component_is_valid(".", 1));
    assert_false(bfs_component_is_valid("..", 2));
    assert_true(bfs_component_is_valid("...", 3));
    assert_true(bfs_component_is_valid(".a", 2));
    assert_true(bfs_component_is_valid("..a", 3));
    assert_false(bfs_component_is_valid("a/b", 3));
    assert_false(bfs_component_is_valid("/", 1));
    assert_false(bfs_component_is_valid("a\0b", 3));
    assert_true(bfs_component_is_valid("a b\n\xff", 5));
}

static void keeps_targets_inside(void **state)
{
    (void)state;
    static const struct {
        size_t depth;
        const char *target;
        bool inside;
    } cases[] = {
        {0, "a", true},
        {0, "a/b/c", true},
        {0, "./a", true},
        {0, ".", true},
        {0, "a//b", true},
        {0, "a/", true},
        {0, "..a", true},
        {0, "a..", true},
        {0, "...", true},
        {0, "", false},
        {0, "/", false},
        {0, "/a", false},
        {0, "..", false},
        {0, "../a", false},
        {0, "./..", false},
        {0, ".//../a", false},
        {1, "..", true},
        {1, "../a", true},
        {1, "../..", false},
        {1, "./../a", true},
        {2, "../../a", true},
        {2, "../../..", false},
        {2, "..//..//..", false},
        {2, "../", true},
        {1, "/..", false},
        /* "a" may be a link itself. */
        {0, "a/..", false},
        {3, "a/..", false},
        {3, "../a/..", false},
        {3, "a/./..", false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (bfs_target_stays_inside(cases[i].depth, cases[i].target) != cases[i].inside)
            fail_msg("%zu \"%s\"", cases[i].depth, cases[i].target);
    char target[BFS_TARGET_MAX + 2];
    memset(target, 'a', sizeof(target));
    target[BFS_TARGET_MAX] = '\0';
    assert_true(bfs_target_stays_inside(0, target));
    target[BFS_TARGET_MAX] = 'a';
    target[BFS_TARGET_MAX + 1] = '\0';
    assert_false(bfs_target_stays_inside(0, target));
}

static void reserves_names(void **state)
{
    (void)state;
    assert_true(bfs_name_is_reserved("manifest.json"));
    assert_true(bfs_name_is_reserved("SHA256SUMS"));
    assert_true(bfs_name_is_reserved("signatures"));
    assert_true(bfs_name_is_reserved("views"));
    assert_false(bfs_name_is_reserved("contract.json"));
    assert_false(bfs_name_is_reserved("Views"));
    assert_false(bfs_name_is_reserved("view"));
    assert_false(bfs_name_is_reserved(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_references),       cmocka_unit_test(refuses_references),
        cmocka_unit_test(limits_references),        cmocka_unit_test(orders_versions),
        cmocka_unit_test(knows_what_is_no_version), cmocka_unit_test(judges_components),
        cmocka_unit_test(keeps_targets_inside),     cmocka_unit_test(reserves_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "verify/policy/pattern.h"

static void test_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"acme/tiny", "acme/tiny", true}, {"acme/tiny", "acme/tinyx", false},
        {"acme/tiny", "acme/tin", false}, {"acme/*", "acme/tiny", true},
        {"acme/*", "acme/a/b", false},    {"acme/*", "acme/", true},
        {"acme/*", "acme", false},        {"acme/**", "acme/a/b", true},
        {"**", "anything/at/all", true},  {"*", "one", true},
        {"*", "one/two", false},          {"*/tiny", "acme/tiny", true},
        {"**/tiny", "a/b/tiny", true},    {"**/tiny", "tiny", false},
        {"a*b*c", "aXbYc", true},         {"a*b*c", "aXbYcZ", false},
        {"a*bc", "abcbc", true},          {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"a**c", "a/x/c", true},          {"a*c", "a/c", false},
        {"1.*", "1.0.0-rc1", true},       {"*-rc*", "1.0.0", false},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        if (bfs_pattern_match(cases[i].pattern, strlen(cases[i].pattern), cases[i].text) !=
            cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].text);
    char longest[BFS_PATTERN_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    assert_true(bfs_pattern_is_valid(longest, BFS_PATTERN_MAX, false));
    assert_false(bfs_pattern_is_valid(longest, BFS_PATTERN_MAX + 1, false));
    longest[BFS_PATTERN_MAX] = '\0';
    longest[BFS_PATTERN_MAX - 1] = '*';
    assert_true(bfs_pattern_match(longest, BFS_PATTERN_MAX, longest));
    assert_false(bfs_pattern_is_valid("a***", 4, false));
    assert_false(bfs_pattern_is_valid("", 0, false));
    assert_false(bfs_pattern_is_valid("a b", 3, false));
    assert_false(bfs_pattern_is_valid("a?", 2, false));
    assert_false(bfs_pattern_is_valid("a/b", 3, true));
}

/* The index finds what trying each rule in turn would. */
static void test_first_match_wins(void **state)
{
    (void)state;
    static const char *const patterns[] = {"acme/tiny:1.*", "acme/tiny", "acme/t*", "acme/*",
                                           "acme/**",       "b*/x",      "*/x",     "**:2.*"};
    static const struct bfs_reference names[] = {
        {"acme/tiny", "1.0"}, {"acme/tiny", "2.0"}, {"acme/two", "1.0"}, {"acme/x", "1.0"},
        {"acme/a/b", "1.0"},  {"beta/x", "1.0"},    {"c/x", "1.0"},      {"c/y", "2.0"},
        {"c/y", "1.0"},       {"x", "2.0"},
    };
    static const int expected[] = {0, 1, 2, 3, 4, 5, 6, 7, -1, 7};
    bfs_autobuffer struct bfs_buffer rules = BFS_BUFFER_INIT;
    for (size_t i = 0; i < LENGTH(patterns); i++)
        bfs_buffer_printf(&rules, "%s{\"match\":\"%s\"}", i ? "," : "", patterns[i]);
    bfs_buffer_put_u8(&rules, '\0');
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of((char *)rules.bytes);
    for (size_t i = 0; i < LENGTH(names); i++) {
        struct bfs_facts facts = {.reference = &names[i], .now = NOW};
        struct bfs_verdict verdict;
        bfs_policy_judge(policy, &facts, NULL, &verdict);
        if (verdict.rule != expected[i])
            fail_msg("%s:%s: rule %d", names[i].name, names[i].version, verdict.rule);
    }
}

/* A rule whose pattern says more comes later and does not win. */
static void test_general_rule_first(void **state)
{
    (void)state;
    static const char *const orders[] = {
        "{\"match\":\"acme/**\"},{\"match\":\"acme/tiny\"}",
        "{\"match\":\"**\"},{\"match\":\"acme/*\"},{\"match\":\"acme/tiny:1.0.0\"}",
    };
    for (size_t i = 0; i < LENGTH(orders); i++) {
        BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(orders[i]);
        struct bfs_facts facts = {.reference = &tiny, .now = NOW};
        struct bfs_verdict verdict;
        bfs_policy_judge(policy, &facts, NULL, &verdict);
        assert_int_equal(verdict.rule, 0);
    }
}

static void refused_text(const char *text, int code, const char *why)
{
    struct bfs_policy *policy = (struct bfs_policy *)-1;
    struct bfs_error error = {0};
    int r = bfs_policy_parse(text, strlen(text), "policy.json", &policy, &error);
    if (r != code || !strstr(error.what, why) || !strstr(error.what, "policy.json"))
        fail_msg("%d: %s (wanted %d: %s)", r, error.what, code, why);
    assert_ptr_equal(policy, (void *)-1);
    assert_int_equal(bfs_policy_parse(text, strlen(text), "policy.json", &policy, NULL), code);
}

static void test_bad_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *why;
    } cases[] = {
        {"1", "rule 1: not a JSON object"},
        {"{}", "\"match\" is missing"},
        {"{\"match\":\"a b\"}", "no pattern"},
        {"{\"match\":\"a:\"}", "no pattern"},
        {"{\"match\":\":1\"}", "no pattern"},
        {"{\"match\":\"a\",\"mach\":1}", "unknown field \"mach\""},
        {"{\"match\":\"a\",\"unpromoted\":\"no\"}", "\"unpromoted\" is not understood"},
        {"{\"match\":\"a\",\"deprecated\":\"no\"}", "\"deprecated\" is not understood"},
        {"{\"match\":\"a\",\"past_sunset\":\"no\"}", "\"past_sunset\" is not understood"},
        {"{\"match\":\"a\",\"check\":\"yes\"}", "\"check\" is not understood"},
        {"{\"match\":\"a\",\"revoke\":[\"nobody\"]}", "revoke: no key has the role \"nobody\""},
        {"{\"match\":\"a\",\"deprecate\":[7]}", "deprecate: no key has"},
        {"{\"match\":\"a\",\"require\":[{\"statement\":\"signature\",\"role\":\"boss\"}]}",
         "requirement 1: no key has the role \"boss\""},
        {"{\"match\":\"a\",\"require\":[{\"statement\":\"signature\",\"role\":\"qa\","
         "\"count\":3}]}",
         "it wants 3 keys with the role \"qa\"; there are 2"},
        {"{\"match\":\"a\",\"require\":[{\"statement\":\"signature\",\"role\":\"qa\","
         "\"count\":0}]}",
         "\"count\" is not from 1"},
        {"{\"match\":\"a\",\"require\":[{\"statement\":\"revocation\",\"role\":\"qa\"}]}",
         "cannot be required"},
        {"{\"match\":\"a\",\"require\":[{\"statement\":\"alias\",\"role\":\"qa\"}]}",
         "cannot be required"},
        {"{\"match\":\"a\",\"aliases\":{\"latest\":{\"move\":[\"qa\"]}}}", "cannot be an alias"},
        {"{\"match\":\"a\",\"aliases\":{\"a/b\":{\"move\":[\"qa\"]}}}", "cannot be an alias"},
        {"{\"match\":\"a\",\"aliases\":{\"p\":{}}}", "\"move\" is missing"},
        {"{\"match\":\"a\",\"aliases\":{\"p\":1}}", "not a JSON object"},
        {"{\"match\":\"a\",\"access\":{}}", "\"mode\" is missing"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"0777\"}}", "\"mode\" is not understood"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"0440\"}}", "\"mode\" is not understood"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"550\"}}", "\"mode\" is not understood"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"5550\"}}", "\"mode\" is not understood"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"0550\",\"users\":[\"\"]}}", "no name at 1"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"0550\",\"groups\":[\"a\",\"a\"]}}", "twice"},
        {"{\"match\":\"a\",\"access\":{\"mode\":\"0550\",\"groups\":[\"a:b\"]}}", "no name at 1"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        bfs_autofree char *text = policy_text(cases[i].rule);
        refused_text(text, -EBADMSG, cases[i].why);
    }
}

static void test_bad_keys(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *why; /* $: a good line */
        int code;
    } cases[] = {
        {"{}", "key 1", -EBADMSG},
        {"{\"name\":\"a b\",\"public_key\":\"$\",\"roles\":[]}", "\"name\" is not a word",
         -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"zzz\",\"roles\":[]}", "key 1", -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"$\",\"roles\":[\"\"]}", "role 1 is not a word",
         -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"$\",\"roles\":[1]}", "role 1 is not a word", -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"$\",\"roles\":[\"r\",\"r\"]}", "\"r\" is there twice",
         -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"$\",\"roles\":[],\"not_after\":\"tomorrow\"}",
         "\"not_after\" is not a time", -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"$\",\"roles\":[],\"not_before\":"
         "\"2026-01-01T00:00:00Z\",\"not_after\":\"2026-01-01T00:00:00Z\"}",
         "no earlier", -EBADMSG},
        {"{\"name\":\"a\",\"public_key\":\"$\",\"roles\":[]},"
         "{\"name\":\"b\",\"public_key\":\"$\",\"roles\":[]}",
         "key 2: it is the same key as \"a\"", -EBADMSG},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        bfs_buffer_put_text(&text, "{\"schema_version\":\"1.0\",\"rules\":[],\"keys\":[");
        for (const char *at = cases[i].keys; *at; at++)
            bfs_buffer_put_text(&text, *at == '$' ? line[ALICE] : (char[]){*at, '\0'});
        bfs_buffer_put_text(&text, "]}");
        bfs_buffer_put_u8(&text, '\0');
        refused_text((char *)text.bytes, cases[i].code, cases[i].why);
    }
}

static void test_bad_documents(void **state)
{
    (void)state;
    refused_text("", -EBADMSG, "");
    refused_text("[]", -EBADMSG, "not a JSON object");
    refused_text("{\"rules\":[]}", -EBADMSG, "\"schema_version\" is missing");
    refused_text("{\"schema_version\":\"1.0\"}", -EBADMSG, "\"rules\" is missing");
    refused_text("{\"schema_version\":\"2.0\",\"rules\":[]}", -EPROTONOSUPPORT,
                 "unknown schema_version");
    refused_text("{\"schema_version\":\"1.0\",\"rules\":[],\"rules\":[]}", -EBADMSG, "twice");
    struct bfs_policy *policy;
    bfs_autofree char *large = calloc(1, BFS_POLICY_SIZE_MAX + 1);
    assert_non_null(large);
    assert_int_equal(bfs_policy_parse(large, BFS_POLICY_SIZE_MAX + 1, "p", &policy, NULL), -E2BIG);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *before, *item, *after, *why;
        unsigned max;
    } cases[] = {
        {"", "{\"match\":\"a\"}", "", "rules are more than", BFS_POLICY_RULES_MAX},
        {"{\"match\":\"a\",\"require\":[", "{\"statement\":\"signature\",\"role\":\"qa\"}", "]}",
         "requirements are more than", BFS_POLICY_REQUIREMENTS_MAX},
        {"{\"match\":\"a\",\"revoke\":[", "\"qa\"", "]}", "roles are more than",
         BFS_POLICY_ROLES_MAX},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (unsigned extra = 0; extra < 2; extra++) {
            bfs_autobuffer struct bfs_buffer rules = BFS_BUFFER_INIT;
            bfs_buffer_put_text(&rules, cases[i].before);
            for (unsigned j = 0; j < cases[i].max + extra; j++)
                bfs_buffer_printf(&rules, "%s%s", j ? "," : "", cases[i].item);
            bfs_buffer_put_text(&rules, cases[i].after);
            bfs_buffer_put_u8(&rules, '\0');
            bfs_autofree char *text = policy_text((char *)rules.bytes);
            if (extra)
                refused_text(text, -E2BIG, cases[i].why);
            else
                (void)bfs_policy_unref(policy_of((char *)rules.bytes));
        }
}

#define WHOLE                                                                                      \
    "{\"match\":\"acme/*:1.*\",\"require\":[{\"statement\":\"signature\",\"role\":\"release\","    \
    "\"count\":2}],\"aliases\":{\"production\":{\"move\":[\"release\"],\"require\":["              \
    "{\"statement\":\"approval\",\"role\":\"qa\"}]}},\"unpromoted\":\"refuse\","                   \
    "\"deprecated\":\"allow\",\"past_sunset\":\"refuse\",\"deprecate\":[\"release\"],"             \
    "\"revoke\":[\"security\"],\"check\":\"error\",\"access\":{\"users\":[\"7\"],"                 \
    "\"groups\":[\"8\"],\"mode\":\"0550\"},\"annotations\":{\"x\":1}}"

/* Whatever is accepted says something else, byte for byte, and nothing is read beyond its end. */
static void test_mutation(void **state)
{
    (void)state;
    bfs_autofree char *text = policy_text(WHOLE);
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *original = policy_of(WHOLE);
    size_t size = strlen(text), n_refused = 0, n_accepted = 0;
    for (size_t i = 0; i < size; i++) {
        bfs_autofree char *cut = malloc(i ? i : 1);
        struct bfs_policy *policy;
        assert_non_null(cut);
        memcpy(cut, text, i);
        assert_int_equal(bfs_policy_parse(cut, i, "p", &policy, NULL), -EBADMSG);
    }
    for (size_t bit = 0; bit < size * 8; bit++) {
        BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = NULL;
        bfs_autofree char *copy = malloc(size);
        assert_non_null(copy);
        memcpy(copy, text, size);
        copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << (bit % 8));
        int r = bfs_policy_parse(copy, size, "p", &policy, NULL);
        if (r && r != -EBADMSG && r != -EPROTONOSUPPORT)
            fail_msg("bit %zu gave %d", bit, r);
        n_refused += r != 0;
        n_accepted += r == 0;
        if (r == 0)
            assert_false(bfs_digest_equal(bfs_policy_digest(policy), bfs_policy_digest(original)));
    }
    /* Names, times, digits and the ids of keys have other valid values; the frame has none. */
    assert_true(n_refused > n_accepted);
    assert_true(n_accepted > 0);
}

static void test_access(void **state)
{
    (void)state;
    static const struct bfs_reference other = {.name = "b", .version = "1"};
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy =
        policy_of("{\"match\":\"acme/*\",\"access\":{\"users\":[\"7\",\"root\"],"
                  "\"groups\":[\"4294967294\"],\"mode\":\"0505\"}},{\"match\":\"b\"}");
    assert_int_equal(bfs_policy_resolve(policy, "policy.json", NULL), 0);
    const struct bfs_access *access = bfs_policy_access(policy, &tiny);
    assert_non_null(access);
    assert_int_equal(access->mode, 0505);
    assert_int_equal(access->n_users, 2);
    assert_int_equal(access->users[0], 7);
    assert_int_equal(access->users[1], 0);
    assert_int_equal(access->n_groups, 1);
    assert_true(access->groups[0] == 4294967294u);
    assert_null(bfs_policy_access(policy, &other));
    assert_null(bfs_policy_access(policy, &(struct bfs_reference){.name = "c", .version = "1"}));
}

static void test_access_unknown(void **state)
{
    (void)state;
    static const char *const fields[] = {"users", "groups"};
    static const char *const names[] = {"no-such-one-here", "4294967295"};
    for (size_t i = 0; i < 4; i++) {
        char rule[256];
        struct bfs_error error = {0};
        (void)snprintf(rule, sizeof(rule),
                       "{\"match\":\"x\"},{\"match\":\"a\",\"access\":{\"mode\":\"0550\",\"%s\":"
                       "[\"root\",\"%s\"]}}",
                       fields[i % 2], names[i / 2]);
        BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(rule);
        assert_int_equal(bfs_policy_resolve(policy, "policy.json", &error), -ENOENT);
        assert_non_null(strstr(error.what, "policy.json: rule 2: access"));
        assert_non_null(strstr(error.what, names[i / 2]));
    }
}

static void test_load(void **state)
{
    (void)state;
    struct bfs_policy *policy;
    struct bfs_error error = {0};
    assert_int_equal(bfs_policy_load("/nowhere/policy.json", &policy, &error), -ENOENT);
    assert_non_null(strstr(error.what, "/nowhere/policy.json"));
    assert_int_equal(bfs_policy_load("/", &policy, &error), -EINVAL);
    assert_int_equal(bfs_policy_load("/dev/null", &policy, &error), -EINVAL);
}

/* What was found last is remembered: of this policy, this name and this version alone. */
static void test_policies_in_turn(void **state)
{
    (void)state;
    static const struct bfs_reference next = {.name = "acme/tiny", .version = "2.0.0"};
    static const struct bfs_reference other = {.name = "acme/tin", .version = "1.0.0"};
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *stays = policy_of("{\"match\":\"acme/*:2.*\"},{\"match\":\"*/tiny\"}");
    for (unsigned i = 0; i < 8; i++) {
        BFS_CLEANUP(bfs_policy_cleanup)
        struct bfs_policy *comes =
            policy_of(i % 2 ? "{\"match\":\"acme/tiny\"}" : "{\"match\":\"b\"}");
        struct bfs_facts facts = {.reference = &tiny, .now = NOW};
        struct bfs_verdict verdict;
        bfs_policy_judge(comes, &facts, NULL, &verdict);
        assert_int_equal(verdict.rule, i % 2 ? 0 : -1);
        bfs_policy_judge(stays, &facts, NULL, &verdict);
        assert_int_equal(verdict.rule, 1);
        facts.reference = &next;
        bfs_policy_judge(stays, &facts, NULL, &verdict);
        assert_int_equal(verdict.rule, 0);
        facts.reference = &other;
        bfs_policy_judge(stays, &facts, NULL, &verdict);
        assert_int_equal(verdict.rule, -1);
    }
}

static bool ends_soon(const char *not_after, int64_t now, int64_t *ret_end)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = NULL;
    bfs_buffer_printf(&text,
                      "{\"schema_version\":\"1.0\",\"keys\":[{\"name\":\"a\",\"public_key\":\"%s\","
                      "\"roles\":[]%s}],\"rules\":[]}",
                      line[ALICE], not_after);
    assert_int_equal(bfs_policy_parse(text.bytes, text.size, "policy.json", &policy, NULL), 0);
    assert_int_equal(bfs_policy_n_keys(policy), 1);
    return bfs_policy_key_ends_soon(policy, 0, now, ret_end);
}

/* NOW is midnight of June 1. */
static void test_keys_that_end_soon(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        bool is_soon;
        int64_t days;
    } cases[] = {
        {"", false, 0},
        {",\"not_after\":\"2026-05-31T23:59:59Z\"", false, 0},
        {",\"not_after\":\"2026-06-01T00:00:00Z\"", false, 0}, /* ends now: it has ended */
        {",\"not_after\":\"2026-06-02T00:00:00Z\"", true, 1},
        {",\"not_after\":\"2026-06-30T00:00:00Z\"", true, 29},
        {",\"not_after\":\"2026-07-01T00:00:00Z\"", true, 30},
        {",\"not_after\":\"2026-07-01T00:00:01Z\"", false, 0},
        {",\"not_after\":\"2026-07-02T00:00:00Z\"", false, 0},
        /* Not valid yet, and soon over. */
        {",\"not_before\":\"2026-06-02T00:00:00Z\",\"not_after\":\"2026-06-03T00:00:00Z\"", true,
         2},
    };
    assert_int_equal(BFS_POLICY_KEY_NOTICE_DAYS, 30);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        int64_t end = -7;
        if (ends_soon(cases[i].member, NOW, &end) != cases[i].is_soon)
            fail_msg("%s", cases[i].member);
        assert_true(end == (cases[i].is_soon ? NOW + cases[i].days * DAY : -7));
    }
    int64_t end = -7;
    assert_false(ends_soon("", INT64_MIN, &end));
    assert_false(ends_soon("", INT64_MAX, &end));
    assert_true(end == -7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),           cmocka_unit_test(test_first_match_wins),
        cmocka_unit_test(test_policies_in_turn),   cmocka_unit_test(test_general_rule_first),
        cmocka_unit_test(test_bad_rules),          cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_bad_documents),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_mutation),           cmocka_unit_test(test_access),
        cmocka_unit_test(test_access_unknown),     cmocka_unit_test(test_load),
        cmocka_unit_test(test_keys_that_end_soon),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}

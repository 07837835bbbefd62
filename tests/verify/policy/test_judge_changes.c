/* SPDX-License-Identifier: Apache-2.0
 * Verdicts that later statements and time change: promotions, deprecations, ends. */
#include "world.h"

#define WANTS(n)                                                                                   \
    "{\"match\":\"acme/*\",\"require\":[{\"statement\":\"signature\","                             \
    "\"role\":\"release\",\"count\":" #n "}]}"

static void test_unpromoted(void **state)
{
    (void)state;
    struct pile none = {0};
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = policy_of("{\"match\":\"acme/*\",\"unpromoted\":\"refuse\"}");
    struct bfs_facts facts = facts_of(&none);
    expect(policy, &none, -EKEYREJECTED, "no alias points to it");
    facts.is_promoted = true;
    expect_facts(policy, &facts, 0, (const char *const[]){"has all", NULL});
    assert_true(bfs_policy_wants_promotion(policy, &tiny));
    assert_false(bfs_policy_wants_check(policy, &tiny));
}

static void test_alias(void **state)
{
    (void)state;
    static const char rule[] =
        "{\"match\":\"acme/*\",\"aliases\":{"
        "\"production\":{\"move\":[\"release\"],\"require\":[{\"statement\":\"approval\","
        "\"role\":\"qa\"}]},\"*\":{\"move\":[\"qa\"]}}},{\"match\":\"**\"}";
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(rule);
    static const struct {
        const char *alias;
        enum who key;
        bool approved;
        int code;
        const char *why;
    } cases[] = {
        {"production", ALICE, true, 0, "moved by alice"},
        {"production", ALICE, false, -ENOKEY, "alias production wants 1 approval"},
        {"production", QA, true, -EKEYREJECTED, "qa-1 may not move"},
        {"production", EXPIRED, true, -EKEYREJECTED, "old may not move"},
        {"production", STRANGER, true, -EKEYREJECTED, "does not know"},
        {"canary", QA, false, 0, "moved by qa-1"},
        {"canary", ALICE, false, -EKEYREJECTED, "alice may not move"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct bfs_statement statement = statement_of(BFS_STATEMENT_ALIAS);
        autopile struct pile alias = {0}, target = {0};
        struct bfs_verdict verdict;
        strcpy(statement.alias, cases[i].alias);
        add_signed(&alias, policy, &statement, (const enum who[]){cases[i].key, N_KEYS});
        if (cases[i].approved)
            add(&target, policy, BFS_STATEMENT_APPROVAL, QA);
        struct bfs_facts facts = facts_of(&target);
        bfs_policy_judge_alias(policy, &alias.items[0], &facts, &verdict);
        if (verdict.code != cases[i].code || !strstr(verdict.reason, cases[i].why))
            fail_msg("case %zu: %d: %s", i, verdict.code, verdict.reason);
    }
}

/* A rule that names no aliases knows none; neither does a name that no rule matches. */
static void test_alias_unknown(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *bare = policy_of("{\"match\":\"**\"}");
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *other = policy_of("{\"match\":\"x\"}");
    const struct bfs_policy *const policies[] = {bare, other};
    static const char *const why[] = {"knows no alias production", "no rule of the policy"};
    for (size_t i = 0; i < 2; i++) {
        autopile struct pile alias = {0};
        struct pile none = {0};
        struct bfs_facts facts = facts_of(&none);
        struct bfs_verdict verdict;
        add(&alias, policies[i], BFS_STATEMENT_ALIAS, ALICE);
        bfs_policy_judge_alias(policies[i], &alias.items[0], &facts, &verdict);
        assert_int_equal(verdict.code, -EKEYREJECTED);
        assert_non_null(strstr(verdict.reason, why[i]));
    }
}

/* Right signature, wrong bundle. */
static void test_other_subject(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(1));
    struct bfs_statement statement = statement_of(BFS_STATEMENT_SIGNATURE);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_digest other = {.bytes = {9}};
    struct bfs_evidence evidence;
    sign_with(&statement, (const enum who[]){ALICE, N_KEYS}, &text);
    assert_int_equal(
        bfs_evidence_read(policy, text.bytes, text.size, &other, "statement", &evidence, NULL),
        -EKEYREJECTED);
}

/* It would stand where the alias does, without the approvals that the alias needs. */
static void test_version_with_the_name_of_an_alias(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy =
        policy_of("{\"match\":\"acme/*\",\"aliases\":{\"production\":{\"move\":[\"release\"]},"
                  "\"*\":{\"move\":[\"qa\"]}}},{\"match\":\"**\"}");
    struct pile none = {0};
    struct bfs_reference named = {.name = "acme/tiny", .version = "production"};
    struct bfs_facts facts = facts_of(&none);
    expect(policy, &none, 0, "has all");
    facts.reference = &named;
    expect_facts(policy, &facts, -EKEYREJECTED,
                 (const char *const[]){"production is the name of an alias", "rule 1", NULL});
    strcpy(named.name, "beta/tiny");
    expect_facts(policy, &facts, 0, (const char *const[]){"rule 2", NULL});
}

/* An alias that points elsewhere may lose to another one when any key begins or ends to count. */
static void test_promotion_lasts_until_any_key_changes(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = policy_of("{\"match\":\"acme/*\",\"unpromoted\":\"refuse\"}");
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *any = policy_of("{\"match\":\"acme/*\"}");
    struct bfs_facts facts = {.reference = &tiny, .is_promoted = true, .now = NOW};
    struct bfs_verdict verdict;
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.until, NOW + DAY); /* the key "next" */
    facts.now += DAY;
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    assert_true(verdict.until == INT64_MAX);
    bfs_policy_judge(any, &facts, NULL, &verdict);
    assert_true(verdict.until == INT64_MAX);
}

static void test_deprecated(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int64_t sunset; /* after now; 0: none */
        int code;
    } cases[] = {
        {"", 0, 0},
        {"", DAY, 0},
        {"", -DAY, -EKEYREJECTED},
        {",\"past_sunset\":\"allow\"", -DAY, 0},
        {",\"deprecated\":\"refuse\"", 0, -EKEYREJECTED},
        {",\"deprecated\":\"refuse\"", DAY, -EKEYREJECTED},
        {",\"deprecated\":\"refuse\",\"past_sunset\":\"allow\"", -DAY, -EKEYREJECTED},
        {",\"deprecate\":[\"qa\"],\"deprecated\":\"refuse\"", -DAY, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char rule[256];
        (void)snprintf(rule, sizeof(rule), "{\"match\":\"**\"%s}", cases[i].fields);
        BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(rule);
        struct bfs_statement statement = statement_of(BFS_STATEMENT_DEPRECATION);
        autopile struct pile pile = {0};
        statement.has_sunset = cases[i].sunset != 0;
        statement.sunset = NOW + cases[i].sunset;
        add_signed(&pile, policy, &statement, (const enum who[]){ALICE, N_KEYS});
        expect(policy, &pile, cases[i].code, cases[i].code ? "deprecated by alice" : "has all");
    }
}

struct said {
    enum who key;
    int64_t when;   /* after NOW */
    int64_t sunset; /* after NOW; 0: none */
    bool is_withdrawn;
};

static void say(struct pile *pile, const struct bfs_policy *policy, const struct said *said)
{
    struct bfs_statement statement = statement_of(BFS_STATEMENT_DEPRECATION);
    statement.when = NOW + said->when;
    statement.has_sunset = said->sunset != 0;
    statement.sunset = NOW + said->sunset;
    statement.is_withdrawn = said->is_withdrawn;
    add_signed(pile, policy, &statement, (const enum who[]){said->key, N_KEYS});
}

/* The newest deprecation by a key that may deprecate decides, in whatever order they are read. */
static void test_newest_deprecation(void **state)
{
    (void)state;
    static const struct {
        struct said said[2];
        int code;
        const char *why;
    } cases[] = {
        {{{ALICE, -9, -DAY, false}, {ALICE, -5, 0, true}}, 0, "has all"},
        {{{ALICE, -9, -DAY, false}, {BOB, -5, DAY, false}}, 0, "has all"},
        {{{ALICE, -9, -DAY, false}, {QA, -5, 0, true}}, -EKEYREJECTED, "by alice"},
        {{{ALICE, -9, -DAY, false}, {STRANGER, -5, 0, true}}, -EKEYREJECTED, "by alice"},
        {{{ALICE, -9, 0, true}, {BOB, -5, -DAY, false}},
         -EKEYREJECTED,
         "past its sunset 2026-05-31T00:00:00Z: deprecated by bob"},
        /* of one second: what refuses more */
        {{{ALICE, -5, -DAY, false}, {BOB, -5, 0, true}}, -EKEYREJECTED, "by alice"},
        {{{ALICE, -5, -DAY, false}, {BOB, -5, DAY, false}}, -EKEYREJECTED, "by alice"},
        {{{ALICE, -5, -DAY, false}, {BOB, -5, 0, false}}, -EKEYREJECTED, "by alice"},
    };
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = policy_of("{\"match\":\"**\",\"deprecate\":[\"release\"]}");
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (size_t first = 0; first < 2; first++) {
            autopile struct pile pile = {0};
            say(&pile, policy, &cases[i].said[first]);
            say(&pile, policy, &cases[i].said[!first]);
            expect(policy, &pile, cases[i].code, cases[i].why);
        }
}

/* When does time alone change the verdict? Exactly then it does. */
static void test_until(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(1));
    autopile struct pile pile = {0}, plain = {0};
    struct bfs_verdict verdict;
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, EXPIRED);
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, FUTURE);
    struct bfs_facts facts = facts_of(&pile);
    static const struct {
        int64_t now, until;
        int code;
    } cases[] = {
        {NOW - 1, NOW, 0},
        {NOW, NOW + DAY, -EKEYREJECTED},
        {NOW + DAY - 1, NOW + DAY, -EKEYREJECTED},
        {NOW + DAY, INT64_MAX, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        facts.now = cases[i].now;
        bfs_policy_judge(policy, &facts, NULL, &verdict);
        assert_int_equal(verdict.code, cases[i].code);
        assert_true(verdict.until == cases[i].until);
    }
    struct bfs_statement statement = statement_of(BFS_STATEMENT_DEPRECATION);
    statement.has_sunset = true;
    statement.sunset = NOW + 5;
    add(&plain, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    add_signed(&plain, policy, &statement, (const enum who[]){ALICE, N_KEYS});
    facts = facts_of(&plain);
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_true(verdict.until == NOW + 5);
    facts.now = NOW + 5;
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deprecated),
        cmocka_unit_test(test_newest_deprecation),
        cmocka_unit_test(test_unpromoted),
        cmocka_unit_test(test_until),
        cmocka_unit_test(test_alias),
        cmocka_unit_test(test_alias_unknown),
        cmocka_unit_test(test_other_subject),
        cmocka_unit_test(test_version_with_the_name_of_an_alias),
        cmocka_unit_test(test_promotion_lasts_until_any_key_changes),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}

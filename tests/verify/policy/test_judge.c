/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#define WANTS(n)                                                                                   \
    "{\"match\":\"acme/*\",\"require\":[{\"statement\":\"signature\","                             \
    "\"role\":\"release\",\"count\":" #n "}]}"

static void test_without_policy(void **state)
{
    (void)state;
    autopile struct pile pile = {0};
    add(&pile, NULL, BFS_STATEMENT_REVOCATION, STRANGER);
    assert_true(pile.items[0].is_signed);
    assert_int_equal(pile.items[0].statement.kind, BFS_STATEMENT_REVOCATION);
    expect(NULL, &pile, 0, "no policy");
    assert_true(bfs_policy_counts(NULL, &tiny, &pile.items[0], NOW));
    assert_null(bfs_policy_access(NULL, &tiny));
    assert_int_equal(bfs_policy_n_keys(NULL), 0);
    assert_null(bfs_policy_ref(NULL));
    assert_int_equal(bfs_policy_resolve(NULL, "", NULL), 0);
}

static void test_no_rule(void **state)
{
    (void)state;
    struct pile none = {0};
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of("{\"match\":\"acme\"}");
    struct bfs_facts facts = facts_of(&none);
    struct bfs_verdict verdict;
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_int_equal(verdict.rule, -1);
    assert_string_equal(verdict.reason, "no rule of the policy matches acme/tiny:1.0.0");
}

static void test_signatures(void **state)
{
    (void)state;
    static const struct {
        enum who key;
        int code;
        const char *why;
    } cases[] = {
        {ALICE, 0, "has all"},
        {BOB, 0, "has all"},
        {QA, -EKEYREJECTED, "qa-1 has not the role release"},
        {EXPIRED, -EKEYREJECTED, "old expired at 2026-06-01T00:00:00Z"},
        {FUTURE, -EKEYREJECTED, "next is not valid before 2026-06-02T00:00:00Z"},
        {STRANGER, -EKEYREJECTED, "a key that the policy does not know"},
    };
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(1));
    struct pile none = {0};
    expect(policy, &none, -ENOKEY, "wants 1 signature in the role release: 0 count");
    for (size_t i = 0; i < LENGTH(cases); i++) {
        autopile struct pile pile = {0};
        add(&pile, policy, BFS_STATEMENT_SIGNATURE, cases[i].key);
        expect(policy, &pile, cases[i].code, cases[i].why);
    }
}

/* A key that the policy does not know is named by what its signature claims. */
static void test_unknown_key_is_named(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(1));
    char id[BFS_KEY_ID_TEXT_SIZE];
    autopile struct pile pile = {0};
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, STRANGER);
    assert_false(pile.items[0].is_signed);
    expect(policy, &pile, -EKEYREJECTED,
           bfs_key_id_text(bfs_secret_key_public(secret[STRANGER])->id, id));
}

static void test_threshold(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(2));
    autopile struct pile pile = {0};
    struct bfs_statement again = statement_of(BFS_STATEMENT_SIGNATURE);
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    expect(policy, &pile, -ENOKEY, "1 counts (alice)");
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    again.when++;
    add_signed(&pile, policy, &again, (const enum who[]){ALICE, ALICE, N_KEYS});
    expect(policy, &pile, -ENOKEY, "1 counts (alice)");
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, BOB);
    expect(policy, &pile, 0, "has all");
}

/* Two keys under one envelope are two, and each is told why it does not count. */
static void test_one_envelope(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(2));
    struct bfs_statement statement = statement_of(BFS_STATEMENT_SIGNATURE);
    autopile struct pile both = {0}, mixed = {0};
    add_signed(&both, policy, &statement, (const enum who[]){STRANGER, ALICE, BOB, N_KEYS});
    expect(policy, &both, 0, "has all");
    add_signed(&mixed, policy, &statement, (const enum who[]){ALICE, EXPIRED, QA, N_KEYS});
    struct bfs_facts facts = facts_of(&mixed);
    expect_facts(policy, &facts, -EKEYREJECTED,
                 (const char *const[]){"1 counts (alice)", "old expired", "qa-1 has not", NULL});
}

static void test_approval_role(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy =
        policy_of("{\"match\":\"**\",\"require\":[{\"statement\":\"approval\",\"role\":\"qa\"}]}");
    struct bfs_statement statement = statement_of(BFS_STATEMENT_APPROVAL);
    autopile struct pile other = {0}, claimed = {0}, right = {0};
    strcpy(statement.role, "release");
    add_signed(&other, policy, &statement, (const enum who[]){BOB, N_KEYS});
    expect(policy, &other, -ENOKEY, "wants 1 approval in the role qa: 0 count");
    add(&claimed, policy, BFS_STATEMENT_APPROVAL, ALICE);
    expect(policy, &claimed, -EKEYREJECTED, "alice has not the role qa");
    add(&right, policy, BFS_STATEMENT_APPROVAL, BOB);
    expect(policy, &right, 0, "has all");
}

/* A signature is no approval, and a promotion is no signature. */
static void test_kinds_differ(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(WANTS(1));
    for (unsigned kind = 0; kind < BFS_N_STATEMENT_KINDS; kind++) {
        autopile struct pile pile = {0};
        if (kind == BFS_STATEMENT_PROVENANCE || kind == BFS_STATEMENT_REVOCATION)
            continue;
        add(&pile, policy, (enum bfs_statement_kind)kind, ALICE);
        expect(policy, &pile, kind == BFS_STATEMENT_SIGNATURE ? 0 : -ENOKEY, "rule 1");
    }
}

static void test_revoked(void **state)
{
    (void)state;
    static const char rule[] = "{\"match\":\"acme/*\",\"revoke\":[\"security\"]}";
    static const struct {
        enum who key;
        int code;
    } cases[] = {
        {SECURITY, -EKEYREJECTED},
        {EXPIRED, -EKEYREJECTED}, /* it outlives its key */
        {ALICE, 0},
        {STRANGER, 0},
    };
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(rule);
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *any = policy_of("{\"match\":\"**\"}");
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct bfs_statement statement = statement_of(BFS_STATEMENT_REVOCATION);
        autopile struct pile pile = {0}, every = {0};
        strcpy(statement.reason, "leaks secrets");
        add_signed(&pile, policy, &statement, (const enum who[]){cases[i].key, N_KEYS});
        expect(policy, &pile, cases[i].code, cases[i].code ? "leaks secrets" : "has all");
        assert_int_equal(bfs_policy_counts(policy, &tiny, &pile.items[0], NOW), cases[i].code != 0);
        add_signed(&every, any, &statement, (const enum who[]){cases[i].key, N_KEYS});
        expect(any, &every, cases[i].key == STRANGER ? 0 : -EKEYREJECTED, "rule 1");
    }
}

static void test_checked(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool passes[4]; /* by enum bfs_policy_check */
    } cases[] = {
        {"none", {true, true, true, true}},
        {"error", {false, true, true, false}},
        {"warning", {false, true, false, false}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        for (unsigned found = 0; found < 4; found++) {
            char rule[64];
            struct pile none = {0};
            (void)snprintf(rule, sizeof(rule), "{\"match\":\"**\",\"check\":\"%s\"}",
                           cases[i].word);
            BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(rule);
            struct bfs_facts facts = facts_of(&none);
            facts.check = (enum bfs_policy_check)found;
            expect_facts(policy, &facts, cases[i].passes[found] ? 0 : -EKEYREJECTED,
                         (const char *const[]){"rule 1", NULL});
            assert_int_equal(bfs_policy_wants_check(policy, &tiny), i > 0);
        }
}

struct steps {
    unsigned n, n_failed;
    char text[4096];
};

static void on_step(void *context, bool passed, const char *text)
{
    struct steps *steps = context;
    size_t used = strlen(steps->text);
    steps->n++;
    steps->n_failed += !passed;
    (void)snprintf(steps->text + used, sizeof(steps->text) - used, "%s\n", text);
}

/* Every question is asked, though the first answer decides. */
static void test_trace(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy =
        policy_of("{\"match\":\"beta/*\"},{\"match\":\"acme/*\",\"unpromoted\":\"refuse\","
                  "\"require\":[{\"statement\":\"signature\",\"role\":\"release\"},"
                  "{\"statement\":\"approval\",\"role\":\"qa\"}]}");
    autopile struct pile pile = {0};
    struct steps steps = {0};
    struct bfs_policy_trace trace = {.step = on_step, .context = &steps};
    struct bfs_verdict verdict;
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    struct bfs_facts facts = facts_of(&pile);
    bfs_policy_judge(policy, &facts, &trace, &verdict);
    assert_int_equal(verdict.code, -ENOKEY);
    assert_int_equal(verdict.rule, 1);
    assert_non_null(strstr(verdict.reason, "approval"));
    assert_int_equal(steps.n, 6);
    assert_int_equal(steps.n_failed, 2);
    assert_non_null(strstr(steps.text, "rule 1 does not match; rule 2 (\"acme/*\") matches"));
    assert_non_null(strstr(steps.text, "1 counts (alice)"));
    assert_non_null(strstr(steps.text, "no alias points to it"));
}

/* Nothing is served that was not checked, where a check is asked for. */
static void test_checks(void **state)
{
    (void)state;
    static const struct {
        enum bfs_policy_check found;
        int with_error, with_warning;
        const char *word;
    } cases[] = {
        {BFS_POLICY_CHECK_UNKNOWN, -EKEYREJECTED, -EKEYREJECTED, "was not checked"},
        {BFS_POLICY_CHECK_CLEAN, 0, 0, "all that it asks for"},
        {BFS_POLICY_CHECK_WARNING, 0, -EKEYREJECTED, ""},
        {BFS_POLICY_CHECK_ERROR, -EKEYREJECTED, -EKEYREJECTED, "found errors"},
        {BFS_POLICY_CHECK_TOO_LARGE, -EKEYREJECTED, -EKEYREJECTED, "read too much"},
    };
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *error = policy_of("{\"match\":\"**\",\"check\":\"error\"}");
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *warning = policy_of("{\"match\":\"**\",\"check\":\"warning\"}");
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct bfs_facts facts = {.reference = &tiny, .check = cases[i].found, .now = NOW};
        const char *const words[] = {cases[i].word, NULL};
        expect_facts(error, &facts, cases[i].with_error, words);
        expect_facts(warning, &facts, cases[i].with_warning, words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_policy), cmocka_unit_test(test_no_rule),
        cmocka_unit_test(test_signatures),     cmocka_unit_test(test_unknown_key_is_named),
        cmocka_unit_test(test_threshold),      cmocka_unit_test(test_one_envelope),
        cmocka_unit_test(test_approval_role),  cmocka_unit_test(test_kinds_differ),
        cmocka_unit_test(test_revoked),        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_trace),          cmocka_unit_test(test_checks),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}

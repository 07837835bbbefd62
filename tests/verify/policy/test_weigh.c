/* SPDX-License-Identifier: Apache-2.0
 * Which single statements count, why others do not, and how a verdict counts those. */
#include "world.h"

#define RULE                                                                                       \
    "{\"match\":\"acme/*\",\"require\":[{\"statement\":\"signature\",\"role\":\"release\"}],"      \
    "\"revoke\":[\"security\"],\"deprecate\":[\"release\",\"security\"],"                          \
    "\"aliases\":{\"production\":{\"move\":[\"release\"],\"require\":"                             \
    "[{\"statement\":\"provenance\",\"role\":\"qa\"},{\"statement\":\"approval\","                 \
    "\"role\":\"qa\"}]}}}"

/* The rule asks for signatures, and for no provenance. */
#define BARE                                                                                       \
    "{\"match\":\"acme/*\",\"require\":[{\"statement\":\"signature\",\"role\":\"release\"}]}"

/* As statement_of(), of provenance too. To be freed with bfs_statement_done(). */
static void make_statement(enum bfs_statement_kind kind, struct bfs_statement *ret)
{
    *ret = statement_of(kind);
    if (kind == BFS_STATEMENT_PROVENANCE)
        assert_int_equal(bfs_provenance_new("https://example.com/build", "{}",
                                            "https://example.com/builder", "1.0", NOW - DAY,
                                            &ret->provenance, NULL),
                         0);
}

static void add_any(struct pile *pile, const struct bfs_policy *policy,
                    enum bfs_statement_kind kind, enum who key)
{
    bfs_autostatement struct bfs_statement statement;
    make_statement(kind, &statement);
    add_signed(pile, policy, &statement, (const enum who[]){key, N_KEYS});
}

static void weigh_one(const struct bfs_policy *policy, const struct bfs_statement *statement,
                      enum who key, struct bfs_verdict *ret)
{
    autopile struct pile pile = {0};
    struct pile none = {0};
    struct bfs_facts facts = facts_of(&none);
    add_signed(&pile, policy, statement, (const enum who[]){key, N_KEYS});
    bfs_policy_weigh(policy, &pile.items[0], &facts, ret);
}

struct weighed {
    enum bfs_statement_kind kind;
    enum who key;
    int code;
    const char *reason; /* the whole of it */
};

static void expect_weights(const char *rules, const struct weighed *cases, size_t n)
{
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(rules);
    for (size_t i = 0; i < n; i++) {
        bfs_autostatement struct bfs_statement statement;
        struct bfs_verdict verdict;
        make_statement(cases[i].kind, &statement);
        weigh_one(policy, &statement, cases[i].key, &verdict);
        if (verdict.code != cases[i].code || strcmp(verdict.reason, cases[i].reason) != 0)
            fail_msg("case %zu: %d, not %d: \"%s\", not \"%s\"", i, verdict.code, cases[i].code,
                     verdict.reason, cases[i].reason);
        assert_int_equal(verdict.rule, 0);
        assert_int_equal(verdict.n_uncounted, 0);
    }
}

/* By the roles that the rule names for its kind, its aliases' requirements too. */
static void test_each_kind_by_its_roles(void **state)
{
    (void)state;
    static const struct weighed cases[] = {
        {BFS_STATEMENT_SIGNATURE, ALICE, 0, ""},
        {BFS_STATEMENT_SIGNATURE, BOB, 0, ""},
        {BFS_STATEMENT_SIGNATURE, QA, -EKEYREJECTED, "key qa-1 lacks the role release"},
        {BFS_STATEMENT_PROVENANCE, QA, 0, ""},
        {BFS_STATEMENT_PROVENANCE, ALICE, -EKEYREJECTED, "key alice lacks the role qa"},
        {BFS_STATEMENT_APPROVAL, QA, 0, ""},
        {BFS_STATEMENT_APPROVAL, ALICE, -EKEYREJECTED, "key alice lacks the role qa"},
        {BFS_STATEMENT_REVOCATION, SECURITY, 0, ""},
        {BFS_STATEMENT_REVOCATION, ALICE, -EKEYREJECTED, "key alice lacks the role security"},
        {BFS_STATEMENT_DEPRECATION, ALICE, 0, ""},
        {BFS_STATEMENT_DEPRECATION, SECURITY, 0, ""},
        {BFS_STATEMENT_DEPRECATION, QA, -EKEYREJECTED,
         "key qa-1 lacks the role release or security"},
    };
    expect_weights(RULE, cases, LENGTH(cases));
}

/* What no requirement asks for counts from any key of the policy. */
static void test_a_kind_that_nothing_asks_for(void **state)
{
    (void)state;
    static const struct weighed cases[] = {
        {BFS_STATEMENT_PROVENANCE, QA, 0, ""},
        {BFS_STATEMENT_PROVENANCE, ALICE, 0, ""},
        {BFS_STATEMENT_SIGNATURE, QA, -EKEYREJECTED, "key qa-1 lacks the role release"},
    };
    expect_weights(BARE, cases, LENGTH(cases));
}

/* A revocation and a deprecation outlive their key; others count while it is valid. */
static void test_keys_and_time(void **state)
{
    (void)state;
    static const struct weighed cases[] = {
        {BFS_STATEMENT_SIGNATURE, EXPIRED, -EKEYREJECTED,
         "key old expired at 2026-06-01T00:00:00Z"},
        {BFS_STATEMENT_SIGNATURE, FUTURE, -EKEYREJECTED,
         "key next is not valid before 2026-06-02T00:00:00Z"},
        {BFS_STATEMENT_REVOCATION, EXPIRED, 0, ""},
        {BFS_STATEMENT_DEPRECATION, EXPIRED, 0, ""},
        {BFS_STATEMENT_DEPRECATION, FUTURE, 0, ""},
        {BFS_STATEMENT_APPROVAL, EXPIRED, -EKEYREJECTED, "key old lacks the role qa"},
    };
    expect_weights(RULE, cases, LENGTH(cases));
}

/* At the very second; `until` says when to ask again. */
static void test_the_ends_of_a_key(void **state)
{
    (void)state;
    static const struct {
        enum who key;
        int64_t now;
        int code;
        int64_t until;
    } cases[] = {
        {EXPIRED, NOW - 1, 0, NOW},
        {EXPIRED, NOW, -EKEYREJECTED, INT64_MAX},
        {FUTURE, NOW, -EKEYREJECTED, NOW + DAY},
        {FUTURE, NOW + DAY - 1, -EKEYREJECTED, NOW + DAY},
        {FUTURE, NOW + DAY, 0, INT64_MAX},
        {ALICE, NOW, 0, INT64_MAX},
    };
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    for (size_t i = 0; i < LENGTH(cases); i++) {
        autopile struct pile pile = {0};
        struct pile none = {0};
        struct bfs_facts facts = facts_of(&none);
        struct bfs_verdict verdict;
        add(&pile, policy, BFS_STATEMENT_SIGNATURE, cases[i].key);
        facts.now = cases[i].now;
        bfs_policy_weigh(policy, &pile.items[0], &facts, &verdict);
        if (verdict.code != cases[i].code || verdict.until != cases[i].until)
            fail_msg("case %zu: %d until %lld: %s", i, verdict.code, (long long)verdict.until,
                     verdict.reason);
    }
}

/* One good signer is enough, whoever else signed. */
static void test_two_signers(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    static const struct {
        enum who keys[3];
        int code;
    } cases[] = {
        {{QA, ALICE, N_KEYS}, 0},
        {{STRANGER, ALICE, N_KEYS}, 0},
        {{EXPIRED, FUTURE, N_KEYS}, -EKEYREJECTED},
        {{EXPIRED, BOB, N_KEYS}, 0},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        autopile struct pile pile = {0};
        struct pile none = {0};
        struct bfs_facts facts = facts_of(&none);
        struct bfs_statement statement = statement_of(BFS_STATEMENT_SIGNATURE);
        struct bfs_verdict verdict;
        add_signed(&pile, policy, &statement, cases[i].keys);
        bfs_policy_weigh(policy, &pile.items[0], &facts, &verdict);
        if (verdict.code != cases[i].code)
            fail_msg("case %zu: %d: %s", i, verdict.code, verdict.reason);
    }
}

static void test_an_approval_in_another_role(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    struct bfs_statement statement = statement_of(BFS_STATEMENT_APPROVAL);
    struct bfs_verdict verdict;
    strcpy(statement.role, "release"); /* which nothing asks for; still it must be hers */
    weigh_one(policy, &statement, ALICE, &verdict);
    assert_int_equal(verdict.code, 0);
    weigh_one(policy, &statement, QA, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_string_equal(verdict.reason, "key qa-1 lacks the role release");
    strcpy(statement.role, "legal");
    weigh_one(policy, &statement, QA, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_string_equal(verdict.reason, "the policy has no role legal");
}

static void test_signers_that_nobody_knows(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    struct bfs_statement statement = statement_of(BFS_STATEMENT_REVOCATION);
    struct bfs_verdict verdict;
    struct bfs_evidence bare = {0};
    struct pile none = {0};
    struct bfs_facts facts = facts_of(&none);
    char id[BFS_KEY_ID_TEXT_SIZE];
    weigh_one(policy, &statement, STRANGER, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_non_null(strstr(verdict.reason, "the policy does not know its key ("));
    assert_non_null(
        strstr(verdict.reason, bfs_key_id_text(bfs_secret_key_public(secret[STRANGER])->id, id)));
    bfs_policy_weigh(policy, &bare, &facts, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_string_equal(verdict.reason, "the policy does not know its key (without an id)");
}

static void test_a_bundle_that_no_rule_matches(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = policy_of("{\"match\":\"other/*\"}");
    struct bfs_statement statement = statement_of(BFS_STATEMENT_SIGNATURE);
    struct bfs_verdict verdict;
    weigh_one(policy, &statement, ALICE, &verdict);
    assert_int_equal(verdict.code, -EKEYREJECTED);
    assert_int_equal(verdict.rule, -1);
    assert_string_equal(verdict.reason, "no rule of the policy matches acme/tiny:1.0.0");
}

/* A move of an alias is judged with what it requires. */
static void test_a_move_of_an_alias(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    autopile struct pile move = {0}, target = {0};
    struct bfs_verdict verdict;
    add(&move, policy, BFS_STATEMENT_ALIAS, ALICE);
    struct bfs_facts facts = facts_of(&target);
    bfs_policy_weigh(policy, &move.items[0], &facts, &verdict);
    assert_int_equal(verdict.code, -ENOKEY);
    assert_non_null(strstr(verdict.reason, "alias production wants 1 provenance"));
    add_any(&target, policy, BFS_STATEMENT_PROVENANCE, QA);
    add(&target, policy, BFS_STATEMENT_APPROVAL, QA);
    facts = facts_of(&target);
    bfs_policy_weigh(policy, &move.items[0], &facts, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_non_null(strstr(verdict.reason, "moved by alice"));
}

static void test_without_a_policy(void **state)
{
    (void)state;
    struct bfs_statement statement = statement_of(BFS_STATEMENT_REVOCATION);
    struct bfs_verdict verdict;
    weigh_one(NULL, &statement, STRANGER, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.rule, -1);
    assert_string_equal(verdict.reason, "there is no policy");
}

static void judge(const struct bfs_policy *policy, const struct pile *pile, struct bfs_verdict *ret)
{
    struct bfs_facts facts = facts_of(pile);
    bfs_policy_judge(policy, &facts, NULL, ret);
}

/* Each statement that was meant to have an effect and has none is counted, by kind; the same reason
 * is said once. */
static void test_how_a_verdict_counts(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    autopile struct pile pile = {0};
    struct bfs_verdict verdict;
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    judge(policy, &pile, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.n_uncounted, 0);
    assert_string_equal(verdict.uncounted, "");

    add(&pile, policy, BFS_STATEMENT_REVOCATION, QA);
    judge(policy, &pile, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.n_uncounted, 1);
    assert_string_equal(verdict.uncounted,
                        "1 revocation not counted: key qa-1 lacks the role security");

    struct bfs_statement again = statement_of(BFS_STATEMENT_REVOCATION);
    again.when++;
    add_signed(&pile, policy, &again, (const enum who[]){QA, N_KEYS});
    add(&pile, policy, BFS_STATEMENT_DEPRECATION, QA);
    add(&pile, policy, BFS_STATEMENT_APPROVAL, ALICE);
    judge(policy, &pile, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.n_uncounted, 4);
    assert_string_equal(verdict.uncounted, "1 approval, 1 deprecation, 2 revocations not counted: "
                                           "key qa-1 lacks the role security; "
                                           "key qa-1 lacks the role release or security; "
                                           "key alice lacks the role qa");
}

/* A key that ended, and signatures by keys of others, are the course of things. */
static void test_what_a_verdict_does_not_count(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    autopile struct pile pile = {0};
    struct bfs_verdict verdict;
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, QA);
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, EXPIRED);
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, STRANGER);
    add_any(&pile, policy, BFS_STATEMENT_PROVENANCE, ALICE);
    add(&pile, policy, BFS_STATEMENT_APPROVAL, QA);
    struct bfs_statement ended = statement_of(BFS_STATEMENT_APPROVAL);
    strcpy(ended.role, "release");
    add_signed(&pile, policy, &ended, (const enum who[]){EXPIRED, N_KEYS});
    judge(policy, &pile, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.n_uncounted, 0);
    assert_string_equal(verdict.uncounted, "");
}

/* Nobody known signed it, but by its text it revokes: somebody may have meant to. */
static void test_a_revocation_by_nobody_known(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    autopile struct pile pile = {0};
    struct bfs_verdict verdict;
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    add(&pile, policy, BFS_STATEMENT_REVOCATION, STRANGER);
    pile.items[1].claims_revocation = true;
    judge(policy, &pile, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.n_uncounted, 1);
    assert_non_null(
        strstr(verdict.uncounted, "1 revocation not counted: the policy does not know its key ("));
}

struct steps {
    char text[4096];
    unsigned n_failed;
};

static void keep_step(void *context, bool passed, const char *text)
{
    struct steps *steps = context;
    size_t used = strlen(steps->text);
    (void)snprintf(steps->text + used, sizeof(steps->text) - used, "%s\n", text);
    steps->n_failed += !passed;
}

/* --explain names every statement without effect, those that are no news as well. */
static void test_a_trace_tells_each(void **state)
{
    (void)state;
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    autopile struct pile pile = {0};
    struct bfs_verdict verdict;
    struct steps steps = {0};
    const struct bfs_policy_trace trace = {.step = keep_step, .context = &steps};
    static const char *const lines[] = {
        "the signature by old at 2026-05-31T00:00:00Z does not count: "
        "key old expired at 2026-06-01T00:00:00Z\n",
        "the revocation by qa-1 at 2026-05-31T00:00:00Z does not count: "
        "key qa-1 lacks the role security\n",
        "the alias by qa-1 at 2026-05-31T00:00:00Z (production, number 1) does not count: ",
        "a revocation by nobody known does not count: the policy does not know its key (",
        "a statement by nobody known does not count: the policy does not know its key (",
    };
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, ALICE);
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, EXPIRED);
    add(&pile, policy, BFS_STATEMENT_REVOCATION, QA);
    add(&pile, policy, BFS_STATEMENT_ALIAS, QA);
    add(&pile, policy, BFS_STATEMENT_REVOCATION, STRANGER);
    pile.items[4].claims_revocation = true;
    add(&pile, policy, BFS_STATEMENT_SIGNATURE, STRANGER);
    struct bfs_facts facts = facts_of(&pile);
    bfs_policy_judge(policy, &facts, &trace, &verdict);
    assert_int_equal(verdict.code, 0);
    assert_int_equal(verdict.n_uncounted, 2); /* both revocations */
    for (size_t i = 0; i < LENGTH(lines); i++)
        if (!strstr(steps.text, lines[i]))
            fail_msg("no \"%s\" in:\n%s", lines[i], steps.text);
    assert_int_equal(steps.n_failed, LENGTH(lines));
    assert_null(strstr(steps.text, "the signature by alice"));
}

/* However many statements there are, the text ends in its buffer. */
static void test_a_long_text_is_cut(void **state)
{
    (void)state;
    enum { N = 200 };
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = policy_of(RULE);
    struct bfs_evidence items[N] = {0};
    const struct bfs_evidence *pointers[N];
    struct bfs_facts facts = {
        .reference = &tiny, .evidence = pointers, .n_evidence = N, .now = NOW};
    struct bfs_verdict verdict;
    for (size_t i = 0; i < N; i++) {
        items[i].claims_revocation = true;
        (void)snprintf(items[i].key_id, sizeof(items[i].key_id), "%016zu", i);
        pointers[i] = &items[i];
    }
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    assert_int_equal(verdict.n_uncounted, N);
    assert_int_equal(strlen(verdict.uncounted), BFS_VERDICT_REASON_SIZE - 1);
    assert_int_equal(strncmp(verdict.uncounted, "200 revocations not counted: ", 29), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_by_its_roles),
        cmocka_unit_test(test_a_kind_that_nothing_asks_for),
        cmocka_unit_test(test_keys_and_time),
        cmocka_unit_test(test_the_ends_of_a_key),
        cmocka_unit_test(test_two_signers),
        cmocka_unit_test(test_an_approval_in_another_role),
        cmocka_unit_test(test_signers_that_nobody_knows),
        cmocka_unit_test(test_a_bundle_that_no_rule_matches),
        cmocka_unit_test(test_a_move_of_an_alias),
        cmocka_unit_test(test_without_a_policy),
        cmocka_unit_test(test_how_a_verdict_counts),
        cmocka_unit_test(test_what_a_verdict_does_not_count),
        cmocka_unit_test(test_a_revocation_by_nobody_known),
        cmocka_unit_test(test_a_trace_tells_each),
        cmocka_unit_test(test_a_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}

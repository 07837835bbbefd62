/* SPDX-License-Identifier: Apache-2.0
 * Keys, a policy that names them, and statements that they sign. */
#ifndef BFS_TESTS_POLICY_WORLD_H
#define BFS_TESTS_POLICY_WORLD_H

#include "verify/policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-06-01T00:00:00Z: "now" unless a test says otherwise. */
#define NOW INT64_C(1780272000)
#define DAY INT64_C(86400)

enum who { ALICE, BOB, QA, SECURITY, EXPIRED, FUTURE, STRANGER, N_KEYS };

static struct bfs_secret_key *secret[N_KEYS];
static char line[N_KEYS][BFS_PUBLIC_KEY_LINE_SIZE];
static const struct bfs_reference tiny = {.name = "acme/tiny", .version = "1.0.0"};
static const struct bfs_digest tiny_id = {.bytes = {1, 2, 3}};

static inline int make_keys(void **state)
{
    (void)state;
    for (int i = 0; i < N_KEYS; i++) {
        assert_int_equal(bfs_secret_key_generate(&secret[i], NULL), 0);
        (void)bfs_public_key_line(bfs_secret_key_public(secret[i]), line[i]);
    }
    return 0;
}

static inline int drop_keys(void **state)
{
    (void)state;
    for (int i = 0; i < N_KEYS; i++)
        secret[i] = bfs_secret_key_free(secret[i]);
    return 0;
}

/* "keys" of every policy here; all but STRANGER's. */
static inline void put_keys(struct bfs_buffer *ret)
{
    bfs_buffer_printf(
        ret,
        "\"keys\":["
        "{\"name\":\"alice\",\"public_key\":\"%s\",\"roles\":[\"release\"]},"
        "{\"name\":\"bob\",\"public_key\":\"%s\",\"roles\":[\"release\",\"qa\"]},"
        "{\"name\":\"qa-1\",\"public_key\":\"%s\",\"roles\":[\"qa\"]},"
        "{\"name\":\"sec\",\"public_key\":\"%s\",\"roles\":[\"security\"]},"
        "{\"name\":\"old\",\"public_key\":\"%s\",\"roles\":[\"release\",\"security\"],"
        "\"not_before\":\"2020-01-01T00:00:00Z\",\"not_after\":\"2026-06-01T00:00:00Z\"},"
        "{\"name\":\"next\",\"public_key\":\"%s\",\"roles\":[\"release\"],"
        "\"not_before\":\"2026-06-02T00:00:00Z\"}]",
        line[ALICE], line[BOB], line[QA], line[SECURITY], line[EXPIRED], line[FUTURE]);
}

/* The text of a policy of those keys and the rules. */
static inline char *policy_text(const char *rules)
{
    struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&text, "{\"schema_version\":\"1.0\",");
    put_keys(&text);
    bfs_buffer_printf(&text, ",\"rules\":[%s]}", rules);
    bfs_buffer_put_u8(&text, '\0');
    assert_int_equal(bfs_buffer_status(&text), 0);
    return (char *)bfs_buffer_steal(&text);
}

static inline struct bfs_policy *policy_of(const char *rules)
{
    struct bfs_policy *policy = NULL;
    struct bfs_error error = {0};
    bfs_autofree char *text = policy_text(rules);
    if (bfs_policy_parse(text, strlen(text), "policy.json", &policy, &error))
        fail_msg("%s: %s", error.what, error.found);
    return policy;
}

static inline struct bfs_statement statement_of(enum bfs_statement_kind kind)
{
    struct bfs_statement statement = {
        .kind = kind, .subject_name = tiny, .subject = tiny_id, .when = NOW - DAY};
    if (kind == BFS_STATEMENT_APPROVAL)
        strcpy(statement.role, "qa");
    if (kind == BFS_STATEMENT_ALIAS) {
        strcpy(statement.alias, "production");
        statement.sequence = 1;
    }
    return statement;
}

/* The envelope of a statement with signatures of the keys, ended by N_KEYS. */
static inline void sign_with(const struct bfs_statement *statement, const enum who keys[],
                             struct bfs_buffer *ret)
{
    bfs_autobuffer struct bfs_buffer payload = BFS_BUFFER_INIT;
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    assert_int_equal(bfs_statement_write(statement, &payload, NULL), 0);
    assert_int_equal(
        bfs_envelope_new(BFS_STATEMENT_MEDIA, payload.bytes, payload.size, &envelope, NULL), 0);
    for (size_t i = 0; keys[i] != N_KEYS; i++)
        assert_int_equal(bfs_envelope_sign(&envelope, secret[keys[i]], NULL), 0);
    assert_int_equal(bfs_envelope_write(&envelope, ret), 0);
}

/* Evidence about tiny, ended by NULL; to be freed with drop_evidence(). */
enum { EVIDENCE_MAX = 8 };
struct pile {
    struct bfs_evidence items[EVIDENCE_MAX];
    const struct bfs_evidence *pointers[EVIDENCE_MAX];
    size_t n;
};

static inline void add_signed(struct pile *pile, const struct bfs_policy *policy,
                              const struct bfs_statement *statement, const enum who keys[])
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_error error = {0};
    sign_with(statement, keys, &text);
    assert_true(pile->n < EVIDENCE_MAX);
    if (bfs_evidence_read(policy, text.bytes, text.size, &tiny_id, "statement",
                          &pile->items[pile->n], &error))
        fail_msg("%s", error.what);
    pile->pointers[pile->n] = &pile->items[pile->n];
    pile->n++;
}

static inline void add(struct pile *pile, const struct bfs_policy *policy,
                       enum bfs_statement_kind kind, enum who key)
{
    struct bfs_statement statement = statement_of(kind);
    add_signed(pile, policy, &statement, (const enum who[]){key, N_KEYS});
}

static inline void drop_pile(struct pile *pile)
{
    for (size_t i = 0; i < pile->n; i++)
        bfs_evidence_done(&pile->items[i]);
}
#define autopile BFS_CLEANUP(drop_pile)

static inline struct bfs_facts facts_of(const struct pile *pile)
{
    return (struct bfs_facts){
        .reference = &tiny, .evidence = pile->pointers, .n_evidence = pile->n, .now = NOW};
}

/* Judges and compares; each of the words (ended by NULL) must be in the reason. */
static inline void expect_facts(const struct bfs_policy *policy, const struct bfs_facts *facts,
                                int code, const char *const words[])
{
    struct bfs_verdict verdict;
    bfs_policy_judge(policy, facts, NULL, &verdict);
    if (verdict.code != code)
        fail_msg("%d instead of %d: %s", verdict.code, code, verdict.reason);
    for (size_t i = 0; words[i]; i++)
        if (!strstr(verdict.reason, words[i]))
            fail_msg("\"%s\" is not in: %s", words[i], verdict.reason);
}

static inline void expect(const struct bfs_policy *policy, const struct pile *pile, int code,
                          const char *word)
{
    struct bfs_facts facts = facts_of(pile);
    expect_facts(policy, &facts, code, (const char *const[]){word, NULL});
}

#endif

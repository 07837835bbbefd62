/* SPDX-License-Identifier: Apache-2.0
 * How many keys a signature is tried with. */
#include "world.h"

/* One envelope of a statement that alice signed and that names the key of `claimed` for it. */
static void sign_claiming(enum who claimed, enum who key, struct bfs_buffer *ret)
{
    bfs_autobuffer struct bfs_buffer payload = BFS_BUFFER_INIT;
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    struct bfs_statement statement = statement_of(BFS_STATEMENT_REVOCATION);
    char id[BFS_KEY_ID_TEXT_SIZE];
    assert_int_equal(bfs_statement_write(&statement, &payload, NULL), 0);
    assert_int_equal(
        bfs_envelope_new(BFS_STATEMENT_MEDIA, payload.bytes, payload.size, &envelope, NULL), 0);
    assert_int_equal(bfs_envelope_sign(&envelope, secret[key], NULL), 0);
    free(envelope.signatures[0].key_id);
    envelope.signatures[0].key_id =
        strdup(bfs_key_id_text(bfs_secret_key_public(secret[claimed])->id, id));
    assert_int_equal(bfs_envelope_write(&envelope, ret), 0);
}

static void expect_signed(enum who claimed, enum who key, size_t tries, bool is_signed,
                          bool is_unsure, size_t left)
{
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = policy_of("{\"match\":\"**\"}");
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autoevidence struct bfs_evidence evidence = {0};
    sign_claiming(claimed, key, &text);
    assert_int_equal(bfs_evidence_read_within(policy, text.bytes, text.size, &tiny_id, "statement",
                                              &tries, &evidence, NULL),
                     0);
    assert_int_equal(evidence.is_signed, is_signed);
    assert_int_equal(evidence.is_unsure, is_unsure);
    assert_int_equal(tries, left);
}

enum { N_KNOWN = 6 }; /* keys of the policy */

static void test_the_key_that_is_named_is_always_tried(void **state)
{
    (void)state;
    expect_signed(ALICE, ALICE, 0, true, false, 0);
    expect_signed(ALICE, ALICE, 100, true, false, 100);
}

static void test_a_wrong_name_costs_tries(void **state)
{
    (void)state;
    expect_signed(STRANGER, ALICE, N_KNOWN, true, false, 0);
    expect_signed(BOB, ALICE, N_KNOWN + 1, true, false, 1);
    expect_signed(ALICE, STRANGER, N_KNOWN, false, false, 0);
}

static void test_without_tries_nothing_is_sure(void **state)
{
    (void)state;
    expect_signed(STRANGER, ALICE, N_KNOWN - 1, false, true, N_KNOWN - 1);
    expect_signed(BOB, ALICE, 0, false, true, 0);
    expect_signed(STRANGER, STRANGER, 0, false, true, 0);
}

/* Signatures are tried with the keys that they name, not with those that others name. */
static void test_a_name_is_for_its_own_signature(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer payload = BFS_BUFFER_INIT;
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    struct bfs_statement statement = statement_of(BFS_STATEMENT_SIGNATURE);
    struct bfs_public_key keys[2] = {*bfs_secret_key_public(secret[ALICE]),
                                     *bfs_secret_key_public(secret[BOB])};
    bool by[2] = {false, false};
    size_t count = 0;
    assert_int_equal(bfs_statement_write(&statement, &payload, NULL), 0);
    assert_int_equal(
        bfs_envelope_new(BFS_STATEMENT_MEDIA, payload.bytes, payload.size, &envelope, NULL), 0);
    assert_int_equal(bfs_envelope_sign(&envelope, secret[ALICE], NULL), 0);
    assert_int_equal(bfs_envelope_sign(&envelope, secret[BOB], NULL), 0);
    char *first = envelope.signatures[0].key_id;
    envelope.signatures[0].key_id = envelope.signatures[1].key_id;
    envelope.signatures[1].key_id = first;
    assert_int_equal(bfs_envelope_verify_named(&envelope, BFS_STATEMENT_MEDIA, keys, 2, by, &count,
                                               "envelope", NULL),
                     -EKEYREJECTED);
    assert_int_equal(
        bfs_envelope_verify(&envelope, BFS_STATEMENT_MEDIA, keys, 2, by, &count, "envelope", NULL),
        0);
    assert_int_equal(count, 2);
    assert_true(by[0] && by[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_key_that_is_named_is_always_tried),
        cmocka_unit_test(test_a_wrong_name_costs_tries),
        cmocka_unit_test(test_without_tries_nothing_is_sure),
        cmocka_unit_test(test_a_name_is_for_its_own_signature),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}

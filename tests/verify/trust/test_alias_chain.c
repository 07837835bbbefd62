/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "verify/trust/alias_chain.h"

#include <stdio.h>
#include <string.h>

enum { N_MAX = 8 };

/* Moves of aliases; move i has the digest i+1 everywhere unless a test says otherwise. */
struct moves {
    struct bfs_statement statements[N_MAX];
    struct bfs_digest digests[N_MAX];
    size_t n;
};

/* Adds the move with that number; `before`: which move it names as the previous one, -1 for none.
 */
static size_t add(struct moves *moves, const char *alias, uint64_t sequence, int before)
{
    size_t i = moves->n++;
    struct bfs_statement *statement = &moves->statements[i];
    *statement = (struct bfs_statement){.kind = BFS_STATEMENT_ALIAS, .sequence = sequence};
    (void)snprintf(statement->alias, sizeof(statement->alias), "%s", alias);
    memset(&moves->digests[i], (int)i + 1, sizeof(moves->digests[i]));
    statement->subject = moves->digests[i]; /* each points elsewhere */
    statement->has_previous = before >= 0;
    if (before >= 0)
        statement->previous = moves->digests[before];
    return i;
}

static struct bfs_alias_chains chains_of(const struct moves *moves)
{
    struct bfs_alias_chains chains = {0};
    for (size_t i = moves->n; i-- > 0;) /* the order does not matter */
        assert_int_equal(bfs_alias_chains_add(&chains, &moves->statements[i], &moves->digests[i]),
                         0);
    bfs_alias_chains_finish(&chains);
    return chains;
}

/* Index of the move that counts; -1: none. */
static int head_of(const struct moves *moves, const char *alias, bfs_alias_believes believes,
                   void *context, bool *ret_forked)
{
    bfs_autochains struct bfs_alias_chains chains = chains_of(moves);
    const struct bfs_alias_link *head =
        bfs_alias_chains_head(&chains, alias, believes, context, ret_forked);
    return head ? (int)(head->statement - moves->statements) : -1;
}

static void the_highest_whole_chain_counts(void **state)
{
    struct moves moves = {0};
    bool forked = true;
    (void)state;
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), -1);
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 3, 1);
    add(&moves, "stage", 1, -1);
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, &forked), 2);
    assert_false(forked);
    assert_int_equal(head_of(&moves, "stage", NULL, NULL, NULL), 3);
    assert_int_equal(head_of(&moves, "pro", NULL, NULL, NULL), -1);
}

static void what_does_not_link_up_does_not_count(void **state)
{
    struct moves moves = {0};
    (void)state;
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 9, 1);  /* numbers are left out */
    add(&moves, "prod", 3, 0);  /* names another as the one before */
    add(&moves, "prod", 3, -1); /* names none */
    add(&moves, "prod", 4, 3);  /* follows one that does not link up */
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), 1);
    moves.statements[0].sequence = 2; /* the first is gone */
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), -1);
}

static void a_link_to_another_alias_does_not_count(void **state)
{
    struct moves moves = {0};
    (void)state;
    add(&moves, "stage", 1, -1);
    add(&moves, "prod", 2, 0);
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), -1);
    moves.statements[0].kind = BFS_STATEMENT_APPROVAL; /* and neither does one to another kind */
    strcpy(moves.statements[0].alias, "prod");
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), -1);
}

static void a_first_move_names_none_before(void **state)
{
    struct moves moves = {0};
    (void)state;
    add(&moves, "prod", 1, -1);
    moves.statements[0].has_previous = true;
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), -1);
}

static void a_replayed_move_never_wins(void **state)
{
    struct moves moves = {0};
    (void)state;
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    moves.statements[moves.n] = moves.statements[0];
    moves.digests[moves.n++] = moves.digests[0];
    bfs_autochains struct bfs_alias_chains chains = chains_of(&moves);
    assert_int_equal(chains.n, 2);
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, NULL), 1);
}

static void a_fork_is_told_and_decided_by_digest(void **state)
{
    struct moves moves = {0};
    bool forked = false;
    (void)state;
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 2, 0);
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, &forked), 1);
    assert_true(forked);
    add(&moves, "prod", 3, 2); /* goes on from the other one */
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, &forked), 3);
    assert_false(forked);
}

static bool is_forked(const struct bfs_alias_chains *chains, const struct moves *moves, size_t i)
{
    const struct bfs_alias_link *link =
        bfs_alias_chains_find(chains, &moves->statements[i], &moves->digests[i]);
    assert_non_null(link);
    assert_ptr_equal(link->statement, &moves->statements[i]);
    return link->is_forked;
}

static void a_fork_stays_told_when_the_chain_goes_on(void **state)
{
    struct moves moves = {0};
    struct bfs_digest unknown;
    (void)state;
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 3, 2);
    add(&moves, "prod", 4, 3);
    add(&moves, "prod", 4, 2); /* does not link up */
    bfs_autochains struct bfs_alias_chains chains = chains_of(&moves);
    for (size_t i = 0; i < moves.n; i++)
        assert_int_equal(is_forked(&chains, &moves, i), i == 1 || i == 2);
    memset(&unknown, 0x55, sizeof(unknown));
    assert_null(bfs_alias_chains_find(&chains, &moves.statements[0], &unknown));
}

/* An envelope in other letters has another digest and says the same. */
static void the_same_move_in_another_envelope_is_no_fork(void **state)
{
    struct moves moves = {0};
    bool forked = true;
    (void)state;
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 2, 0);
    moves.statements[2].subject = moves.statements[1].subject;
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, &forked), 1);
    assert_false(forked);
    bfs_autochains struct bfs_alias_chains chains = chains_of(&moves);
    assert_false(is_forked(&chains, &moves, 1));
    add(&moves, "prod", 2, 0); /* between the two, by digest, and after */
    assert_int_equal(head_of(&moves, "prod", NULL, NULL, &forked), 1);
    assert_true(forked);
}

static bool believes_all_but(void *context, const struct bfs_alias_link *link)
{
    return link->statement->sequence != *(const uint64_t *)context;
}

static void only_the_end_must_be_believed(void **state)
{
    struct moves moves = {0};
    uint64_t three = 3, two = 2;
    (void)state;
    add(&moves, "prod", 1, -1);
    add(&moves, "prod", 2, 0);
    add(&moves, "prod", 3, 1);
    assert_int_equal(head_of(&moves, "prod", believes_all_but, &three, NULL), 1);
    assert_int_equal(head_of(&moves, "prod", believes_all_but, &two, NULL), 2);
}

static void links_know_the_one_before(void **state)
{
    struct moves moves = {0};
    size_t at = 0;
    (void)state;
    add(&moves, "b", 1, -1);
    add(&moves, "b", 2, 0);
    add(&moves, "a", 1, -1);
    bfs_autochains struct bfs_alias_chains chains = chains_of(&moves);
    const struct bfs_alias_link *head = bfs_alias_chains_head(&chains, "b", NULL, NULL, NULL);
    assert_ptr_equal(head->before->statement, &moves.statements[0]);
    assert_null(head->before->before);
    assert_string_equal(bfs_alias_chains_next(&chains, &at), "a");
    assert_string_equal(bfs_alias_chains_next(&chains, &at), "b");
    assert_null(bfs_alias_chains_next(&chains, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_whole_chain_counts),
        cmocka_unit_test(what_does_not_link_up_does_not_count),
        cmocka_unit_test(a_link_to_another_alias_does_not_count),
        cmocka_unit_test(a_first_move_names_none_before),
        cmocka_unit_test(a_replayed_move_never_wins),
        cmocka_unit_test(a_fork_is_told_and_decided_by_digest),
        cmocka_unit_test(a_fork_stays_told_when_the_chain_goes_on),
        cmocka_unit_test(the_same_move_in_another_envelope_is_no_fork),
        cmocka_unit_test(only_the_end_must_be_believed),
        cmocka_unit_test(links_know_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

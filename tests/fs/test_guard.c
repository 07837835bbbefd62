/* SPDX-License-Identifier: Apache-2.0
 * Verdicts of a mount: when they are reached, how long they stand, and what the kernel is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/guarded.h"

static void verdicts_wait_for_no_request_and_follow_statements(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, SIGNED);
    set_policy(&world, SIGNED);
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(admit(&world, A, true), -ENOKEY);
    assert_int_equal(admit(&world, A, false), -ENOKEY);
    assert_int_equal(admit(&world, B, true), 0);
    expect_refused(&world, A, "0 count");
    expect_refused(&world, B, NULL);
    unsigned before = n_judged;
    reload(&world); /* nothing has changed */
    assert_int_equal(admit(&world, A, false), -ENOKEY);
    assert_int_equal(n_judged, before);
    sign(&world, "a/m:1.0.0", BFS_STATEMENT_SIGNATURE);
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(admit(&world, A, true), 0);
    assert_int_equal(admit(&world, B, false), 0); /* not judged again */
    assert_int_equal(n_judged, before + 1);
    sign(&world, "a/m:1.0.0", BFS_STATEMENT_REVOCATION);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "revoked by k");
}

static void the_kernel_is_told_twice_and_only_of_changes(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, OWNED("7"));
    assert_int_equal(owner(&world, A), 7);
    assert_int_equal(owner(&world, B), 12345);
    assert_int_equal(told_about(&world, A), 0);
    set_policy(&world, OWNED("8"));
    assert_int_equal(told_about(&world, A), 2);
    assert_true(world.inodes[0] > 5);
    assert_int_equal(told_about(&world, B), 0);
    assert_int_equal(owner(&world, A), 8);
    set_policy(&world, OWNED("8") "," FREE);
    assert_int_equal(told_about(&world, A), 0);
    set_policy(&world, SIGNED);
    assert_int_equal(told_about(&world, A), 2);
    set_policy(&world, FREE);
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(told_about(&world, A), 0);
}

/* A policy that was wrong for a moment: whoever looked in that moment must not keep what he saw. */
static void a_policy_that_comes_back_is_told_too(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, OWNED("7"));
    assert_int_equal(told_about(&world, A), 0);
    set_policy(&world, OWNED("8"));
    assert_int_equal(owner(&world, A), 8); /* before it is judged anew */
    set_policy(&world, OWNED("7"));
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(told_about(&world, B), 0);
}

static void remove_bundle(struct world *world, const char *name)
{
    struct bfs_reference reference;
    assert_int_equal(bfs_reference_parse(name, &reference, NULL), 0);
    assert_int_equal(bfs_catalog_remove(world->served.packed.store, &reference, NULL), 0);
    reload(world);
}

/* The verdict follows the bundles that are required, in turn too, and what is said about them. */
static void a_check_is_made_again_for_what_is_required(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    pack_with(&world, "c/low:1.0.0", CONTRACT(""));
    pack_with(&world, "b/mid:1.0.0", CONTRACT(NEED("c/low")));
    pack_with(&world, "a/top:1.0.0", CONTRACT(NEED("b/mid")));
    pack_with(&world, "a/other:1.0.0", CONTRACT(""));
    reload(&world);
    set_policy(&world, CHECKED);
    world.slots[A] = bfs_node_slot(served_node(&world.served, "a/top/1.0.0"));
    world.slots[B] = bfs_node_slot(served_node(&world.served, "a/other/1.0.0"));
    assert_int_equal(admit(&world, A, true), 0);
    assert_int_equal(admit(&world, B, true), 0);

    remove_bundle(&world, "c/low:1.0.0");
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "found errors");
    assert_int_equal(admit(&world, B, false), 0); /* nothing of its own */
    pack_with(&world, "c/low:2.0.0", CONTRACT(""));
    reload(&world);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    pack_with(&world, "c/low:1.5.0", CONTRACT(""));
    reload(&world);
    assert_int_equal(admit(&world, A, true), 0);

    sign(&world, "c/low:1.5.0", BFS_STATEMENT_DEPRECATION);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "found warnings");
    sign(&world, "c/low:1.5.0", BFS_STATEMENT_REVOCATION);
    assert_int_equal(admit(&world, A, true), -EKEYREJECTED);
    expect_refused(&world, A, "found errors");
}

static void a_failure_is_tried_again_and_an_excess_is_not(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, FREE);
    now_given = 1780272000;
    judge_fails = -EIO;
    assert_int_equal(admit(&world, A, true), -EIO);
    expect_refused(&world, A, "it cannot be judged: on purpose");
    assert_int_equal(admit(&world, A, false), -EIO);
    now_given++;
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(told_about(&world, A), 2); /* found by going through all */
    assert_int_equal(admit(&world, A, false), 0);
    set_policy(&world, FREE);
    judge_fails = -E2BIG;
    assert_int_equal(admit(&world, A, true), -E2BIG);
    now_given += 1000000;
    assert_int_equal(admit(&world, A, false), -E2BIG);
}

static void a_key_that_ends_takes_its_bundles_along(void **state)
{
    autoworld world = {.not_after = ",\"not_after\":\"2026-06-01T00:00:00Z\""};
    (void)state;
    set_up(&world, FREE);
    now_given = 1780271999; /* the second before */
    set_policy(&world, SIGNED);
    sign(&world, "a/m:1.0.0", BFS_STATEMENT_SIGNATURE);
    assert_int_equal(told_about(&world, A), 0);
    assert_int_equal(admit(&world, A, false), 0);
    now_given++;
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(admit(&world, A, false), -EKEYREJECTED);
    expect_refused(&world, A, "expired at 2026-06-01T00:00:00Z");
}

/* What is no fault of the text is tried again, and what is one is not. */
static void a_policy_is_taken_up_when_it_can_be(void **state)
{
    autoworld world = {0};
    char trouble[BFS_ERROR_TEXT_SIZE];
    (void)state;
    set_up(&world, FREE);
    struct bfs_policy_file *file = world.served.fs->policy_file;
    write_policy(&world, "");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    write_policy(&world, "7");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    assert_true(bfs_policy_file_trouble(file, trouble));
    write_policy(&world, FREE);
    resolve_fails = -EMFILE;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    assert_true(bfs_policy_file_trouble(file, trouble));
    assert_non_null(strstr(trouble, "on purpose"));
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    ms_later += 5000;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    assert_false(bfs_policy_file_trouble(file, trouble));
    ms_later += 5000;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
}

static void a_statement_is_refused_once(void **state)
{
    autoworld world = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_digest digest;
    (void)state;
    set_up(&world, FREE);
    const struct bfs_store *store = world.served.packed.store;
    struct bfs_statement about = test_statement(store, "a/m:1.0.0", BFS_STATEMENT_DEPRECATION, 5);
    assert_int_equal(test_state(store, &about, world.key, &digest, NULL), 0);
    bfs_autofree char *path = bfs_store_blob_path(store, &digest);
    assert_int_equal(unlink(path), 0);
    reload(&world);
    /* Whoever wants to know where "latest" points, and what lies in "signatures". */
    assert_int_not_equal(served_node(&world.served, "a/m/latest"), 0);
    assert_int_not_equal(served_node(&world.served, "a/m/1.0.0/signatures"), 0);
    assert_int_equal(served_node(&world.served, "a/m/1.0.0/signatures/x"), 0);
    assert_int_equal(bfs_control_write(world.served.fs, BFS_CONTROL_REFUSED, &text), 0);
    bfs_buffer_put_u8(&text, '\0');
    const char *first = strstr((const char *)text.bytes, ".deprecation.");
    assert_non_null(first);
    assert_null(strstr(first + 1, ".deprecation."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_wait_for_no_request_and_follow_statements),
        cmocka_unit_test(the_kernel_is_told_twice_and_only_of_changes),
        cmocka_unit_test(a_policy_that_comes_back_is_told_too),
        cmocka_unit_test(a_check_is_made_again_for_what_is_required),
        cmocka_unit_test(a_failure_is_tried_again_and_an_excess_is_not),
        cmocka_unit_test(a_key_that_ends_takes_its_bundles_along),
        cmocka_unit_test(a_policy_is_taken_up_when_it_can_be),
        cmocka_unit_test(a_statement_is_refused_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

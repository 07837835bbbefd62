/* SPDX-License-Identifier: Apache-2.0
 * What happens while a bundle is judged: changes, and others who want the verdict. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/guarded.h"
#include "tests/fs/turn.h"

#include <pthread.h>
#include <sched.h>

static void change_policy(struct world *world)
{
    set_policy(world, FREE);
}

static void a_verdict_by_a_policy_of_before_is_not_kept(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, SIGNED);
    meanwhile = change_policy;
    assert_int_equal(admit(&world, A, true), -ENOKEY); /* to who asked then */
    expect_refused(&world, A, NULL);
    assert_int_equal(admit(&world, A, false), -EWOULDBLOCK);
    assert_int_equal(told_about(&world, A), 2);
    assert_int_equal(admit(&world, A, false), 0);
}

static void revoke_and_judge(struct world *world)
{
    sign(world, "a/m:1.0.0", BFS_STATEMENT_REVOCATION);
    assert_int_equal(admit(world, A, true), -EKEYREJECTED);
    assert_int_equal(told_about(world, A), 2); /* and everything was gone through */
}

static void who_was_slow_does_not_replace_who_knew_more(void **state)
{
    autoworld world = {0};
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, FREE);
    meanwhile = revoke_and_judge;
    assert_int_equal(admit(&world, A, true), 0); /* to who asked then */
    assert_int_equal(admit(&world, A, false), -EKEYREJECTED);
    expect_refused(&world, A, "revoked");
    assert_int_equal(told_about(&world, A), 2);
}

static bool a_worker_was_free;

static void see_whether_a_worker_is_free(struct world *world)
{
    static struct turn turn; /* a worker may come to it late */
    turn_submit(&turn, world->served.fs->pool, BFS_PRIORITY_METADATA);
    a_worker_was_free = turn_wait(&turn, 20);
}

/* Many open files of a bundle after the policy changed: one of them reads the statements, and the
 * others take no worker meanwhile. */
static void a_verdict_is_reached_once_for_all_who_wait(void **state)
{
    enum { N = 8 };
    autoworld world = {0};
    struct fake_request requests[N];
    (void)state;
    set_up(&world, FREE);
    uint64_t node = served_node(&world.served, "a/m/1.0.0/model.safetensors");
    set_policy(&world, CHECKED);
    n_judged = 0;
    a_worker_was_free = false;
    meanwhile = see_whether_a_worker_is_free;
    for (unsigned i = 0; i < N; i++) {
        struct fuse_file_info info = {.flags = O_RDONLY};
        fake_request_init(&requests[i], world.served.fs);
        bfs_fuse_ops.open(fake_handle(&requests[i]), node, &info);
    }
    for (unsigned i = 0; i < N; i++) {
        assert_true(fake_wait(&requests[i], 20000));
        if (requests[i].error == 0)
            bfs_release_file(world.served.fs, node, requests[i].open.fh);
        assert_int_equal(requests[i].error, requests[0].error);
        fake_request_done(&requests[i]);
    }
    assert_true(a_worker_was_free);
    assert_int_equal(n_judged, 1);
}

enum { N_ADMITTED = 8 };

struct admitted {
    struct world *world;
    int status;
};

static atomic_uint n_entered;

static void await_all(struct world *world)
{
    (void)world;
    while (n_entered < N_ADMITTED)
        (void)sched_yield();
}

static void *admit_in_thread(void *argument)
{
    struct admitted *admitted = argument;
    n_entered++;
    admitted->status = admit(admitted->world, A, true);
    return NULL;
}

/* The same for threads that do not stand in a line, such as the one that watches. */
static void threads_share_a_verdict(void **state)
{
    autoworld world = {0};
    struct admitted admitted[N_ADMITTED];
    pthread_t threads[N_ADMITTED];
    (void)state;
    set_up(&world, FREE);
    set_policy(&world, SIGNED);
    n_judged = 0;
    n_entered = 0;
    meanwhile = await_all;
    for (unsigned i = 0; i < N_ADMITTED; i++) {
        admitted[i] = (struct admitted){.world = &world};
        assert_int_equal(pthread_create(&threads[i], NULL, admit_in_thread, &admitted[i]), 0);
    }
    for (unsigned i = 0; i < N_ADMITTED; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < N_ADMITTED; i++)
        assert_int_equal(admitted[i].status, -ENOKEY);
    assert_int_equal(n_judged, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_by_a_policy_of_before_is_not_kept),
        cmocka_unit_test(who_was_slow_does_not_replace_who_knew_more),
        cmocka_unit_test(a_verdict_is_reached_once_for_all_who_wait),
        cmocka_unit_test(threads_share_a_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

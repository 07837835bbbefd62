/* SPDX-License-Identifier: Apache-2.0
 * flock(2) as the daemon keeps it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/flocks.h"
#include "tests/fs/fake_fuse.h"

#include <errno.h>
#include <sys/file.h>

enum { NODE = 7, OTHER = 8, ALICE = 1, BOB, CAROL, N = 3 };

struct world {
    struct bfs_flocks *flocks;
    struct fake_request requests[N]; /* that may have to wait */
};

static void set_up(struct world *world)
{
    assert_int_equal(bfs_flocks_new(&world->flocks), 0);
    for (unsigned i = 0; i < N; i++)
        fake_request_init(&world->requests[i], NULL);
}

static void tear_down(struct world *world)
{
    (void)bfs_flocks_free(world->flocks);
    for (unsigned i = 0; i < N; i++)
        fake_request_done(&world->requests[i]);
}
#define autoworld BFS_CLEANUP(tear_down) struct world

/* The errno of a request that is answered at once. */
static int lock(struct world *world, uint64_t node, uint64_t owner, int operation)
{
    struct fake_request request;
    fake_request_init(&request, NULL);
    bfs_flock(world->flocks, fake_handle(&request), node, owner, operation | LOCK_NB);
    assert_int_equal(fake_n_replies(&request), 1);
    int error = request.error;
    fake_request_done(&request);
    return error;
}

static void wait_for(struct world *world, unsigned i, uint64_t owner, int operation)
{
    bfs_flock(world->flocks, fake_handle(&world->requests[i]), NODE, owner, operation);
}

static void expect(struct world *world, unsigned i, unsigned n_replies, int error)
{
    assert_int_equal(fake_n_replies(&world->requests[i]), n_replies);
    assert_int_equal(world->requests[i].error, error);
}

static void one_writer_or_many_readers(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX), 0);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX), 0); /* has it */
    assert_int_equal(lock(&world, NODE, BOB, LOCK_EX), EWOULDBLOCK);
    assert_int_equal(lock(&world, NODE, BOB, LOCK_SH), EWOULDBLOCK);
    assert_int_equal(lock(&world, OTHER, BOB, LOCK_EX), 0);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_SH), 0);
    assert_int_equal(lock(&world, NODE, BOB, LOCK_SH), 0);
    assert_int_equal(lock(&world, NODE, CAROL, LOCK_EX), EWOULDBLOCK);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX),
                     EWOULDBLOCK); /* and loses the shared one */
    assert_int_equal(lock(&world, NODE, BOB, LOCK_UN), 0);
    assert_int_equal(lock(&world, NODE, CAROL, LOCK_EX), 0);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_UN), 0); /* has none */
    bfs_flock_release(world.flocks, NODE, CAROL);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX), 0);
}

static void who_waits_gets_it(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX), 0);
    wait_for(&world, 0, BOB, LOCK_SH);
    wait_for(&world, 1, CAROL, LOCK_SH);
    expect(&world, 0, 0, 0);
    bfs_flock_release(world.flocks, NODE, ALICE);
    expect(&world, 0, 1, 0);
    expect(&world, 1, 1, 0);
    wait_for(&world, 2, ALICE, LOCK_EX);
    bfs_flock_release(world.flocks, NODE, BOB);
    expect(&world, 2, 0, 0);
    bfs_flock_release(world.flocks, NODE, CAROL);
    expect(&world, 2, 1, 0);
    assert_int_equal(lock(&world, NODE, BOB, LOCK_SH), EWOULDBLOCK);
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX), 0);
    wait_for(&world, 0, BOB, LOCK_EX);
    fake_interrupt(&world.requests[0]);
    expect(&world, 0, 1, EINTR);
    world.requests[1].interrupted = true; /* before it could wait */
    wait_for(&world, 1, BOB, LOCK_EX);
    expect(&world, 1, 1, EINTR);
    bfs_flock_release(world.flocks, NODE, ALICE);
    expect(&world, 0, 1, EINTR);
    assert_int_equal(lock(&world, NODE, CAROL, LOCK_EX), 0); /* Bob has none */
    fake_interrupt(&world.requests[0]);
    expect(&world, 0, 1, EINTR);
}

static void the_end_answers_who_waits(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world);
    assert_int_equal(lock(&world, NODE, ALICE, LOCK_EX), 0);
    for (unsigned i = 0; i < N; i++)
        wait_for(&world, i, BOB, LOCK_EX);
    world.flocks = bfs_flocks_free(world.flocks);
    for (unsigned i = 0; i < N; i++)
        expect(&world, i, 1, EINTR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_writer_or_many_readers),
        cmocka_unit_test(who_waits_gets_it),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(the_end_answers_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

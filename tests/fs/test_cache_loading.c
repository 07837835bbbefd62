/* SPDX-License-Identifier: Apache-2.0
 * How chunks come into the cache: once for all, together, and each for itself when one fails. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/cached.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/turn.h"

#include <sched.h>

struct one_of_many {
    struct fixture *fixture;
    struct bfs_block *block;
};

static void *get_chunk_three(void *argument)
{
    struct one_of_many *one = argument;
    one->block = try_get(one->fixture, 3);
    return NULL;
}

static uint64_t n_asked(struct fixture *fixture)
{
    return metric(fixture, BFS_METRIC_CACHE_HITS) + metric(fixture, BFS_METRIC_CACHE_MISSES);
}

static void one_decode_for_all(void **state)
{
    (void)state;
    enum { N = 32 };
    struct fixture fixture;
    struct one_of_many askers[N];
    pthread_t threads[N];
    set_up(&fixture, BFS_CACHE_SIZE_MIN, 2);
    gate_close();
    for (unsigned i = 0; i < N; i++) {
        askers[i].fixture = &fixture;
        assert_int_equal(pthread_create(&threads[i], NULL, get_chunk_three, &askers[i]), 0);
    }
    while (n_asked(&fixture) < N)
        (void)sched_yield();
    gate_open();
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), 1);
    assert_int_equal(n_asked(&fixture), N);
    assert_non_null(askers[0].block);
    for (unsigned i = 0; i < N; i++) {
        assert_ptr_equal(askers[i].block, askers[0].block);
        bfs_cache_put(fixture.cache, askers[i].block);
    }
    tear_down(&fixture);
}

static void everybody_learns_of_a_failure(void **state)
{
    (void)state;
    enum { N = 8 };
    struct fixture fixture;
    struct asker askers[N];
    set_up(&fixture, BFS_CACHE_SIZE_MIN, 2);
    served_damage(&fixture.served, fixture.open, 2);
    gate_close();
    for (unsigned i = 0; i < N; i++)
        ask(&fixture, &askers[i], fixture.open->file, 2);
    gate_open();
    for (unsigned i = 0; i < N; i++)
        (void)await(&askers[i], -EBADMSG);
    assert_int_equal(metric(&fixture, BFS_METRIC_CORRUPT_CHUNKS), 1);
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), 0);
    served_damage(&fixture.served, fixture.open, 2);
    bfs_cache_put(fixture.cache, get(&fixture, 2));
    tear_down(&fixture);
}

/* Chunks that wait for a worker are proved together, and each stands for itself. */
static void only_the_damaged_ones_fail(void **state)
{
    (void)state;
    enum { N = 24 };
    struct fixture fixture;
    struct asker askers[N];
    static const uint32_t damaged[] = {0, 7, 15, 16, N - 1};
    bool bad[N] = {false};
    set_up(&fixture, BFS_CACHE_SIZE_MIN, 1);
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        served_damage(&fixture.served, fixture.open, damaged[i]);
        bad[damaged[i]] = true;
    }
    gate_close();
    prefetch(fixture.cache, fixture.open->file, N); /* occupies the worker */
    gate_await(1);
    for (uint32_t i = 0; i < N; i++)
        ask(&fixture, &askers[i], fixture.open->file, i);
    gate_open();
    for (uint32_t i = 0; i < N; i++) {
        struct bfs_block *block = await(&askers[i], bad[i] ? -EBADMSG : 0);
        if (!block)
            continue;
        check_block(&fixture, i, block);
        bfs_cache_put(fixture.cache, block);
    }
    assert_int_equal(metric(&fixture, BFS_METRIC_CORRUPT_CHUNKS), 5);
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), N - 5 + 1);
    tear_down(&fixture);
}

struct plug {
    struct bfs_job job;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool reached, pulled; /* protected by mutex */
};

static void run_plug(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct plug *plug = (struct plug *)job;
    (void)reader;
    (void)pthread_mutex_lock(&plug->mutex);
    plug->reached = true;
    (void)pthread_cond_broadcast(&plug->changed);
    while (!plug->pulled)
        (void)pthread_cond_wait(&plug->changed, &plug->mutex);
    (void)pthread_mutex_unlock(&plug->mutex);
}

/* Demand overtakes a prefetch in its queue, and the job that is left there pins no memory. */
static void demand_overtakes_prefetch(void **state)
{
    (void)state;
    enum { N = 24 };
    struct fixture fixture;
    struct asker askers[N];
    struct plug plug = {.job = {.run = run_plug},
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    set_up(&fixture, 1 << 20, 1);
    gate_close();
    prefetch(fixture.cache, fixture.open->file, N); /* occupies the worker */
    gate_await(1);
    for (uint32_t i = 0; i < N; i++)
        prefetch(fixture.cache, fixture.open->file, i);
    for (uint32_t i = 0; i < N; i++)
        ask(&fixture, &askers[i], fixture.open->file, i);
    bfs_pool_submit(fixture.pool, &plug.job, BFS_PRIORITY_DEMAND);
    assert_int_equal(bfs_pool_queued(fixture.pool), 2 * N + 1);
    gate_open();
    for (uint32_t i = 0; i < N; i++)
        bfs_cache_put(fixture.cache, await(&askers[i], 0));
    (void)pthread_mutex_lock(&plug.mutex);
    while (!plug.reached)
        (void)pthread_cond_wait(&plug.changed, &plug.mutex);
    (void)pthread_mutex_unlock(&plug.mutex);
    assert_int_equal(bfs_pool_queued(fixture.pool), N);
    assert_true(bfs_cache_size(fixture.cache) <= 1 << 20);
    (void)pthread_mutex_lock(&plug.mutex);
    plug.pulled = true;
    (void)pthread_cond_broadcast(&plug.changed);
    (void)pthread_mutex_unlock(&plug.mutex);
    assert_true(turn_drain(fixture.pool));
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), N + 1); /* once each */
    tear_down(&fixture);
}

/* Two bundles hold the chunk in blobs of their own; that one's is damaged is nothing to the other,
 * even when both ask at once. */
static void a_failure_stays_with_its_file(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, BFS_CACHE_SIZE_MIN, 2);
    struct bfs_pack_report report;
    struct bfs_error error = {0};
    fixture.source[fixture.size - 1] ^= 1;
    test_write_file(&fixture.served.packed.folder, "model/model.safetensors", fixture.source,
                    fixture.size);
    assert_int_equal(packed_pack(&fixture.served.packed, "acme/tiny:2.0.0",
                                 (struct bfs_pack_options){.no_dedup = true}, &report),
                     0);
    BFS_CLEANUP(bfs_bundle_cleanup)
    struct bfs_bundle *bundle = packed_open(&fixture.served.packed, "acme/tiny:2.0.0");
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    uint32_t inode;
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), "model.safetensors", &inode), 0);
    assert_int_equal(bfs_file_open(bundle, inode, &file, &error), 0);
    struct bfs_chunk ours = bfs_chunk_table_at(bfs_file_table(file), 4),
                     theirs = bfs_chunk_table_at(bfs_file_table(fixture.open->file), 4);
    assert_true(bfs_digest_equal(&ours.digest, &theirs.digest));

    struct asker damaged, intact;
    served_damage(&fixture.served, fixture.open, 4);
    gate_close();
    ask(&fixture, &damaged, fixture.open->file, 4);
    gate_await(1);
    ask(&fixture, &intact, file, 4);
    gate_open();
    (void)await(&damaged, -EBADMSG);
    struct bfs_block *block = await(&intact, 0);
    check_block(&fixture, 4, block);
    bfs_cache_put(fixture.cache, block);
    tear_down(&fixture);
}

static void the_end_answers_who_waits(void **state)
{
    (void)state;
    enum { N = 16 };
    struct fixture fixture;
    struct asker askers[N];
    set_up(&fixture, BFS_CACHE_SIZE_MIN, 2);
    gate_close();
    for (uint32_t i = 0; i < N; i++)
        prefetch(fixture.cache, fixture.open->file, i + 4);
    for (uint32_t i = 0; i < N; i++)
        ask(&fixture, &askers[i], fixture.open->file, i);
    gate_await(2);
    gate_open();
    fixture.pool = bfs_pool_free(fixture.pool);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(askers[i].n_answers, 1);
        assert_true(askers[i].status == 0 || askers[i].status == -ESHUTDOWN);
        if (askers[i].status == 0)
            bfs_cache_put(fixture.cache, askers[i].block);
    }
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_decode_for_all),
        cmocka_unit_test(everybody_learns_of_a_failure),
        cmocka_unit_test(only_the_damaged_ones_fail),
        cmocka_unit_test(demand_overtakes_prefetch),
        cmocka_unit_test(a_failure_stays_with_its_file),
        cmocka_unit_test(the_end_answers_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * What stays in the cache, and what goes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/cached.h"
#include "tests/fs/turn.h"

#include <stdatomic.h>

static void the_oldest_goes_first(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 1 << 20, 1);
    const struct bfs_chunk_table *table = bfs_file_table(fixture.open->file);
    uint32_t n = bfs_chunk_table_n_chunks(table);
    struct bfs_chunk last = bfs_chunk_table_at(table, n - 1), first = bfs_chunk_table_at(table, 0);
    assert_true(n > 24);
    for (uint32_t i = 0; i < n; i++)
        bfs_cache_put(fixture.cache, get(&fixture, i));
    assert_true(bfs_cache_size(fixture.cache) <= 1 << 20);
    assert_true(metric(&fixture, BFS_METRIC_EVICTIONS) > 0);
    assert_true(bfs_cache_has(fixture.cache, &last));
    assert_false(bfs_cache_has(fixture.cache, &first));
    assert_null(bfs_cache_peek(fixture.cache, &first));
    bfs_cache_put(fixture.cache, get(&fixture, 0));
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), n + 1);
    tear_down(&fixture);
}

/* What the kernel has taken whole makes room before fresh memory is mapped; what it has in part, or
 * what did not go to the page cache, stays. */
static void delivered_goes_first(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 64 << 20, 1);
    const struct bfs_chunk_table *table = bfs_file_table(fixture.open->file);
    struct bfs_chunk chunks[4];
    for (uint32_t i = 0; i < 4; i++)
        chunks[i] = bfs_chunk_table_at(table, i);
    bfs_cache_put(fixture.cache, get(&fixture, 0));
    bfs_cache_put_delivered(fixture.cache, get(&fixture, 1), chunks[1].raw_size - 1);
    bfs_cache_put_delivered(fixture.cache, get(&fixture, 2), chunks[2].raw_size - 1);
    bfs_cache_put_delivered(fixture.cache, get(&fixture, 2), 1);
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), 3);
    assert_true(bfs_cache_has(fixture.cache, &chunks[2]));
    size_t before = bfs_cache_size(fixture.cache);
    bfs_cache_put(fixture.cache, get(&fixture, 3));
    assert_false(bfs_cache_has(fixture.cache, &chunks[2]));
    assert_true(bfs_cache_has(fixture.cache, &chunks[0]));
    assert_true(bfs_cache_has(fixture.cache, &chunks[1]));
    assert_true(bfs_cache_has(fixture.cache, &chunks[3]));
    assert_int_equal(metric(&fixture, BFS_METRIC_EVICTIONS), 1);
    if (chunks[3].raw_size == chunks[2].raw_size)
        assert_int_equal(bfs_cache_size(fixture.cache), before);
    tear_down(&fixture);
}

/* In use all at once, more than the limit: given, and given back. */
static void demand_may_pass_the_limit_for_a_while(void **state)
{
    (void)state;
    enum { N = 24 };
    struct fixture fixture;
    struct bfs_block *blocks[N];
    set_up(&fixture, 1 << 20, 1);
    for (uint32_t i = 0; i < N; i++)
        blocks[i] = get(&fixture, i);
    assert_true(bfs_cache_size(fixture.cache) > 1 << 20);
    uint64_t decoded = metric(&fixture, BFS_METRIC_CHUNKS_DECODED);
    prefetch(fixture.cache, fixture.open->file, N); /* that may not */
    assert_true(turn_drain(fixture.pool));
    for (uint32_t i = 0; i < N; i++) {
        check_block(&fixture, i, blocks[i]);
        bfs_cache_put(fixture.cache, blocks[i]);
    }
    assert_int_equal(metric(&fixture, BFS_METRIC_CHUNKS_DECODED), decoded);
    assert_true(bfs_cache_size(fixture.cache) <= 1 << 20);
    tear_down(&fixture);
}

struct loader {
    struct fixture *fixture;
    uint64_t seed;
    atomic_bool *over;
    bool failed;
};

static void *load_at_random(void *argument)
{
    struct loader *loader = argument;
    struct fixture *fixture = loader->fixture;
    uint32_t n = bfs_chunk_table_n_chunks(bfs_file_table(fixture->open->file));
    for (unsigned i = 0; i < 1500; i++) {
        uint32_t a = (uint32_t)(test_random(&loader->seed) % n);
        uint32_t b = (uint32_t)(test_random(&loader->seed) % n);
        prefetch(fixture->cache, fixture->open->file, (a + 1) % n);
        struct bfs_block *first = try_get(fixture, a), *second = try_get(fixture, b);
        loader->failed = loader->failed || !first || !second || !is_chunk(fixture, a, first);
        if (first)
            bfs_cache_put(fixture->cache, first);
        if (second)
            bfs_cache_put(fixture->cache, second);
        if (bfs_cache_size(fixture->cache) > bfs_cache_limit(fixture->cache))
            atomic_store(loader->over, true);
    }
    return NULL;
}

/* Four threads hold at most two chunks each and two workers load one: well below the limit. */
static void within_the_limit_under_load(void **state)
{
    (void)state;
    enum { N = 4 };
    struct fixture fixture;
    struct loader loaders[N];
    pthread_t threads[N];
    atomic_bool over = false;
    set_up(&fixture, 3 << 19, 2);
    for (unsigned i = 0; i < N; i++) {
        loaders[i] = (struct loader){&fixture, i, &over, false};
        assert_int_equal(pthread_create(&threads[i], NULL, load_at_random, &loaders[i]), 0);
    }
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < N; i++)
        assert_false(loaders[i].failed);
    assert_false(atomic_load(&over));
    assert_true(metric(&fixture, BFS_METRIC_EVICTIONS) > 0);
    tear_down(&fixture);
}

static void another_record_is_another_chunk(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, BFS_CACHE_SIZE_MIN, 1);
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(fixture.open->file), 1);
    bfs_cache_put(fixture.cache, get(&fixture, 1));
    assert_true(bfs_cache_has(fixture.cache, &chunk));
    struct bfs_chunk changed[7];
    for (unsigned i = 0; i < 7; i++)
        changed[i] = chunk;
    changed[0].encoding.codec ^= 1;
    changed[1].encoding.width ^= 2;
    changed[2].raw_size--;
    changed[3].stored_size--;
    changed[4].digest.bytes[31] ^= 1;
    changed[5].check.bytes[15] ^= 1;
    changed[6].encoding.transform ^= 1;
    for (unsigned i = 0; i < 7; i++) {
        assert_false(bfs_cache_has(fixture.cache, &changed[i]));
        assert_null(bfs_cache_peek(fixture.cache, &changed[i]));
    }
    chunk.stored_off += 100; /* another place is the same chunk */
    assert_true(bfs_cache_has(fixture.cache, &chunk));
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_goes_first),
        cmocka_unit_test(delivered_goes_first),
        cmocka_unit_test(demand_may_pass_the_limit_for_a_while),
        cmocka_unit_test(within_the_limit_under_load),
        cmocka_unit_test(another_record_is_another_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

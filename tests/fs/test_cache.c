/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
#include "tests/fs/turn.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static void prefetch(struct bfs_cache *cache, struct bfs_file *file, uint32_t chunk)
{
    bfs_cache_prefetch(cache, file, &chunk, 1, BFS_PRIORITY_AHEAD);
}

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

/* A cache and pool of the test's own over a file of a served model. */
struct fixture {
    struct served served;
    struct bfs_open_file *open;
    struct bfs_metrics metrics;
    struct bfs_pool *pool;
    struct bfs_cache *cache;
    uint8_t *source;
    size_t size;
};

static void set_up(struct fixture *fixture, size_t limit, unsigned n_workers)
{
    *fixture = (struct fixture){0};
    served_make(&fixture->served);
    fixture->open = served_open(&fixture->served, model);
    fixture->source = served_source(&fixture->served, "model.safetensors", &fixture->size);
    assert_int_equal(bfs_pool_new(n_workers, &fixture->pool), 0);
    assert_int_equal(bfs_cache_new(limit, fixture->pool, &fixture->metrics, &fixture->served.log,
                                   &fixture->cache),
                     0);
}

static void tear_down(struct fixture *fixture)
{
    (void)bfs_pool_free(fixture->pool);
    (void)bfs_cache_free(fixture->cache);
    bfs_files_unref(fixture->served.fs->files, fixture->open);
    free(fixture->source);
    served_done(&fixture->served);
}

static uint64_t metric(struct fixture *fixture, enum bfs_metric which)
{
    return bfs_metric_get(&fixture->metrics, which);
}

/* Somebody who wants a chunk. */
struct asker {
    struct bfs_waiter waiter;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    unsigned n_answers; /* protected by mutex, like the two below */
    int status;
    struct bfs_block *block;
};

static void answer(struct asker *asker, int status, struct bfs_block *block)
{
    (void)pthread_mutex_lock(&asker->mutex);
    asker->n_answers++;
    asker->status = status;
    asker->block = block;
    (void)pthread_cond_broadcast(&asker->answered);
    (void)pthread_mutex_unlock(&asker->mutex);
}

static void on_done(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    answer((struct asker *)waiter, status, block);
}

/* What bfs_cache_get() returned. */
static int try_ask(struct fixture *fixture, struct asker *asker, struct bfs_file *file, uint32_t i)
{
    struct bfs_block *block = NULL;
    *asker = (struct asker){.waiter = {.done = on_done}};
    (void)pthread_mutex_init(&asker->mutex, NULL);
    (void)pthread_cond_init(&asker->answered, NULL);
    int r = bfs_cache_get(fixture->cache, file, i, &asker->waiter, &block);
    if (r == 1)
        answer(asker, 0, block);
    return r;
}

static void ask(struct fixture *fixture, struct asker *asker, struct bfs_file *file, uint32_t i)
{
    int r = try_ask(fixture, asker, file, i);
    assert_true(r == 0 || r == 1);
}

static void await_answer(struct asker *asker)
{
    (void)pthread_mutex_lock(&asker->mutex);
    while (asker->n_answers == 0)
        (void)pthread_cond_wait(&asker->answered, &asker->mutex);
    (void)pthread_mutex_unlock(&asker->mutex);
}

static struct bfs_block *await(struct asker *asker, int status)
{
    await_answer(asker);
    assert_int_equal(asker->n_answers, 1);
    assert_int_equal(asker->status, status);
    assert_int_equal(asker->block != NULL, status == 0);
    return asker->block;
}

static bool is_chunk(const struct fixture *fixture, uint32_t i, const struct bfs_block *block)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(fixture->open->file), i);
    return bfs_block_size(block) == chunk.raw_size &&
           memcmp(bfs_block_bytes(block), fixture->source + chunk.raw_off, chunk.raw_size) == 0;
}

static void check_block(const struct fixture *fixture, uint32_t i, const struct bfs_block *block)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(fixture->open->file), i);
    assert_int_equal(bfs_block_size(block), chunk.raw_size);
    assert_memory_equal(bfs_block_bytes(block), fixture->source + chunk.raw_off, chunk.raw_size);
}

static struct bfs_block *get(struct fixture *fixture, uint32_t i)
{
    struct asker asker;
    ask(fixture, &asker, fixture->open->file, i);
    struct bfs_block *block = await(&asker, 0);
    check_block(fixture, i, block);
    return block;
}

/* In threads, where nothing can be asserted; NULL: it failed, or was not the chunk. */
static struct bfs_block *try_get(struct fixture *fixture, uint32_t i)
{
    struct asker asker;
    if (try_ask(fixture, &asker, fixture->open->file, i) < 0)
        return NULL;
    await_answer(&asker);
    if (asker.status || is_chunk(fixture, i, asker.block))
        return asker.block;
    bfs_cache_put(fixture->cache, asker.block);
    return NULL;
}

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
        cmocka_unit_test(the_oldest_goes_first),
        cmocka_unit_test(delivered_goes_first),
        cmocka_unit_test(demand_may_pass_the_limit_for_a_while),
        cmocka_unit_test(within_the_limit_under_load),
        cmocka_unit_test(everybody_learns_of_a_failure),
        cmocka_unit_test(only_the_damaged_ones_fail),
        cmocka_unit_test(demand_overtakes_prefetch),
        cmocka_unit_test(another_record_is_another_chunk),
        cmocka_unit_test(a_failure_stays_with_its_file),
        cmocka_unit_test(the_end_answers_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

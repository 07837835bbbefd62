/* SPDX-License-Identifier: Apache-2.0
 * The program is linked with -Wl,--wrap=bfs_file_will_need. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/advice.h"
#include "tests/fs/served.h"
#include "tests/fs/turn.h"

#include <pthread.h>

enum { QUEUE = 64, ASKED_MAX = 256 };

/* What the kernel was asked for. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
    uint32_t blob;
    uint64_t offset, size;
} asked[ASKED_MAX]; /* protected by mutex, like all below */
static unsigned n_asked;
static bool is_held; /* who asks waits */

void __wrap_bfs_file_will_need(const struct bfs_file *file, uint32_t blob, uint64_t offset,
                               uint64_t size);
void __wrap_bfs_file_will_need(const struct bfs_file *file, uint32_t blob, uint64_t offset,
                               uint64_t size)
{
    (void)file;
    (void)pthread_mutex_lock(&mutex);
    if (n_asked < ASKED_MAX) {
        asked[n_asked].blob = blob;
        asked[n_asked].offset = offset;
        asked[n_asked].size = size;
    }
    n_asked++;
    (void)pthread_cond_broadcast(&changed);
    while (is_held)
        (void)pthread_cond_wait(&changed, &mutex);
    (void)pthread_mutex_unlock(&mutex);
}

static void hold(bool held)
{
    (void)pthread_mutex_lock(&mutex);
    is_held = held;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&mutex);
}

static void await_asked(unsigned n)
{
    (void)pthread_mutex_lock(&mutex);
    while (n_asked < n)
        (void)pthread_cond_wait(&changed, &mutex);
    (void)pthread_mutex_unlock(&mutex);
}

struct world {
    struct served served;
    struct bfs_open_file *open;
    const struct bfs_chunk_table *table;
    uint32_t n;
};

static void set_up(struct world *world, const char *path)
{
    served_pack(&world->served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    world->served.options.workers = 1; /* for turn_drain() */
    served_start(&world->served);
    world->open = served_open(&world->served, path);
    world->table = bfs_file_table(world->open->file);
    world->n = bfs_chunk_table_n_chunks(world->table);
    n_asked = 0;
    is_held = false;
}

static void tear_down(struct world *world)
{
    bfs_files_unref(world->served.fs->files, world->open);
    served_done(&world->served);
}
#define autoworld BFS_CLEANUP(tear_down) struct world

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

/* The stored bytes of all n chunks from `first` on, in order, each once, and as few ranges as can
 * be. */
static void expect_ranges(const struct world *world, uint32_t first, uint32_t n)
{
    unsigned k = 0;
    uint64_t done = 0;
    for (uint32_t i = first; i < first + n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(world->table, i);
        if (k + 1 < n_asked && done == asked[k].size) {
            /* A range ends where the next chunk is not the next of the blob. */
            assert_false(chunk.blob == asked[k].blob && chunk.stored_off == asked[k].offset + done);
            k++;
            done = 0;
        }
        assert_true(k < n_asked);
        assert_int_equal(asked[k].blob, chunk.blob);
        assert_int_equal(asked[k].offset + done, chunk.stored_off);
        done += chunk.stored_size;
        assert_true(done <= asked[k].size);
    }
    assert_int_equal(done, asked[k].size);
    assert_int_equal(k + 1, n_asked);
}

static void chunks_that_follow_are_one_range(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world, model);
    assert_true(world.n > 8);
    bfs_advice_ask_now(world.open->file, 1, 6);
    expect_ranges(&world, 1, 6);
    n_asked = 0;
    bfs_advice_ask_now(world.open->file, 0, world.n);
    expect_ranges(&world, 0, world.n);
    n_asked = 0;
    bfs_advice_ask_now(world.open->file, world.n - 1, 1);
    expect_ranges(&world, world.n - 1, 1);
}

/* Chunks that are zero have no bytes, and what others stored is in other places. */
static void holes_divide_nothing_but_places(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world, "acme/tiny/1.0.0/hole.bin");
    bfs_advice_ask_now(world.open->file, 0, world.n);
    expect_ranges(&world, 0, world.n);
}

static void nothing_is_asked_for_nothing(void **state)
{
    (void)state;
    autoworld world;
    set_up(&world, model);
    bfs_advice_ask_now(world.open->file, 0, 0);
    assert_int_equal(n_asked, 0);
}

/* Whoever asks does not wait for the kernel. A queue that is full forgets the newest. */
static void a_short_queue_in_order(void **state)
{
    (void)state;
    autoworld world;
    struct bfs_advice *advice = NULL;
    set_up(&world, model);
    assert_int_equal(bfs_advice_new(&advice), 0);
    hold(true);
    bfs_advice_ask(advice, world.open->file, 0, 1);
    await_asked(1); /* and the thread stands there */
    for (unsigned i = 0; i < QUEUE + 8; i++)
        bfs_advice_ask(advice, world.open->file, 1 + i % (world.n - 1), 1);
    hold(false);
    await_asked(1 + QUEUE);
    (void)bfs_advice_free(advice);
    assert_int_equal(n_asked, 1 + QUEUE);
    for (unsigned i = 0; i < QUEUE; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(world.table, 1 + i % (world.n - 1));
        assert_int_equal(asked[1 + i].offset, chunk.stored_off);
        assert_int_equal(asked[1 + i].size, chunk.stored_size);
    }
}

static void *end(void *argument)
{
    return bfs_advice_free(argument);
}

/* The end gives the files back that wait in the queue. */
static void the_end_gives_files_back(void **state)
{
    (void)state;
    autoworld world;
    struct bfs_advice *advice = NULL;
    set_up(&world, model);
    size_t tables = bfs_file_tables_size();
    assert_int_equal(bfs_advice_new(&advice), 0);
    hold(true);
    struct bfs_open_file *other = served_open(&world.served, "acme/tiny/1.0.0/hole.bin");
    bfs_advice_ask(advice, world.open->file, 0, 1);
    await_asked(1);
    for (unsigned i = 0; i < 3; i++)
        bfs_advice_ask(advice, other->file, 0, 1);
    bfs_files_unref(world.served.fs->files, other);
    assert_true(bfs_file_tables_size() > tables); /* the queue has it */
    pthread_t ending;
    assert_int_equal(pthread_create(&ending, NULL, end, advice), 0);
    hold(false);
    assert_int_equal(pthread_join(ending, NULL), 0);
    assert_true(turn_drain(world.served.fs->pool)); /* a worker closes the handle */
    assert_int_equal(bfs_file_tables_size(), tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_that_follow_are_one_range),
        cmocka_unit_test(holes_divide_nothing_but_places),
        cmocka_unit_test(nothing_is_asked_for_nothing),
        cmocka_unit_test(a_short_queue_in_order),
        cmocka_unit_test(the_end_gives_files_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

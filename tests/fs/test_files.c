/* SPDX-License-Identifier: Apache-2.0
 * Open files and the memory of their chunk tables. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/dispatch.h"
#include "tests/fs/closes.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
#include "tests/fs/tables.h"

#include <pthread.h>

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

/* Files are closed by workers. */
static void await_tables(size_t size)
{
    while (bfs_file_tables_size() != size)
        (void)sched_yield();
}

static void tables_are_counted(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    size_t before = bfs_file_tables_size();
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *again = served_open(&served, model);
    assert_ptr_equal(open, again);
    size_t size = bfs_chunk_table_size(bfs_file_table(open->file));
    assert_true(size > 0);
    assert_int_equal(bfs_file_tables_size(), before + size);
    bfs_files_unref(served.fs->files, open);
    assert_int_equal(bfs_file_tables_size(), before + size);
    bfs_files_unref(served.fs->files, again);
    await_tables(before);
}

static void tables_take_from_the_cache(void **state)
{
    (void)state;
    enum { MIB = 1 << 20, LIMIT = 256 * MIB };
    test_autoserved struct served served;
    served_make(&served);
    struct bfs_cache *cache = served.fs->cache;
    assert_int_equal(served.options.cache_size, LIMIT);
    assert_int_equal(bfs_cache_limit_now(cache), LIMIT);
    tables_pretend(BFS_CACHE_TABLES_FREE);
    assert_int_equal(bfs_cache_limit_now(cache), LIMIT);
    tables_pretend(BFS_CACHE_TABLES_FREE + 100 * MIB);
    assert_int_equal(bfs_cache_limit_now(cache), LIMIT - 100 * MIB);
    tables_pretend((size_t)BFS_CACHE_TABLES_FREE + LIMIT - BFS_CACHE_SIZE_MIN);
    assert_int_equal(bfs_cache_limit_now(cache), BFS_CACHE_SIZE_MIN);
    tables_pretend((size_t)16 << 30);
    assert_int_equal(bfs_cache_limit_now(cache), BFS_CACHE_SIZE_MIN);
    tables_pretend(0);
}

/* Nor is more decoded ahead than goes with what is left. */
static void tables_take_from_read_ahead(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_make(&served);
    tables_pretend((size_t)1 << 30);
    bfs_fs_look_at_memory(served.fs);
    assert_true(served.fs->ahead.decoded <= BFS_CACHE_SIZE_MIN / 8);
    assert_true(served.fs->ahead.together <= BFS_CACHE_SIZE_MIN / 2);
    tables_pretend(0);
}

/* What is free makes room for a table at once, not when the next chunk comes. */
static void the_cache_gives_back(void **state)
{
    (void)state;
    enum { N = 32, SIZE = 1 << 20 };
    test_autoserved struct served served;
    uint8_t *rooms[N];
    served_make(&served);
    struct bfs_cache *cache = served.fs->cache;
    for (unsigned i = 0; i < N; i++) {
        rooms[i] = bfs_cache_take_room(cache, SIZE);
        assert_non_null(rooms[i]);
    }
    for (unsigned i = 0; i < N; i++)
        bfs_cache_give_room(cache, rooms[i], SIZE);
    assert_true(bfs_cache_size(cache) >= N * SIZE);
    tables_pretend((size_t)1 << 30);
    bfs_files_unref(served.fs->files, served_open(&served, model));
    assert_true(bfs_cache_size(cache) <= BFS_CACHE_SIZE_MIN);
    tables_pretend(0);
}

struct opener {
    struct served *served;
    struct bfs_bundle *bundle;
    uint64_t node;
    struct bfs_open_file *open;
    int status;
};

static void *open_it(void *argument)
{
    struct opener *opener = argument;
    opener->status = bfs_files_open(opener->served->fs->files, opener->node, opener->bundle,
                                    bfs_node_inode(opener->node), &opener->open, NULL);
    return NULL;
}

static void a_table_is_read_once(void **state)
{
    (void)state;
    enum { N = 8 };
    test_autoserved struct served served;
    struct opener openers[N];
    pthread_t threads[N];
    struct bfs_bundle *bundle = NULL;
    served_make(&served);
    uint64_t node = served_node(&served, model);
    assert_int_equal(bfs_op_bundle(served.fs, node, true, &bundle), 0);
    (void)gate_count();
    gate_close();
    for (unsigned i = 0; i < N; i++) {
        openers[i] = (struct opener){.served = &served, .bundle = bundle, .node = node};
        assert_int_equal(pthread_create(&threads[i], NULL, open_it, &openers[i]), 0);
    }
    gate_await(1);
    gate_open();
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(openers[i].status, 0);
        assert_ptr_equal(openers[i].open, openers[0].open);
        bfs_files_unref(served.fs->files, openers[i].open);
    }
    assert_int_equal(gate_count(), 1);
    (void)bfs_bundle_unref(bundle);
}

/* A server that hangs in close(2) would take one request thread after the other. */
static void who_releases_closes_nothing(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct fake_request request;
    struct fuse_file_info info = {0};
    served_make(&served);
    uint64_t node = served_node(&served, model);
    size_t before = bfs_file_tables_size();
    info.fh = (uintptr_t)served_open(&served, model);
    fake_request_init(&request, served.fs);
    unsigned closes = closes_of_this_thread();
    bfs_fuse_ops.release(fake_handle(&request), node, &info);
    assert_int_equal(closes_of_this_thread(), closes);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    fake_request_done(&request);
    await_tables(before);
}

/* The last one may go after the workers have ended, and is closed all the same. */
static void what_is_left_is_closed_at_the_end(void **state)
{
    (void)state;
    enum { N = 100 };
    test_autoserved struct served served;
    served_make(&served);
    size_t before = bfs_file_tables_size();
    for (int i = 0; i < N; i++)
        bfs_files_unref(served.fs->files, served_open(&served, model));
    (void)served_open(&served, model);
    served.fs = bfs_fs_free(served.fs);
    assert_int_equal(bfs_file_tables_size(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_counted),          cmocka_unit_test(tables_take_from_the_cache),
        cmocka_unit_test(tables_take_from_read_ahead), cmocka_unit_test(the_cache_gives_back),
        cmocka_unit_test(a_table_is_read_once),
        cmocka_unit_test(who_releases_closes_nothing),
        cmocka_unit_test(what_is_left_is_closed_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

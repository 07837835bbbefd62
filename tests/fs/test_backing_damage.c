/* SPDX-License-Identifier: Apache-2.0
 * A disk loses what a backing file was given: who opens the file anew never gets that, whenever it
 * is noticed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/backed.h"

enum { LIMIT = 64 << 20, SMALL_CACHE = 2 << 20 };

static struct served *the_served; /* for what the keeper calls */

/* On disk, where nothing seals the file against this test. */
static void start_on_disk(struct served *served, struct test_folder *folder)
{
    *folder = test_folder_make();
    const struct bfs_backing_place place = {.folder = folder->path, .limit = LIMIT};
    start_at(served, &place, BFS_FILL_WARM, SMALL_CACHE);
    the_served = served;
}

/* Of a chunk that the cache does not have: there is one, since the file is larger. */
static void lose_a_byte(void)
{
    uint8_t byte;
    int fd = atomic_load(&kernel.last_fd);
    int32_t id;
    uint64_t node = plain_node(the_served, model), handle = open_node(the_served, node, &id);
    const struct bfs_open_file *open = (const struct bfs_open_file *)(uintptr_t)handle;
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(open->file), 0);
    assert_true(bfs_file_size(open->file) > SMALL_CACHE);
    for (uint32_t i = 1; bfs_cache_has(the_served->fs->cache, &chunk); i++)
        chunk = bfs_chunk_table_at(bfs_file_table(open->file), i);
    bfs_release_file(the_served->fs, node, handle);
    off_t at = (off_t)(chunk.raw_off + chunk.raw_size / 2);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* The daemon looks at what the backing file has, which readers nevertheless get right. */
static void lose_and_read(void)
{
    kernel.on_add = NULL;
    kernel.on_forget = NULL;
    lose_a_byte();
    read_all(the_served, model, "model.safetensors");
}

static void await_removed(int n)
{
    uint64_t until = bfs_now_ms() + 20000;
    while (atomic_load(&kernel.n_removed) != n) {
        assert_true(bfs_now_ms() < until);
        (void)sched_yield();
    }
}

static void while_the_kernel_has_it_open(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct test_folder folder;
    struct bfs_reply reply;
    int32_t id;
    start_on_disk(&served, &folder);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    uint64_t node = served_node(&served, model), first, second;
    first = open_node(&served, node, &id);
    second = open_node(&served, node, &id);
    assert_true(id > 0);
    int n_forgotten = atomic_load(&kernel.n_forgotten);
    lose_and_read();
    /* At once, whatever the keeper does: lookups lead back, and nobody is given that file. */
    assert_int_equal(state_of(&served, model), BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, bfs_node_plain(node)).error, -EIO);
    assert_int_equal(served_node(&served, model), bfs_node_plain(node));
    assert_int_equal(served_run(&served, bfs_op_open, node, "", 0, &reply), -ESTALE);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FILES), 0);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FAILURES), 1);
    /* The kernel is told, and keeps what it has open, and so the space, until that is closed. */
    uint64_t until = bfs_now_ms() + 20000;
    while (atomic_load(&kernel.n_forgotten) == n_forgotten)
        assert_true(bfs_now_ms() < until);
    assert_int_equal(want(&served, model), 0);
    bfs_release_file(served.fs, node, first);
    assert_int_equal(served_run(&served, bfs_op_open, node, "", 0, &reply), -ESTALE);
    assert_int_equal(state_of(&served, model), BFS_BACKING_FAILED);
    assert_true(metric(&served, BFS_METRIC_BACKING_BYTES) > 0);
    assert_int_equal(atomic_load(&kernel.n_removed), 1); /* of the trial */
    bfs_release_file(served.fs, node, second);
    await_removed(2);
    await(&served, model, BFS_BACKING_NONE);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_BYTES), 0);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_EVICTIONS), 0);
    /* As any other file, once the keeper is done with it. */
    until = bfs_now_ms() + 20000;
    while (state_of(&served, model) != BFS_BACKING_READY) {
        assert_int_equal(want(&served, model), 0);
        assert_true(bfs_now_ms() < until);
    }
    first = open_node(&served, node, &id);
    assert_true(id > 0);
    bfs_release_file(served.fs, node, first);
    test_folder_remove(&folder);
}

static void while_nobody_has_it_open(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct test_folder folder;
    start_on_disk(&served, &folder);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    lose_and_read();
    assert_false(bfs_node_is_backed(served_node(&served, model)));
    await_removed(2);
    await(&served, model, BFS_BACKING_NONE);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FAILURES), 1);
    test_folder_remove(&folder);
}

static void while_it_is_synced(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct test_folder folder;
    start_on_disk(&served, &folder);
    kernel.on_add = lose_and_read;
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, model)).error,
                     -EIO);
    assert_false(bfs_node_is_backed(served_node(&served, model)));
    assert_int_equal(atomic_load(&kernel.n_added), 2);
    assert_int_equal(atomic_load(&kernel.n_removed), 2);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FILES), 0);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_BYTES), 0);
    test_folder_remove(&folder);
}

static void while_the_kernel_is_told_that_it_is_ready(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct test_folder folder;
    start_on_disk(&served, &folder);
    kernel.on_forget = lose_and_read;
    assert_int_equal(want(&served, model), 0);
    await_removed(2);
    await(&served, model, BFS_BACKING_NONE);
    assert_false(bfs_node_is_backed(served_node(&served, model)));
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FAILURES), 1);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_BYTES), 0);
    test_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_the_kernel_has_it_open),
        cmocka_unit_test(while_nobody_has_it_open),
        cmocka_unit_test(while_it_is_synced),
        cmocka_unit_test(while_the_kernel_is_told_that_it_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

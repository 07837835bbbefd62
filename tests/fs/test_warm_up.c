/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/warm_up.h"
#include "tests/fs/backed.h"
#include "tests/fs/gate.h"

static const char tiny[] = "acme/tiny:1.0.0";

/* What a watcher was told. */
struct told {
    unsigned n;
    struct bfs_warm_status last;
};

static void note(void *context, const struct bfs_warm_status *status)
{
    struct told *told = context;
    told->n++;
    told->last = *status;
}

static bool is_resident(struct served *served, const char *path)
{
    bool all = true;
    struct bfs_open_file *open = served_open(served, path);
    const struct bfs_chunk_table *table = bfs_file_table(open->file);
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        all = all && bfs_cache_has(served->fs->cache, &chunk);
    }
    bfs_files_unref(served->fs->files, open);
    return all;
}

static void ready(void **state)
{
    (void)state;
    test_autoserved struct served served;
    atomic_bool ends = false;
    struct told told = {.n = 0};
    struct bfs_error error = {0};
    const struct bfs_warm_watcher watcher = {.ends = &ends, .moves = note, .context = &told};
    start(&served, 64 << 20, BFS_FILL_WARM);
    assert_false(is_resident(&served, text));
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), 0);
    assert_true(bfs_node_is_backed(served_node(&served, model)));
    assert_true(bfs_node_is_backed(served_node(&served, hole)));
    assert_true(told.n >= 1);
    assert_true(is_resident(&served, text)); /* too small for a backing file */
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), 0);
    assert_int_equal(bfs_warm_up(served.fs, "acme/none:1", &watcher, &error), -ENOENT);
    assert_non_null(strstr(error.what, "acme/none:1"));
}

static void cannot_be(void **state)
{
    (void)state;
    test_autoserved struct served served;
    atomic_bool ends = false;
    struct bfs_error error = {0};
    const struct bfs_warm_watcher watcher = {.ends = &ends};
    start(&served, 10 << 20, BFS_FILL_WARM);
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), -EFBIG);
    assert_non_null(strstr(error.what, "backing_size"));
    served_done(&served);
    start(&served, 0, BFS_FILL_WARM);
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), -ENOTSUP);
}

/* No matter how small. */
static void corrupt(void **state)
{
    (void)state;
    test_autoserved struct served served;
    atomic_bool ends = false;
    struct bfs_error error = {0};
    const struct bfs_warm_watcher watcher = {.ends = &ends};
    start(&served, 64 << 20, BFS_FILL_WARM);
    struct bfs_open_file *open = served_open(&served, text);
    served_damage(&served, open, 0);
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), -EBADMSG);
    assert_non_null(strstr(error.what, "config.json: chunk 0 is corrupt"));
    served_damage(&served, open, 0); /* mended */
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), 0);
    bfs_files_unref(served.fs->files, open);
}

/* Opens the gate, so that the workers end. */
static void expect_hang(struct served *served, const char *waits_for)
{
    atomic_bool ends = false;
    struct bfs_error error = {0};
    const struct bfs_warm_watcher watcher = {.ends = &ends};
    served->options.timeout = 1;
    gate_close();
    int r = bfs_warm_up(served->fs, tiny, &watcher, &error);
    gate_open();
    assert_int_equal(r, -ETIMEDOUT);
    assert_non_null(
        strstr(error.what, "acme/tiny:1.0.0: the store has not answered for 1 seconds"));
    assert_non_null(strstr(error.what, waits_for));
    assert_int_equal(bfs_warm_up(served->fs, tiny, &watcher, &error), 0);
}

static void hangs_before_the_bundle(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    expect_hang(&served, "the bundle cannot be opened");
}

static void hangs_before_a_file(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    (void)served_node(&served, model); /* loads the bundle */
    expect_hang(&served, "seconds: hole.bin cannot be opened");
}

static void hangs_before_a_chunk(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    struct bfs_open_file *first = served_open(&served, model), *second = served_open(&served, hole);
    expect_hang(&served, "the next chunk does not come");
    bfs_files_unref(served.fs->files, first);
    bfs_files_unref(served.fs->files, second);
}

static void ends_while_the_store_hangs(void **state)
{
    (void)state;
    test_autoserved struct served served;
    atomic_bool ends = true;
    struct bfs_error error = {0};
    const struct bfs_warm_watcher watcher = {.ends = &ends};
    start(&served, 64 << 20, BFS_FILL_WARM);
    gate_close();
    assert_int_equal(bfs_warm_up(served.fs, tiny, &watcher, &error), -ECANCELED);
    gate_await(1);
    gate_open();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready),
        cmocka_unit_test(cannot_be),
        cmocka_unit_test(corrupt),
        cmocka_unit_test(hangs_before_the_bundle),
        cmocka_unit_test(hangs_before_a_file),
        cmocka_unit_test(hangs_before_a_chunk),
        cmocka_unit_test(ends_while_the_store_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

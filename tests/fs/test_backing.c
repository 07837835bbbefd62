/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/backing_private.h"
#include "fs/warm.h"
#include "fs/lookups.h"
#include "tests/fs/backed.h"

static void chunks_of_a_file(void **state)
{
    (void)state;
    enum { N = 130, SIZE = 4096 };
    const struct bfs_backing_place place = {.limit = 1 << 20};
    BFS_CLEANUP(bfs_backing_file_cleanup) struct bfs_backing_file *file = NULL;
    uint8_t raw[SIZE], back[SIZE];
    assert_int_equal(bfs_backing_file_new(&place, N * SIZE, N, &file, NULL), 0);
    for (uint32_t k = 0; k < N; k++) {
        uint32_t i = k * 77 % N; /* in any order */
        struct bfs_chunk chunk = {.raw_off = (uint64_t)i * SIZE, .raw_size = SIZE};
        memset(raw, (int)i, SIZE);
        assert_false(bfs_backing_file_has(file, i));
        assert_false(bfs_backing_file_is_full(file));
        assert_int_equal(bfs_backing_file_seal(file), -EINVAL);
        assert_int_equal(bfs_backing_file_write(file, i, &chunk, raw), 0);
        assert_int_equal(bfs_backing_file_write(file, i, &chunk, raw), 0); /* counts once */
        assert_true(bfs_backing_file_has(file, i));
        assert_int_equal(bfs_backing_file_present(file), (k + 1) * SIZE);
    }
    assert_false(bfs_backing_file_has(file, N));
    assert_true(bfs_backing_file_is_full(file));
    assert_int_equal(bfs_backing_file_seal(file), 0);
    for (uint32_t i = 0; i < N; i++) {
        memset(raw, (int)i, SIZE);
        assert_int_equal(pread(bfs_backing_file_fd(file), back, SIZE, (off_t)i * SIZE), SIZE);
        assert_memory_equal(raw, back, SIZE);
    }
}

static void places(void **state)
{
    (void)state;
    struct test_folder folder = test_folder_make();
    struct bfs_backing_place place;
    struct bfs_backing_file *file = NULL;
    struct stat st;
    bfs_autofree char *here = test_path(&folder, ".");
    bfs_autofree char *nowhere = test_path(&folder, "nowhere");
    assert_int_equal(bfs_backing_place_find(nowhere, 0, &place, NULL), -ENOENT);
    assert_int_equal(bfs_backing_place_find(BFS_BACKING_MEMORY, 0, &place, NULL), 0);
    assert_null(place.folder);
    assert_true(place.limit > 0);
    assert_int_equal(bfs_backing_place_find(here, 12345, &place, NULL), 0);
    assert_int_equal(place.limit, 12345);
    assert_int_equal(bfs_backing_file_new(&place, 4096, 1, &file, NULL), 0);
    assert_int_equal(fstat(bfs_backing_file_fd(file), &st), 0);
    assert_int_equal(st.st_nlink, 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    file = bfs_backing_file_unref(file);
    assert_int_equal(bfs_backing_file_new(&place, UINT64_C(1) << 50, 1, &file, NULL), -EFBIG);
    assert_null(file);
    test_folder_remove(&folder);
}

static void opens_after_it_is_full(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    struct bfs_reply reply;
    int32_t id, again;
    uint64_t plain = served_node(&served, model);
    assert_false(bfs_node_is_backed(plain));
    uint64_t before = open_node(&served, plain, &id); /* stays open, and as it is */
    assert_int_equal(id, 0);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    assert_string_equal(kernel.forgotten, "model.safetensors");
    assert_int_equal(kernel.forgotten_parent, served_node(&served, "acme/tiny/1.0.0"));
    expect_content(&served, "model.safetensors");
    /* The other number, the same file. */
    uint64_t node = served_node(&served, model);
    assert_int_equal(node, plain | BFS_NODE_BACKED);
    assert_int_equal(served_run(&served, bfs_op_getattr, node, "", 0, &reply), 0);
    assert_true(reply.entry.attr.st_ino == bfs_lookups_ino(served.fs, plain));
    uint64_t handle = open_node(&served, node, &id);
    uint64_t other = open_node(&served, node, &again);
    assert_int_equal(again, id);
    assert_true(id > 0);
    assert_int_equal(metric(&served, BFS_METRIC_PASSTHROUGH_OPENS), 2);
    bfs_release_file(served.fs, node, handle);
    bfs_release_file(served.fs, node, other);
    bfs_release_file(served.fs, plain, before);
    /* Under the first number it is read through us, whatever is ready. */
    handle = open_node(&served, plain, &id);
    assert_int_equal(id, 0);
    bfs_release_file(served.fs, plain, handle);
    assert_int_equal(
        served_run(&served, bfs_op_getxattr, node, "user.bundlefs.resident", 64, &reply), 0);
    bfs_buffer_put_u8(&reply.bytes, 0);
    assert_int_equal(strtoull((const char *)reply.bytes.bytes, NULL, 10),
                     bfs_backing_status(served.fs->backing, plain).present);
    bfs_buffer_done(&reply.bytes);
    assert_int_equal(want(&served, model), 0); /* is there */
    assert_int_equal(state_of(&served, model), BFS_BACKING_READY);
}

static void read_once_and_opened_again(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_AGAIN);
    read_all(&served, model, "model.safetensors");
    assert_int_equal(state_of(&served, model), BFS_BACKING_NONE);
    read_all(&served, text, "config.json");
    read_all(&served, model, "model.safetensors");
    await(&served, model, BFS_BACKING_READY);
    expect_content(&served, "model.safetensors");
    read_all(&served, text, "config.json"); /* too small to be worth it */
    assert_int_equal(state_of(&served, text), BFS_BACKING_NONE);
}

static void filled_by_the_first_read(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_FIRST);
    read_all(&served, model, "model.safetensors");
    await(&served, model, BFS_BACKING_READY);
    expect_content(&served, "model.safetensors");
    bfs_autofree char *path = test_path(&served.packed.folder, "model/model.safetensors");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), st.st_size); /* no chunk twice */
}

static void corrupt_chunk(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    struct bfs_open_file *open = served_open(&served, model);
    served_damage(&served, open, bfs_chunk_table_n_chunks(bfs_file_table(open->file)) - 1);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, model)).error,
                     -EBADMSG);
    assert_int_equal(atomic_load(&kernel.n_added), 1); /* the trial alone */
    assert_false(bfs_node_is_backed(served_node(&served, model)));
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FAILURES), 1);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_BYTES), 0);
    bfs_files_unref(served.fs->files, open);
}

static void the_kernel_refuses(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    atomic_store(&kernel.refuses, -ELOOP);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, model)).error,
                     -ELOOP);
    assert_false(bfs_node_is_backed(served_node(&served, model)));
}

static void budget(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 10 << 20, BFS_FILL_WARM); /* for one of both */
    int32_t id;
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    uint64_t node = served_node(&served, model);
    uint64_t handle = open_node(&served, node, &id);
    assert_true(id > 0);
    /* Open, so it stays. */
    assert_int_equal(want(&served, hole), 0);
    await(&served, hole, BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, hole)).error,
                     -ENOSPC);
    bfs_release_file(served.fs, node, handle);
    assert_int_equal(atomic_load(&kernel.n_removed), 1);
}

static void eviction(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 10 << 20, BFS_FILL_WARM);
    int32_t id;
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    uint64_t node = served_node(&served, model);
    assert_int_equal(want(&served, hole), 0);
    await(&served, hole, BFS_BACKING_READY);
    expect_content(&served, "hole.bin");
    assert_int_equal(state_of(&served, model), BFS_BACKING_NONE);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_EVICTIONS), 1);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_FILES), 1);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_BYTES), 9 << 20);
    assert_int_equal(atomic_load(&kernel.n_removed), 2);
    assert_false(bfs_node_is_backed(served_node(&served, model)));
    /* Who still comes under the second number is served, and keeps it from another way. */
    uint64_t late = open_node(&served, node, &id);
    assert_int_equal(id, 0);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    assert_int_equal(state_of(&served, hole), BFS_BACKING_NONE);
    uint64_t later = open_node(&served, node, &id);
    assert_int_equal(id, 0);
    bfs_release_file(served.fs, node, late);
    late = open_node(&served, node, &id);
    assert_int_equal(id, 0);
    bfs_release_file(served.fs, node, later);
    bfs_release_file(served.fs, node, late);
    late = open_node(&served, node, &id);
    assert_true(id > 0);
    bfs_release_file(served.fs, node, late);
}

static void too_large_and_not_started(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 1 << 20, BFS_FILL_WARM);
    assert_int_equal(want(&served, model), -EFBIG);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, model)).error,
                     -EFBIG);
    served_done(&served);
    start(&served, 0, BFS_FILL_WARM);
    assert_int_equal(want(&served, model), -ENOTSUP);
    assert_int_equal(bfs_backing_limit(served.fs->backing), 0);
}

static void warm(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_WARM);
    struct bfs_warm_status status = {0};
    struct bfs_error error = {0};
    uint64_t node, until = bfs_now_ms() + 20000;
    static const char *const wrong[] = {"acme/tiny", ":1", "acme/tiny:", "acme/tiny:1.0.0/no",
                                        "a:1"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(bfs_warm_find(served.fs, wrong[i], &node, &error),
                         i < 3 ? -EINVAL : -ENOENT);
    assert_int_equal(bfs_warm_find(served.fs, "acme/tiny:latest", &node, &error), 0);
    assert_int_equal(node, served_node(&served, "acme/tiny/1.0.0"));
    while (bfs_warm(served.fs, node, NULL, &status) == 0 && status.state == BFS_WARM_FILLING)
        assert_true(bfs_now_ms() < until);
    assert_int_equal(status.state, BFS_WARM_READY);
    assert_int_equal(status.n_files, 2);
    assert_int_equal(status.done, status.total);
    assert_true(bfs_node_is_backed(served_node(&served, model)));
    assert_true(bfs_node_is_backed(served_node(&served, hole)));
    assert_false(bfs_node_is_backed(served_node(&served, text)));
    assert_int_equal(
        bfs_warm(served.fs, served_node(&served, "acme/tiny/1.0.0/SHA256SUMS"), NULL, &status),
        -EINVAL);
    /* Together they are too large. */
    served_done(&served);
    start(&served, 10 << 20, BFS_FILL_WARM);
    assert_int_equal(bfs_warm_find(served.fs, "acme/tiny:1.0.0", &node, &error), 0);
    assert_int_equal(bfs_warm(served.fs, node, NULL, &status), 0);
    assert_int_equal(status.state, BFS_WARM_FAILED);
    assert_int_equal(status.error, -EFBIG);
    assert_int_equal(atomic_load(&kernel.n_added), 1);
}

static void await_pause(struct served *served, const char *path)
{
    struct bfs_backing *backing = served->fs->backing;
    uint64_t node = plain_node(served, path), until = bfs_now_ms() + 20000;
    for (bool is_paused = false; !is_paused;) {
        assert_true(bfs_now_ms() < until);
        (void)pthread_mutex_lock(&backing->mutex);
        const struct bfs_backed *backed = bfs_backed_find_locked(backing, node);
        is_paused = backed && backed->fill && backed->fill->is_paused;
        (void)pthread_mutex_unlock(&backing->mutex);
    }
}

static void memory_is_tight(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 64 << 20, BFS_FILL_FIRST);
    struct bfs_backing *backing = served.fs->backing;
    bfs_backing_note_memory(backing, true);
    assert_int_equal(want(&served, model), 0);
    await_pause(&served, model);
    read_all(&served, hole, "hole.bin"); /* what is decoded for readers is not kept either */
    await_pause(&served, hole);
    assert_int_equal(state_of(&served, model), BFS_BACKING_FILLING);
    assert_int_equal(state_of(&served, hole), BFS_BACKING_FILLING);
    assert_int_equal(metric(&served, BFS_METRIC_BACKING_WRITTEN_BYTES), 0);
    /* What somebody waits for goes on; the other when it is over. */
    uint64_t until = bfs_now_ms() + 20000;
    while (state_of(&served, model) != BFS_BACKING_READY) {
        bfs_backing_keep(backing, plain_node(&served, model));
        assert_true(bfs_now_ms() < until);
    }
    assert_int_equal(bfs_backing_status(backing, plain_node(&served, hole)).present, 0);
    bfs_backing_note_memory(backing, false);
    await(&served, hole, BFS_BACKING_READY);
    expect_content(&served, "hole.bin");
}

/* What waits for memory keeps nothing from another file. */
static void memory_is_tight_and_the_budget_too(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start(&served, 10 << 20, BFS_FILL_WARM); /* for one of both */
    bfs_backing_note_memory(served.fs->backing, true);
    assert_int_equal(want(&served, model), 0);
    await_pause(&served, model);
    assert_int_equal(want(&served, hole), 0);
    await_pause(&served, hole);
    assert_int_equal(state_of(&served, model), BFS_BACKING_NONE);
    assert_true(metric(&served, BFS_METRIC_BACKING_BYTES) <= 10 << 20);
}

static void stopped_while_it_fills(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        test_autoserved struct served served;
        start(&served, 64 << 20, BFS_FILL_WARM);
        assert_int_equal(want(&served, model), 0);
        assert_int_equal(want(&served, hole), 0);
        for (int k = 0; k < i; k++)
            (void)sched_yield();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_a_file),
        cmocka_unit_test(places),
        cmocka_unit_test(opens_after_it_is_full),
        cmocka_unit_test(read_once_and_opened_again),
        cmocka_unit_test(filled_by_the_first_read),
        cmocka_unit_test(corrupt_chunk),
        cmocka_unit_test(the_kernel_refuses),
        cmocka_unit_test(budget),
        cmocka_unit_test(eviction),
        cmocka_unit_test(too_large_and_not_started),
        cmocka_unit_test(warm),
        cmocka_unit_test(memory_is_tight),
        cmocka_unit_test(memory_is_tight_and_the_budget_too),
        cmocka_unit_test(stopped_while_it_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

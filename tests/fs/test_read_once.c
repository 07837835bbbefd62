/* SPDX-License-Identifier: Apache-2.0
 * What was decoded once, and is kept anywhere, is not decoded again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/backed.h"

enum { LIMIT = 64 << 20, SMALL_CACHE = 16 << 20 };

static size_t size_of(struct served *served, const char *name)
{
    size_t size;
    bfs_autofree uint8_t *source = served_source(served, name, &size);
    return size;
}

/* With another file, so that a small cache has nothing of the model any more. */
static void push_out(struct served *served)
{
    struct bfs_open_file *open = served_open(served, model);
    struct bfs_chunk first = bfs_chunk_table_at(bfs_file_table(open->file), 0);
    for (int i = 0; i < 8 && bfs_cache_has(served->fs->cache, &first); i++) {
        read_all(served, hole, "hole.bin");
        read_all(served, text, "config.json");
    }
    bfs_files_unref(served->fs->files, open);
}

/* Reads [offset, offset + size) of the open file, past the page cache. */
static void read_part(struct served *served, struct bfs_open_file *open, uint64_t offset,
                      size_t size)
{
    size_t length;
    bfs_autofree uint8_t *source = served_source(served, "model.safetensors", &length);
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    assert_int_equal(request.bytes.size, size);
    assert_memory_equal(request.bytes.bytes, source + offset, size);
    fake_request_done(&request);
}

static void chunk_of_a_file(void **state)
{
    (void)state;
    enum { SIZE = 8192 };
    const struct bfs_backing_place place = {.limit = 1 << 20};
    BFS_CLEANUP(bfs_backing_file_cleanup) struct bfs_backing_file *file = NULL;
    uint8_t raw[SIZE], back[SIZE];
    memset(raw, 7, sizeof(raw));
    struct bfs_chunk chunk = {
        .raw_off = SIZE, .raw_size = SIZE, .check = bfs_xxh128(raw, sizeof(raw))};
    assert_int_equal(bfs_backing_file_new(&place, 2 * SIZE, 2, &file, NULL), 0);
    assert_true(bfs_backing_file_claim(file, 1));
    assert_false(bfs_backing_file_claim(file, 1));
    assert_true(bfs_backing_file_is_claimed(file, 1));
    assert_false(bfs_backing_file_has(file, 1)); /* that is for who has written */
    assert_false(bfs_backing_file_is_claimed(file, 0));
    assert_false(bfs_backing_file_claim(file, 2));
    assert_int_equal(bfs_backing_file_write(file, 1, &chunk, raw), 0);
    assert_int_equal(bfs_backing_file_read(file, &chunk, back), 0);
    assert_memory_equal(back, raw, SIZE);
    for (off_t at = SIZE; at < 2 * SIZE; at += 1023) {
        uint8_t byte = 8;
        assert_int_equal(pwrite(bfs_backing_file_fd(file), &byte, 1, at), 1);
        assert_int_equal(bfs_backing_file_read(file, &chunk, back), -EIO);
        assert_int_equal(pwrite(bfs_backing_file_fd(file), raw, 1, at), 1);
        assert_int_equal(bfs_backing_file_read(file, &chunk, back), 0);
    }
    assert_int_equal(ftruncate(bfs_backing_file_fd(file), SIZE + 1), 0);
    assert_int_equal(bfs_backing_file_read(file, &chunk, back), -EIO);
}

/* The cache is smaller than both files; the handle is one that the daemon serves. */
static void served_from_a_full_file(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    struct bfs_open_file *open = served_open(&served, model);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), size_of(&served, model + 16));
    push_out(&served);
    uint64_t decoded = metric(&served, BFS_METRIC_DECODED_BYTES);
    read_part(&served, open, 0, 1 << 20);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), decoded);
    assert_true(metric(&served, BFS_METRIC_BACKING_READ_BYTES) >= 1 << 20);
    bfs_files_unref(served.fs->files, open);
}

/* Some descriptor of this process that is a backing file; the model's is the only one. */
static int find_memory(void)
{
    for (int fd = 3; fd < 256; fd++) {
        char path[64], name[64] = "";
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof(name) - 1) > 0 && strstr(name, "memfd:bundlefs"))
            return fd;
    }
    return -1;
}

static void await_present(struct served *served, uint64_t least)
{
    uint64_t until = bfs_now_ms() + 20000;
    while (bfs_backing_status(served->fs->backing, plain_node(served, model)).present < least) {
        assert_true(bfs_now_ms() < until);
        (void)sched_yield();
    }
}

static void served_from_a_file_that_is_filled(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_FIRST, SMALL_CACHE);
    struct bfs_open_file *open = served_open(&served, model);
    while (find_memory() < 0)
        (void)sched_yield();
    uint64_t until = bfs_now_ms() + 20000;
    while (state_of(&served, model) != BFS_BACKING_FILLING)
        assert_true(bfs_now_ms() < until);
    for (uint64_t at = 0; at < 1 << 20; at += 1 << 18)
        read_part(&served, open, at, 1 << 18);
    await_present(&served, 1);
    read_part(&served, open, 1 << 20, 1 << 18);
    await_present(&served, 1 << 18);
    push_out(&served);
    uint64_t decoded = metric(&served, BFS_METRIC_DECODED_BYTES);
    read_part(&served, open, 1 << 20, 1 << 18);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), decoded);
    assert_true(metric(&served, BFS_METRIC_BACKING_READ_BYTES) >= 1 << 18);
    /* The disk loses all of it: what is served is right nevertheless. */
    push_out(&served);
    static const uint8_t zeros[1 << 20];
    int fd = find_memory();
    assert_true(fd >= 0);
    for (off_t at = 0; at < 2 << 20; at += 1 << 20)
        assert_int_equal(pwrite(fd, zeros, sizeof(zeros), at), sizeof(zeros));
    decoded = metric(&served, BFS_METRIC_DECODED_BYTES);
    read_part(&served, open, 1 << 20, 1 << 18);
    assert_true(metric(&served, BFS_METRIC_DECODED_BYTES) > decoded);
    await(&served, model, BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, model)).error,
                     -EIO);
    bfs_files_unref(served.fs->files, open);
}

/* Read once with a cache that has none of it any more, then wanted. */
static uint64_t fill_after_a_read(struct served *served)
{
    read_all(served, model, "model.safetensors");
    push_out(served);
    uint64_t decoded = metric(served, BFS_METRIC_DECODED_BYTES);
    assert_int_equal(want(served, model), 0);
    await(served, model, BFS_BACKING_READY);
    expect_content(served, "model.safetensors");
    return metric(served, BFS_METRIC_DECODED_BYTES) - decoded;
}

static void filled_from_the_page_cache(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    bfs_autofree uint8_t *pages = served_source(&served, "model.safetensors", &kernel.n_pages);
    kernel.pages = pages;
    assert_int_equal(fill_after_a_read(&served), 0);
    assert_true(metric(&served, BFS_METRIC_BACKING_RETRIEVED_BYTES) > 0);
}

static void the_page_cache_has_a_part(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    bfs_autofree uint8_t *pages = served_source(&served, "model.safetensors", &kernel.n_pages);
    size_t size = kernel.n_pages;
    kernel.pages = pages;
    kernel.n_pages = size / 2;
    uint64_t decoded = fill_after_a_read(&served);
    assert_true(decoded > 0 && decoded < size);
    assert_int_equal(decoded + metric(&served, BFS_METRIC_BACKING_RETRIEVED_BYTES), size);
}

/* Pages that the kernel has not filled yet look like this. */
static void the_page_cache_is_wrong(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    bfs_autofree uint8_t *pages = served_source(&served, "model.safetensors", &kernel.n_pages);
    kernel.pages = pages;
    atomic_store(&kernel.wrong_at, 150000);
    uint64_t decoded = fill_after_a_read(&served);
    assert_true(decoded > 0 && decoded < kernel.n_pages);
}

/* Nothing was read, so nothing is asked for. */
static void the_page_cache_is_not_asked(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    assert_int_equal(atomic_load(&kernel.n_retrieved), 0);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), size_of(&served, model + 16));
}

/* While a fill runs, who opens the file anew has the same object, and so what is decoded of it. */
static void opened_anew_while_it_is_filled(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_FIRST, SMALL_CACHE);
    struct bfs_open_file *open = served_open(&served, model);
    const struct bfs_file *file = open->file;
    bfs_files_unref(served.fs->files, open);
    open = served_open(&served, model);
    assert_ptr_equal(open->file, file);
    bfs_files_unref(served.fs->files, open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_of_a_file),
        cmocka_unit_test(served_from_a_full_file),
        cmocka_unit_test(served_from_a_file_that_is_filled),
        cmocka_unit_test(filled_from_the_page_cache),
        cmocka_unit_test(the_page_cache_has_a_part),
        cmocka_unit_test(the_page_cache_is_wrong),
        cmocka_unit_test(the_page_cache_is_not_asked),
        cmocka_unit_test(opened_anew_while_it_is_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

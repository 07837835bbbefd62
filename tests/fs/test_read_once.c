/* SPDX-License-Identifier: Apache-2.0
 * What was decoded once, and is kept anywhere, is not decoded again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/backed.h"

enum { LIMIT = 64 << 20, PART = 256 << 10, SMALL_CACHE = 4 * PART };

static size_t size_of(const struct served *served, const char *name)
{
    size_t size;
    uint8_t *source = served_source(served, name, &size);
    free(source);
    return size;
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

/* The cache is smaller than the file; the handle is one that the daemon serves. */
static void served_from_a_full_file(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    struct bfs_open_file *open = served_open(&served, model);
    size_t size = size_of(&served, "model.safetensors");
    assert_int_equal(want(&served, model), 0);
    await(&served, model, BFS_BACKING_READY);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), size);
    for (size_t at = 0; at + PART <= size; at += PART)
        read_part(&served, open, at, PART);
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES), size);
    assert_true(metric(&served, BFS_METRIC_BACKING_READ_BYTES) >= size - SMALL_CACHE - PART);
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

/* Less than all of it is read, so that the file stays one that is filled from what is read; its
 * first part is in it afterwards, and no longer in the cache. */
static struct bfs_open_file *fill_partly(struct served *served)
{
    uint64_t until = bfs_now_ms() + 20000;
    start_with(served, LIMIT, BFS_FILL_FIRST, SMALL_CACHE / 2);
    struct bfs_open_file *open = served_open(served, model);
    struct bfs_chunk first = bfs_chunk_table_at(bfs_file_table(open->file), 0);
    while (find_memory() < 0)
        assert_true(bfs_now_ms() < until);
    read_part(served, open, 0, PART);
    while (bfs_backing_status(served->fs->backing, plain_node(served, model)).present == 0)
        assert_true(bfs_now_ms() < until);
    for (size_t at = 2 * PART; at < 5 * PART; at += PART)
        read_part(served, open, at, PART);
    assert_false(bfs_cache_has(served->fs->cache, &first));
    assert_int_equal(state_of(served, model), BFS_BACKING_FILLING);
    return open;
}

static void served_from_a_file_that_is_filled(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct bfs_open_file *open = fill_partly(&served);
    uint64_t read_back = metric(&served, BFS_METRIC_BACKING_READ_BYTES);
    read_part(&served, open, 0, 1);
    assert_true(metric(&served, BFS_METRIC_BACKING_READ_BYTES) > read_back);
    bfs_files_unref(served.fs->files, open);
}

static void the_disk_loses_a_file_that_is_filled(void **state)
{
    (void)state;
    static const uint8_t zeros[PART];
    test_autoserved struct served served;
    struct bfs_open_file *open = fill_partly(&served);
    uint64_t decoded = metric(&served, BFS_METRIC_DECODED_BYTES);
    assert_int_equal(pwrite(find_memory(), zeros, PART, 0), PART);
    read_part(&served, open, 0, PART); /* which is right nevertheless */
    assert_true(metric(&served, BFS_METRIC_DECODED_BYTES) > decoded);
    await(&served, model, BFS_BACKING_FAILED);
    assert_int_equal(bfs_backing_status(served.fs->backing, plain_node(&served, model)).error,
                     -EIO);
    bfs_files_unref(served.fs->files, open);
}

/* Read once, then wanted: how much of it is decoded for that. */
static uint64_t fill_after_a_read(struct served *served)
{
    struct bfs_open_file *open = served_open(served, model);
    size_t size = size_of(served, "model.safetensors");
    for (size_t at = 0; at < size; at += PART)
        read_part(served, open, at, size - at < PART ? size - at : PART);
    bfs_files_unref(served->fs->files, open);
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
    assert_int_equal(atomic_load(&kernel.n_retrieved_inside), 0);
}

static void the_page_cache_has_a_part(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_WARM, SMALL_CACHE);
    bfs_autofree uint8_t *pages = served_source(&served, "model.safetensors", &kernel.n_pages);
    size_t size = kernel.n_pages;
    kernel.pages = pages;
    kernel.n_pages = size / 4;
    uint64_t decoded = fill_after_a_read(&served);
    uint64_t retrieved = metric(&served, BFS_METRIC_BACKING_RETRIEVED_BYTES);
    assert_true(retrieved > 0 && retrieved <= size / 4);
    assert_true(decoded > 0 && decoded + retrieved <= size);
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
    assert_int_equal(metric(&served, BFS_METRIC_DECODED_BYTES),
                     size_of(&served, "model.safetensors"));
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

/* Two readers that pass by the page cache have read half of it each, the same half: that is not as
 * much as all of it. */
static void direct_readers_count_once(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_with(&served, LIMIT, BFS_FILL_AGAIN, 0);
    size_t size = size_of(&served, "model.safetensors"), half = size / 2 / PART * PART;
    struct bfs_open_file *open = served_open(&served, model);
    for (unsigned reader = 0; reader < 3; reader++)
        for (size_t at = 0; at < half; at += PART)
            read_part(&served, open, at, PART);
    struct bfs_open_file *late = served_open(&served, model);
    assert_int_equal(state_of(&served, model), BFS_BACKING_NONE);
    for (size_t at = half; at < size; at += PART)
        read_part(&served, open, at, size - at < PART ? size - at : PART);
    bfs_files_unref(served.fs->files, served_open(&served, model));
    await(&served, model, BFS_BACKING_READY);
    bfs_files_unref(served.fs->files, late);
    bfs_files_unref(served.fs->files, open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_of_a_file),
        cmocka_unit_test(served_from_a_full_file),
        cmocka_unit_test(served_from_a_file_that_is_filled),
        cmocka_unit_test(the_disk_loses_a_file_that_is_filled),
        cmocka_unit_test(filled_from_the_page_cache),
        cmocka_unit_test(the_page_cache_has_a_part),
        cmocka_unit_test(the_page_cache_is_wrong),
        cmocka_unit_test(the_page_cache_is_not_asked),
        cmocka_unit_test(opened_anew_while_it_is_filled),
        cmocka_unit_test(direct_readers_count_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

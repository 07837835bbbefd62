/* SPDX-License-Identifier: Apache-2.0
 * When the disk is given what was written into a backing file, and how large files in memory are.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/backing_file.h"
#include "tests/support/folder.h"

#include <fcntl.h>
#include <sys/sysinfo.h>

enum { CHUNK = 300000, N = 131, SIZE = (N - 1) * CHUNK + 12345 };

static struct bfs_backing_file *the_file;
static uint64_t n_synced;

static struct bfs_chunk chunk_at(uint32_t i)
{
    return (struct bfs_chunk){.raw_off = (uint64_t)i * CHUNK,
                              .raw_size = i == N - 1 ? SIZE % CHUNK : CHUNK};
}

/* Instead of the C library's. All that the disk is given is chunks that are there. */
int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    unsigned n_missing = 0;
    assert_int_equal(fd, bfs_backing_file_fd(the_file));
    assert_int_equal(flags, SYNC_FILE_RANGE_WRITE);
    off64_t end = size ? offset + size : SIZE;
    assert_true(end <= SIZE);
    for (off64_t i = offset / CHUNK; i * CHUNK < end; i++)
        n_missing += !bfs_backing_file_has(the_file, (uint32_t)i);
    assert_int_equal(n_missing, 0);
    n_synced += (uint64_t)(end - offset);
    return 0;
}

/* Chunk k * step, so that pieces become full one after the other, or all at the end. */
static void write_in_steps(uint32_t step)
{
    static uint8_t raw[CHUNK];
    test_autofolder struct test_folder folder = test_folder_make();
    const struct bfs_backing_place place = {.folder = folder.path, .limit = UINT64_MAX};
    BFS_CLEANUP(bfs_backing_file_cleanup) struct bfs_backing_file *file = NULL;
    assert_int_equal(bfs_backing_file_new(&place, SIZE, N, &file, NULL), 0);
    the_file = file;
    n_synced = 0;
    for (uint32_t k = 0; k < N; k++) {
        uint32_t i = k * step % N;
        struct bfs_chunk chunk = chunk_at(i);
        assert_int_equal(bfs_backing_file_write(file, i, &chunk, raw), 0);
        assert_int_equal(bfs_backing_file_write(file, i, &chunk, raw), 0);
        assert_true(step != 1 || n_synced + (10 << 20) > (uint64_t)i * CHUNK);
    }
    /* All of it, once. */
    assert_int_equal(n_synced, SIZE);
    assert_true(bfs_backing_file_is_full(file));
    assert_int_equal(bfs_backing_file_seal(file), 0);
}

static void in_order(void **state)
{
    (void)state;
    write_in_steps(1);
}

static void in_any_order(void **state)
{
    (void)state;
    write_in_steps(50);
    write_in_steps(N - 1);
}

static void not_in_memory(void **state)
{
    (void)state;
    static uint8_t raw[SIZE];
    const struct bfs_backing_place place = {.limit = UINT64_MAX};
    const struct bfs_chunk chunk = {.raw_size = SIZE};
    BFS_CLEANUP(bfs_backing_file_cleanup) struct bfs_backing_file *file = NULL;
    assert_int_equal(bfs_backing_file_new(&place, SIZE, 1, &file, NULL), 0);
    n_synced = 0;
    assert_int_equal(bfs_backing_file_write(file, 0, &chunk, raw), 0);
    assert_int_equal(n_synced, 0);
    assert_int_equal(bfs_backing_file_seal(file), 0);
}

/* Instead of the C library's: a host whose memory is full of page cache. */
int sysinfo(struct sysinfo *ret)
{
    *ret = (struct sysinfo){.totalram = 1 << 20, .freeram = 1, .mem_unit = 4096};
    return 0;
}

static void page_cache_is_given_back(void **state)
{
    (void)state;
    struct bfs_backing_place place;
    assert_int_equal(bfs_backing_place_find(BFS_BACKING_MEMORY, 0, &place, NULL), 0);
    assert_true(place.limit > 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(in_any_order),
        cmocka_unit_test(not_in_memory),
        cmocka_unit_test(page_cache_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

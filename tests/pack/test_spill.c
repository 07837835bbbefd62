/* SPDX-License-Identifier: Apache-2.0
 * Bytes that are partly in a file read as they were written, in memory that does not grow. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/pack/spill_index.h"
#include "tests/pack/packed.h"
#include "tests/support/seeded.h"

#include <signal.h>
#include <sys/resource.h>

enum {
    PAGE = BFS_SPILL_PAGE_SIZE,
    MEMORY = 16 * PAGE,
    SIZE = 1 << 20,
};

static void compare(struct bfs_spill *spill, const uint8_t *expected, uint64_t offset, size_t size)
{
    static uint8_t bytes[SIZE];
    assert_int_equal(bfs_spill_read(spill, offset, bytes, size), 0);
    assert_memory_equal(bytes, expected + offset, size);
}

/* Pieces of any size anywhere, against an array. */
static void what_is_written_is_read(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_spill_cleanup) struct bfs_spill *spill = NULL;
    bfs_autofree uint8_t *expected = calloc(1, SIZE), *piece = malloc(3 * PAGE);
    uint64_t seed = 1;
    (void)state;
    assert_int_equal(bfs_spill_new(folder.path, MEMORY, &spill), 0);
    for (int i = 0; i < 20000; i++) {
        size_t size = test_random(&seed) % (i % 100 ? 200 : 3 * PAGE);
        uint64_t offset = test_random(&seed) % (SIZE - size);
        if (i % 3) {
            compare(spill, expected, offset, size);
            continue;
        }
        test_fill_random(piece, size, seed);
        memcpy(expected + offset, piece, size);
        assert_int_equal(bfs_spill_write(spill, offset, piece, size), 0);
    }
    compare(spill, expected, 0, SIZE);
    assert_true(bfs_spill_file_size(spill) > SIZE / 2);
    assert_int_equal(packed_count(folder.path), 0); /* the file has no name */
}

/* Until the memory is full nobody asks for the folder, which is not there. */
static void what_fits_into_memory_makes_no_file(void **state)
{
    BFS_CLEANUP(bfs_spill_cleanup) struct bfs_spill *spill = NULL;
    uint8_t bytes[PAGE];
    void *page;
    (void)state;
    assert_int_equal(bfs_spill_new("/nonexistent/folder", MEMORY, &spill), 0);
    for (uint64_t i = 0; i < MEMORY; i += PAGE) {
        test_fill_random(bytes, PAGE, i);
        assert_int_equal(bfs_spill_write(spill, i, bytes, PAGE), 0);
    }
    for (uint64_t i = 0; i < MEMORY; i += PAGE) {
        uint8_t found[PAGE];
        test_fill_random(bytes, PAGE, i);
        assert_int_equal(bfs_spill_read(spill, i, found, PAGE), 0);
        assert_memory_equal(found, bytes, PAGE);
    }
    assert_int_equal(bfs_spill_file_size(spill), 0);
    assert_int_equal(bfs_spill_page(spill, MEMORY / PAGE, false, &page), -ENOENT);
    assert_int_equal(bfs_spill_write(spill, MEMORY, bytes, 1), -ENOENT);
}

static void what_was_never_written_is_zeros(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_spill_cleanup) struct bfs_spill *spill = NULL;
    static const uint64_t places[] = {0, 5 * PAGE, UINT64_C(3) << 30, UINT64_C(5) << 30};
    static const uint8_t zeros[PAGE];
    uint8_t bytes[PAGE];
    (void)state;
    assert_int_equal(bfs_spill_new(folder.path, 0, &spill), 0);
    for (int round = 0; round < 2;
         round++) { /* the second beside what was written and left memory */
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            memset(bytes, 1, PAGE);
            assert_int_equal(bfs_spill_read(spill, places[i], bytes, PAGE), 0);
            assert_memory_equal(bytes, zeros, PAGE);
        }
        for (uint64_t i = 1; round == 0 && i < 2000; i += 2)
            assert_int_equal(bfs_spill_write(spill, (UINT64_C(4) << 30) + i * PAGE, "x", 1), 0);
    }
    assert_int_equal(bfs_spill_read(spill, (UINT64_C(4) << 30) + 2 * PAGE, bytes, PAGE), 0);
    assert_memory_equal(bytes, zeros, PAGE);
    assert_int_equal(bfs_spill_read(spill, (UINT64_C(4) << 30) + 3 * PAGE, bytes, 2), 0);
    assert_memory_equal(bytes, "x", 2);
}

/* A file that may not grow is what a full disk is, but for the number. */
static void a_full_disk_is_an_error_that_loses_nothing(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_spill_cleanup) struct bfs_spill *spill = NULL;
    bfs_autofree uint8_t *expected = malloc(SIZE);
    struct rlimit before, tight;
    uint64_t done = 0;
    (void)state;
    test_fill_random(expected, SIZE, 3);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = (struct rlimit){.rlim_cur = 20 * PAGE, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    assert_int_equal(bfs_spill_new(folder.path, MEMORY, &spill), 0);
    int r = 0;
    while (done < SIZE && (r = bfs_spill_write(spill, done, expected + done, 64)) == 0)
        done += 64;
    assert_int_equal(r, -EFBIG);
    assert_int_equal(done, 36 * PAGE); /* the file and the memory are full */
    assert_int_equal(bfs_spill_write(spill, done, expected + done, 64), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    compare(spill, expected, 0, (size_t)done);
    assert_int_equal(bfs_spill_write(spill, done, expected + done, 64), 0);
    compare(spill, expected, 0, (size_t)done + 64);
}

struct wanted {
    uint32_t number; /* the only one that matches */
    uint32_t asked;
    int result;
};

static int match(void *context, uint32_t number, bool *ret)
{
    struct wanted *wanted = context;
    wanted->asked++;
    *ret = wanted->number == number;
    return wanted->result;
}

static uint32_t find(struct bfs_spill_index *index, uint32_t hash, uint32_t number)
{
    struct wanted wanted = {.number = number};
    uint32_t found = 12345;
    assert_int_equal(bfs_spill_index_find(index, hash, match, &wanted, &found), 0);
    return found;
}

/* With an eighth of the pages in memory. Every hundredth hash comes three times. */
static void every_element_is_found(void **state)
{
    enum { N = 200000 };
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_spill_index_cleanup) struct bfs_spill_index *index = NULL;
    bfs_autofree uint32_t *hashes = calloc(N, sizeof(*hashes));
    uint64_t seed = 5;
    (void)state;
    assert_int_equal(bfs_spill_index_new(folder.path, 64 * PAGE, &index), 0);
    for (uint32_t i = 0; i < N; i++) {
        hashes[i] = (uint32_t)test_random(&seed);
        if (i % 100 == 98 || i % 100 == 99)
            hashes[i] = hashes[i - i % 100];
        assert_int_equal(bfs_spill_index_add(index, hashes[i], i), 0);
    }
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(find(index, hashes[i], i), i);
    }
    for (uint32_t i = 0; i < N; i++) {
        struct wanted wanted = {.number = N};
        uint32_t found;
        assert_int_equal(
            bfs_spill_index_find(index, (uint32_t)test_random(&seed), match, &wanted, &found), 0);
        assert_int_equal(found, BFS_SPILL_INDEX_NONE);
        assert_true(wanted.asked <= 3);
    }
}

/* Somebody may make content whose hashes are alike: it costs his savings, and hardly anybody
 * else's.
 */
static void hashes_that_are_alike_do_no_harm(void **state)
{
    enum { N = 3000, OTHERS = 40000 };
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_spill_index_cleanup) struct bfs_spill_index *index = NULL;
    uint64_t seed = 6;
    uint32_t n_alike = 0, n_others = 0;
    (void)state;
    assert_int_equal(bfs_spill_index_new(folder.path, 64 * PAGE, &index), 0);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(bfs_spill_index_add(index, 0xabcdef00, i), 0);
    for (uint32_t i = 0; i < OTHERS; i++)
        assert_int_equal(bfs_spill_index_add(index, (uint32_t)test_random(&seed), N + i), 0);
    for (uint32_t i = 0; i < N; i++)
        n_alike += find(index, 0xabcdef00, i) == i;
    seed = 6;
    for (uint32_t i = 0; i < OTHERS; i++)
        n_others += find(index, (uint32_t)test_random(&seed), N + i) == N + i;
    assert_true(n_alike > 0 && n_alike <= PAGE / 8);
    assert_true(n_others > OTHERS / 100 * 95);
}

static void an_error_of_the_match_ends_the_search(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    BFS_CLEANUP(bfs_spill_index_cleanup) struct bfs_spill_index *index = NULL;
    struct wanted wanted = {.number = 1, .result = -EIO};
    uint32_t found = 7;
    (void)state;
    assert_int_equal(bfs_spill_index_new(folder.path, 0, &index), 0);
    assert_int_equal(bfs_spill_index_add(index, 1, 0), 0);
    assert_int_equal(bfs_spill_index_add(index, 1, 1), 0);
    assert_int_equal(bfs_spill_index_find(index, 1, match, &wanted, &found), -EIO);
    assert_int_equal(wanted.asked, 1);
    assert_int_equal(found, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_fits_into_memory_makes_no_file),
        cmocka_unit_test(what_was_never_written_is_zeros),
        cmocka_unit_test(a_full_disk_is_an_error_that_loses_nothing),
        cmocka_unit_test(every_element_is_found),
        cmocka_unit_test(hashes_that_are_alike_do_no_harm),
        cmocka_unit_test(an_error_of_the_match_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/area.h"
#include "fs/slab.h"
#include "tests/support/seeded.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CHUNK = 256 << 10, IN_AREA = BFS_AREA_SIZE / CHUNK, PAGE = 4096 };

static void a_size_takes_the_next_class(void **state)
{
    (void)state;
    size_t before = 0;
    for (size_t size = 1; size <= 8 << 20; size += 1021) {
        size_t taken = bfs_slab_round(size);
        assert_true(taken >= size && taken >= before);
        before = taken;
    }
    assert_int_equal(bfs_slab_round(1), 4096);
    assert_int_equal(bfs_slab_round(256 << 10), 256 << 10);
    assert_int_equal(bfs_slab_round(320 << 10), 320 << 10);
    assert_int_equal(bfs_slab_round(10 << 20), 10 << 20);
    assert_int_equal(bfs_slab_round((10 << 20) + 1), 0);
}

static void the_same_buffer_comes_again(void **state)
{
    (void)state;
    struct bfs_slab slab = {0};
    void *first = bfs_slab_alloc(&slab, 250 << 10, 1 << 20);
    assert_non_null(first);
    memset(first, 0xa5, 250 << 10);
    bfs_slab_release(&slab, first, 250 << 10);
    assert_int_equal(slab.in_use, 0);
    assert_int_equal(slab.mapped, 256 << 10);
    assert_ptr_equal(bfs_slab_alloc(&slab, 256 << 10, 1 << 20), first);
    assert_int_equal(slab.mapped, 256 << 10);
    assert_null(bfs_slab_alloc(&slab, 1 << 20, 1 << 20)); /* what is in use leaves too little */
    bfs_slab_release(&slab, first, 256 << 10);
    void *other = bfs_slab_alloc(&slab, 1 << 20, 1 << 20); /* free ones of another size give way */
    assert_non_null(other);
    assert_int_equal(slab.mapped, 1 << 20);
    bfs_slab_release(&slab, other, 1 << 20);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, 0);
}

static void never_over_the_limit(void **state)
{
    (void)state;
    enum { N = 64, LIMIT = 16 << 20 };
    struct bfs_slab slab = {0};
    struct {
        uint8_t *bytes;
        size_t size;
    } held[N] = {0};
    uint64_t seed = 1;
    size_t in_use = 0;
    unsigned n_refused = 0;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned k = (unsigned)(test_random(&seed) % N);
        if (held[k].bytes) {
            assert_int_equal(held[k].bytes[0], (uint8_t)k);
            assert_int_equal(held[k].bytes[held[k].size - 1], (uint8_t)k);
            bfs_slab_release(&slab, held[k].bytes, held[k].size);
            in_use -= bfs_slab_round(held[k].size);
            held[k].bytes = NULL;
        } else {
            held[k].size = (size_t)(test_random(&seed) % (5 << 20)) >> test_random(&seed) % 12;
            held[k].size += 1;
            held[k].bytes = bfs_slab_alloc(&slab, held[k].size, LIMIT);
            n_refused += !held[k].bytes;
            if (!held[k].bytes) {
                assert_true(in_use + bfs_slab_round(held[k].size) > LIMIT);
                continue;
            }
            in_use += bfs_slab_round(held[k].size);
            held[k].bytes[0] = held[k].bytes[held[k].size - 1] = (uint8_t)k;
        }
        assert_true(slab.mapped <= LIMIT);
        assert_int_equal(slab.in_use, in_use);
    }
    assert_true(n_refused > 0);
    for (unsigned k = 0; k < N; k++)
        if (held[k].bytes)
            bfs_slab_release(&slab, held[k].bytes, held[k].size);
    assert_int_equal(slab.in_use, 0);
    assert_int_equal(slab.n_empty, slab.n_areas);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, 0);
    assert_null(slab.areas);
}

static unsigned pages_in(void *bytes, size_t size)
{
    static unsigned char there[BFS_AREA_SIZE / PAGE];
    unsigned n = 0;
    assert_true(size <= BFS_AREA_SIZE);
    assert_int_equal(mincore(bytes, size, there), 0);
    for (size_t i = 0; i < size / PAGE; i++)
        n += there[i] & 1;
    return n;
}

/* Fills one area. */
static void take_area(struct bfs_slab *slab, uint8_t *ret[static IN_AREA], size_t limit)
{
    for (unsigned i = 0; i < IN_AREA; i++) {
        ret[i] = bfs_slab_alloc(slab, CHUNK, limit);
        assert_non_null(ret[i]);
        memset(ret[i], 0xa5, CHUNK);
    }
}

/* A huge page is 2 MiB at a multiple of 2 MiB. */
static void chunks_share_areas_for_huge_pages(void **state)
{
    (void)state;
    struct bfs_slab slab = {0};
    uint8_t *chunks[2][IN_AREA];
    take_area(&slab, chunks[0], SIZE_MAX);
    assert_int_equal(slab.n_areas, 1);
    assert_int_equal(slab.mapped, BFS_AREA_SIZE);
    assert_int_equal((uintptr_t)chunks[0][0] % BFS_AREA_SIZE, 0);
    for (unsigned i = 1; i < IN_AREA; i++)
        assert_ptr_equal(chunks[0][i], chunks[0][0] + (size_t)i * CHUNK);
    take_area(&slab, chunks[1], SIZE_MAX);
    assert_int_equal(slab.n_areas, 2);
    for (unsigned i = 0; i < 2 * IN_AREA; i++)
        bfs_slab_release(&slab, chunks[i / IN_AREA][i % IN_AREA], CHUNK);
    bfs_slab_trim(&slab, BFS_AREA_SIZE); /* no more than asked */
    assert_int_equal(slab.n_areas, 1);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.n_areas, 0);
}

/* One chunk in use holds its area, and not the memory of the others. */
static void an_area_in_use_gives_free_chunks_back(void **state)
{
    (void)state;
    struct bfs_slab slab = {0};
    uint8_t *chunks[IN_AREA];
    take_area(&slab, chunks, SIZE_MAX);
    for (unsigned i = 0; i < IN_AREA; i++)
        if (i != 3)
            bfs_slab_release(&slab, chunks[i], CHUNK);
    assert_int_equal(slab.mapped, BFS_AREA_SIZE);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, CHUNK);
    assert_int_equal(pages_in(chunks[0], BFS_AREA_SIZE), CHUNK / PAGE);
    for (unsigned i = 0; i < CHUNK; i++)
        assert_int_equal(chunks[3][i], 0xa5);
    for (unsigned i = 0; i < IN_AREA; i++) /* and takes them again, one by one */
        if (i != 3)
            assert_non_null(chunks[i] = bfs_slab_alloc(&slab, CHUNK, slab.mapped + CHUNK));
    assert_int_equal(slab.n_areas, 1);
    assert_int_equal(slab.mapped, BFS_AREA_SIZE);
    for (unsigned i = 0; i < IN_AREA; i++)
        bfs_slab_release(&slab, chunks[i], CHUNK);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, 0);
}

/* Sizes that do not divide an area have pages one by one: nothing is counted that no buffer has. */
static void odd_sizes_share_an_area(void **state)
{
    (void)state;
    enum { ODD = 320 << 10, N = BFS_AREA_SIZE / ODD };
    struct bfs_slab slab = {0};
    uint8_t *chunks[N];
    for (unsigned i = 0; i < N; i++) {
        chunks[i] = bfs_slab_alloc(&slab, ODD, SIZE_MAX);
        assert_non_null(chunks[i]);
        memset(chunks[i], 0xa5, ODD);
        assert_int_equal(slab.mapped, (i + 1) * ODD);
    }
    assert_int_equal(slab.n_areas, 1);
    assert_false(bfs_slab_wants_spare(&slab, SIZE_MAX)); /* it would be of no use */
    for (unsigned i = 0; i < N; i++)
        bfs_slab_release(&slab, chunks[i], ODD);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, 0);
}

/* Ahead by one area, only while the slab grows, and only within the limit. */
static void one_area_ahead(void **state)
{
    (void)state;
    enum { LIMIT = 3 * BFS_AREA_SIZE };
    struct bfs_slab slab = {0};
    uint8_t *chunks[3][IN_AREA];
    assert_false(bfs_slab_wants_spare(&slab, LIMIT));
    chunks[0][0] = bfs_slab_alloc(&slab, CHUNK, LIMIT);
    assert_true(bfs_slab_wants_spare(&slab, LIMIT));
    assert_false(bfs_slab_wants_spare(&slab, 2 * BFS_AREA_SIZE - 1));
    bfs_slab_reserve_spare(&slab);
    assert_int_equal(slab.mapped, 2 * BFS_AREA_SIZE);
    assert_false(bfs_slab_wants_spare(&slab, LIMIT));
    void *spare = bfs_area_map(BFS_AREA_SIZE, true);
    assert_non_null(spare);
    bfs_area_populate(spare, BFS_AREA_SIZE);
    bfs_slab_set_spare(&slab, spare);
    assert_false(bfs_slab_wants_spare(&slab, LIMIT));
    bfs_slab_release(&slab, chunks[0][0], CHUNK);
    take_area(&slab, chunks[0], LIMIT);
    take_area(&slab, chunks[1], LIMIT);
    assert_ptr_equal(chunks[1][0], spare);
    assert_int_equal(slab.mapped, 2 * BFS_AREA_SIZE);
    take_area(&slab, chunks[2], LIMIT);
    assert_false(bfs_slab_wants_spare(&slab, LIMIT)); /* full */
    for (unsigned i = 0; i < 3 * IN_AREA; i++)
        bfs_slab_release(&slab, chunks[i / IN_AREA][i % IN_AREA], CHUNK);
    assert_false(bfs_slab_wants_spare(&slab, SIZE_MAX)); /* more than an area is free */
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, 0);
}

/* The spare goes first, also when it comes too late. */
static void a_spare_goes_back(void **state)
{
    (void)state;
    struct bfs_slab slab = {0};
    uint8_t *chunk = bfs_slab_alloc(&slab, CHUNK, SIZE_MAX);
    bfs_slab_reserve_spare(&slab);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, CHUNK + BFS_AREA_SIZE);
    bfs_slab_set_spare(&slab, bfs_area_map(BFS_AREA_SIZE, true));
    assert_non_null(slab.spare);
    bfs_slab_trim(&slab, CHUNK);
    assert_null(slab.spare);
    assert_int_equal(slab.mapped, CHUNK);
    bfs_slab_reserve_spare(&slab);
    bfs_slab_set_spare(&slab, NULL);
    assert_int_equal(slab.mapped, CHUNK);
    bfs_slab_release(&slab, chunk, CHUNK);
    bfs_slab_trim(&slab, 0);
    assert_int_equal(slab.mapped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_takes_the_next_class),
        cmocka_unit_test(the_same_buffer_comes_again),
        cmocka_unit_test(never_over_the_limit),
        cmocka_unit_test(chunks_share_areas_for_huge_pages),
        cmocka_unit_test(an_area_in_use_gives_free_chunks_back),
        cmocka_unit_test(odd_sizes_share_an_area),
        cmocka_unit_test(one_area_ahead),
        cmocka_unit_test(a_spare_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

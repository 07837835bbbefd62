/* SPDX-License-Identifier: Apache-2.0
 * The largest chunks that there are, after a transform, in the smallest cache: each takes more than
 * half of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"

#include "tests/fs/expect_read.h"
#include "tests/fs/published.h"

enum { N_CHUNKS = 6, STEP = 16 };

/* Chunk i is BFS_CHUNK_RAW_MAX bytes from STEP * i on, widened. */
static uint8_t *narrow, *wide;

static int set_up(void **state)
{
    (void)state;
    narrow = malloc(BFS_CHUNK_RAW_MAX + N_CHUNKS * STEP);
    wide = malloc((size_t)N_CHUNKS * BFS_CHUNK_WIDE_MAX);
    if (!narrow || !wide)
        return -1;
    test_fill_random(narrow, BFS_CHUNK_RAW_MAX + N_CHUNKS * STEP, 5);
    for (size_t i = 0; i < N_CHUNKS; i++)
        bfs_transform_widen(BFS_TRANSFORM_F16_TO_F32, narrow + i * STEP, BFS_CHUNK_RAW_MAX,
                            wide + i * BFS_CHUNK_WIDE_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(narrow);
    free(wide);
    return 0;
}

static void publish_wide(const struct bfs_store *store)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_chunk_table_builder builder = {0};
    struct bfs_digest digest;
    bfs_buffer_put(&bytes, narrow, BFS_CHUNK_RAW_MAX + N_CHUNKS * STEP);
    for (uint32_t i = 0; i < N_CHUNKS; i++) {
        struct bfs_chunk chunk = {
            .raw_size = BFS_CHUNK_WIDE_MAX,
            .stored_size = BFS_CHUNK_RAW_MAX,
            .stored_off = i * STEP,
            .encoding = {.codec = BFS_CODEC_RAW, .transform = BFS_TRANSFORM_F16_TO_F32},
            .check = bfs_xxh128(wide + (size_t)i * BFS_CHUNK_WIDE_MAX, BFS_CHUNK_WIDE_MAX)};
        assert_int_equal(bfs_sha256(narrow + i * STEP, BFS_CHUNK_RAW_MAX, &chunk.digest), 0);
        assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunk), 0);
    }
    assert_int_equal(bfs_sha256(wide, (size_t)N_CHUNKS * BFS_CHUNK_WIDE_MAX, &digest), 0);
    publish(store, &bytes, &builder, &digest);
}

static void expect(struct served *served, struct bfs_open_file *open, uint64_t offset, size_t size,
                   int error)
{
    expect_read(served, open, offset, size, wide + offset, error);
}

static void a_small_cache_serves_them(void **state)
{
    (void)state;
    const uint64_t chunk = BFS_CHUNK_WIDE_MAX;
    test_autoserved struct served served;
    served_pack(&served, NULL, 0);
    publish_wide(served.packed.store);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, "m/1/f");
    expect(&served, open, 0, 1 << 20, 0);
    expect(&served, open, chunk - 1000, 1 << 20, 0); /* two of them */
    expect(&served, open, 4 * chunk - 1, 2, 0);
    expect(&served, open, chunk + 7, (size_t)chunk + 1000, 0);
    expect(&served, open, 6 * chunk - 5, 5, 0);
    expect(&served, open, chunk - 1, (size_t)(2 * chunk + 2), 0);   /* four */
    expect(&served, open, chunk - 1, (size_t)(3 * chunk + 2), EIO); /* five */
    bfs_files_unref(served.fs->files, open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_small_cache_serves_them, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

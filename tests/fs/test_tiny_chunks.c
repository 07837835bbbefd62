/* SPDX-License-Identifier: Apache-2.0
 * A chunk table that no packer writes: thousands of chunks of one byte, each of which takes a whole
 * buffer of the cache. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/clock.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"

#include "tests/fs/expect_read.h"
#include "tests/fs/published.h"

enum { N_CHUNKS = 6000, N_BUFFERS = BFS_CACHE_SIZE_MIN / 4096 };

static uint8_t content[N_CHUNKS];

/* The bytes, each a chunk of its own. */
static void publish_tiny(const struct bfs_store *store)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_chunk_table_builder builder = {0};
    struct bfs_digest digest;
    bfs_buffer_put(&bytes, content, sizeof(content));
    for (uint32_t i = 0; i < N_CHUNKS; i++) {
        struct bfs_chunk chunk = {.raw_size = 1,
                                  .stored_size = 1,
                                  .stored_off = i,
                                  .encoding = {.codec = BFS_CODEC_RAW},
                                  .check = bfs_xxh128(&content[i], 1)};
        assert_int_equal(bfs_sha256(&content[i], 1, &chunk.digest), 0);
        assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunk), 0);
    }
    assert_int_equal(bfs_sha256(content, sizeof(content), &digest), 0);
    publish(store, &bytes, &builder, &digest);
}

static void expect(struct served *served, struct bfs_open_file *open, uint64_t offset, size_t size,
                   int error)
{
    expect_read(served, open, offset, size, content + offset, error);
}

static void the_budget_holds(void **state)
{
    (void)state;
    test_autoserved struct served served;
    for (uint32_t i = 0; i < N_CHUNKS; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    served_pack(&served, NULL, 0);
    publish_tiny(served.packed.store);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, "m/1/f");
    expect(&served, open, 0, N_BUFFERS + 1, EIO);
    expect(&served, open, 0, N_CHUNKS, EIO);
    expect(&served, open, 100, 3000, 0);
    expect(&served, open, N_CHUNKS - 257, 257, 0);
    expect(&served, open, N_CHUNKS - 256, 256, 0);
    expect(&served, open, 17, 1, 0);
    bfs_files_unref(served.fs->files, open);
    assert_true(bfs_cache_size(served.fs->cache) <= BFS_CACHE_SIZE_MIN);
}

static int ask_resident(struct served *served, uint64_t node, bool may_block, uint64_t *ret)
{
    struct bfs_op op = {.function = bfs_op_getxattr, .node = node, .size = 64};
    struct bfs_reply reply = {0};
    (void)snprintf(op.name, sizeof(op.name), "user.bundlefs.resident");
    int r = bfs_op_getxattr(served->fs, &op, may_block, &reply);
    bfs_buffer_put_u8(&reply.bytes, 0);
    *ret = r ? 0 : strtoull((const char *)reply.bytes.bytes, NULL, 10);
    bfs_buffer_done(&reply.bytes);
    return r;
}

/* Whoever asks how much of it is in the cache: no request thread looks six thousand chunks up. */
static void a_worker_counts_what_is_resident(void **state)
{
    (void)state;
    test_autoserved struct served served;
    uint64_t size;
    served_pack(&served, NULL, 0);
    publish_tiny(served.packed.store);
    served_start(&served);
    uint64_t node = served_node(&served, "m/1/f");
    struct bfs_open_file *open = served_open(&served, "m/1/f");
    assert_int_equal(ask_resident(&served, node, false, &size), -EWOULDBLOCK);
    assert_int_equal(ask_resident(&served, node, true, &size), 0);
    assert_int_equal(size, 0);
    expect(&served, open, 100, 50, 0);
    /* As of the last second, whoever asks. */
    assert_int_equal(ask_resident(&served, node, false, &size), 0);
    assert_int_equal(size, 0);
    atomic_store(&open->resident_ms, bfs_now_ms() - 1000);
    assert_int_equal(ask_resident(&served, node, false, &size), -EWOULDBLOCK);
    assert_int_equal(ask_resident(&served, node, true, &size), 0);
    assert_true(size >= 50); /* with what was read ahead */
    /* While somebody counts, others get the last sum. */
    atomic_store(&open->resident_ms, bfs_now_ms() - 1000);
    atomic_store(&open->resident, 7);
    assert_false(atomic_flag_test_and_set(&open->is_counting));
    assert_int_equal(ask_resident(&served, node, true, &size), 0);
    assert_int_equal(size, 7);
    bfs_files_unref(served.fs->files, open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_budget_holds),
        cmocka_unit_test(a_worker_counts_what_is_resident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

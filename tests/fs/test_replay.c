/* SPDX-License-Identifier: Apache-2.0
 * A recorded load is decoded ahead of the readers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/fs/expect_read.h"
#include "tests/fs/served.h"
#include "tests/fs/tables.h"
#include "tests/pack/traced.h"

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

/* As if memory were plenty, whatever else runs on this machine. */
static void start_with_memory(struct served *served)
{
    served_start(served);
    served->fs->ahead.decoded = 8 << 20;
    served->fs->ahead.stored = 64 << 20;
}

static void start_replaying(struct served *served, const char *lines, uint64_t cache_size)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    served_make(served);
    struct bfs_open_file *open = served_open(served, model);
    (void)bfs_digest_hex(bfs_bundle_id(bfs_file_bundle(open->file)), hex);
    bfs_files_unref(served->fs->files, open);
    served->fs = bfs_fs_free(served->fs);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    for (; *lines; lines++)
        if (*lines == '@')
            bfs_buffer_printf(&text, "{\"ms\":0,\"bundle\":\"sha256:%s\",", hex);
        else
            bfs_buffer_put_u8(&text, (uint8_t)*lines);
    test_write_file(&served->packed.folder, "trace", text.bytes, text.size);
    served->options.replay = test_path(&served->packed.folder, "trace");
    served->options.cache_size = cache_size;
    start_with_memory(served);
}

static bool has(struct served *served, struct bfs_open_file *open, uint32_t i)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(open->file), i);
    struct bfs_block *block = bfs_cache_peek(served->fs->cache, &chunk);
    if (block)
        bfs_cache_put(served->fs->cache, block);
    return block != NULL;
}

static void await(struct served *served, struct bfs_open_file *open, uint64_t offset)
{
    uint32_t i = bfs_chunk_table_find(bfs_file_table(open->file), offset);
    while (!has(served, open, i))
        (void)sched_yield();
}

/* Opening the first file is enough: what comes next is decoded, in a file that nobody opened. */
static void the_first_open_starts_it(void **state)
{
    (void)state;
    test_autoserved struct served served;
    start_replaying(&served,
                    "@\"path\":\"config.json\",\"offset\":0,\"size\":10}\n"
                    "@\"path\":\"model.safetensors\",\"offset\":1000000,\"size\":65536}\n"
                    "@\"path\":\"no/such/file\",\"offset\":0,\"size\":65536}\n"
                    "@\"path\":\"model.safetensors\",\"offset\":200,\"size\":10}\n"
                    "@\"path\":\"model.safetensors\",\"offset\":9000000,\"size\":10}\n",
                    64 << 20);
    struct bfs_open_file *config = served_open(&served, "acme/tiny/1.0.0/config.json");
    while (!bfs_files_find(served.fs->files, served_node(&served, model)))
        (void)sched_yield();
    struct bfs_open_file *open = served_open(&served, model);
    await(&served, config, 0);
    await(&served, open, 1000000);
    await(&served, open, 200);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_READ_REQUESTS), 0);
    assert_false(has(&served, open, bfs_chunk_table_find(bfs_file_table(open->file), 1800000)));
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, open); /* that of the search */
    bfs_files_unref(served.fs->files, config);
}

static void expect_window_of_4_mib(uint64_t cache_size)
{
    test_autoserved struct served served;
    start_replaying(&served,
                    "@\"path\":\"model.safetensors\",\"offset\":0,\"size\":100000}\n"
                    "@\"path\":\"hole.bin\",\"offset\":0,\"size\":9437184}\n"
                    "@\"path\":\"model.safetensors\",\"offset\":1000000,\"size\":500000}\n",
                    cache_size);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *hole = served_open(&served, "acme/tiny/1.0.0/hole.bin");
    await(&served, open, 0);
    await(&served, hole, 3 << 20);
    uint32_t far = bfs_chunk_table_find(bfs_file_table(open->file), 1000000);
    assert_false(has(&served, open, far));
    /* Another order is no step along the trace. */
    assert_false(bfs_replay_note(served.fs->replay, open, 1900000, 1900010));
    assert_true(bfs_replay_note(served.fs->replay, open, 0, 100000));
    assert_false(has(&served, open, far));
    assert_true(bfs_replay_note(served.fs->replay, hole, 9000000, 9437184));
    await(&served, open, 1000000);
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, hole);
}

/* The window is a quarter of the cache; reads along the trace move it. */
static void reads_move_the_window(void **state)
{
    (void)state;
    expect_window_of_4_mib(16 << 20);
}

/* A quarter of what chunk tables have left of it. */
static void tables_narrow_the_window(void **state)
{
    (void)state;
    tables_pretend((size_t)1 << 30);
    expect_window_of_4_mib(256 << 20);
    tables_pretend(0);
}

/* What a bundle brings, without any option. */
static const char own[] = "@\"path\":\"config.json\",\"offset\":0,\"size\":22}\n"
                          "@\"path\":\"model.safetensors\",\"offset\":1000000,\"size\":65536}\n";

static void pack_with_trace(struct served *served)
{
    struct bfs_pack_report report;
    served_pack(served, NULL, 0);
    assert_int_equal(traced_pack(&served->packed, "acme/tiny:1.0.0", own,
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
}

static void a_bundle_brings_its_order(void **state)
{
    (void)state;
    test_autoserved struct served served;
    pack_with_trace(&served);
    start_with_memory(&served);
    struct bfs_open_file *open = served_open(&served, model); /* it does not begin with that */
    assert_false(bfs_replay_note(served.fs->replay, open, 1000000, 1000010));
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_REPLAY_CHUNKS), 0);
    struct bfs_open_file *config = served_open(&served, "acme/tiny/1.0.0/config.json");
    await(&served, config, 0);
    await(&served, open, 1000000);
    assert_false(has(&served, open, 0));
    assert_true(bfs_replay_note(served.fs->replay, open, 1000000, 1000010));
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_READ_REQUESTS), 0);
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, config);
}

/* A hundred files lie between two parts of one: of them, as many are opened as may be. */
static void few_files_are_opened_ahead(void **state)
{
    enum { N_FILES = 100, N_OPEN = 64 };
    struct bfs_pack_report report;
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, NULL, 0);
    bfs_autobuffer struct bfs_buffer lines = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&lines, "@\"path\":\"model.safetensors\",\"offset\":0,\"size\":10}\n");
    for (int i = 0; i < N_FILES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "model/small-%d", i);
        test_write_text(&served.packed.folder, name, name);
        bfs_buffer_printf(&lines, "@\"path\":\"small-%d\",\"offset\":0,\"size\":5}\n", i);
    }
    bfs_buffer_put_text(&lines,
                        "@\"path\":\"model.safetensors\",\"offset\":1000000,\"size\":10}\n");
    bfs_buffer_put_u8(&lines, 0);
    assert_int_equal(traced_pack(&served.packed, "acme/tiny:1.0.0", (const char *)lines.bytes,
                                 (struct bfs_pack_options){.source_date_epoch = -1}, &report),
                     0);
    start_with_memory(&served);
    struct bfs_open_file *open = served_open(&served, model);
    await(&served, open, 1000000);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_OPEN_FILES), N_OPEN);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_REPLAY_CHUNKS), N_OPEN + 1);
    bfs_files_unref(served.fs->files, open);
}

static void off_is_off(void **state)
{
    (void)state;
    test_autoserved struct served served;
    pack_with_trace(&served);
    served.options.replay = strdup("off");
    start_with_memory(&served);
    assert_null(served.fs->replay);
    struct bfs_open_file *config = served_open(&served, "acme/tiny/1.0.0/config.json");
    read_at(&served, config, 0, 4096);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_REPLAY_CHUNKS), 0);
    bfs_files_unref(served.fs->files, config);
}

static void a_trace_takes_the_place_of_the_bundles(void **state)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    (void)state;
    test_autoserved struct served served;
    pack_with_trace(&served);
    BFS_CLEANUP(bfs_bundle_cleanup)
    struct bfs_bundle *bundle = packed_open(&served.packed, "acme/tiny:1.0.0");
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_printf(&text,
                      "{\"ms\":0,\"bundle\":\"sha256:%s\",\"path\":\"model.safetensors\","
                      "\"offset\":0,\"size\":10}\n",
                      bfs_digest_hex(bfs_bundle_id(bundle), hex));
    test_write_file(&served.packed.folder, "trace", text.bytes, text.size);
    served.options.replay = test_path(&served.packed.folder, "trace");
    start_with_memory(&served);
    struct bfs_open_file *config = served_open(&served, "acme/tiny/1.0.0/config.json");
    struct bfs_open_file *open = served_open(&served, model);
    await(&served, open, 0);
    assert_false(has(&served, config, 0));
    assert_false(has(&served, open, bfs_chunk_table_find(bfs_file_table(open->file), 1000000)));
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, config);
}

static void count_told(void *context, enum bfs_log_level level, const char *line)
{
    atomic_uint *n = context;
    (void)level;
    if (strstr(line, "its trace is not used"))
        atomic_fetch_add(n, 1);
}

/* It is told once, and reads go on as ever. */
static void a_wrong_order_is_not_used(void **state)
{
    (void)state;
    test_autoserved struct served served;
    pack_with_trace(&served);
    bfs_autobuffer struct bfs_buffer wrong = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&wrong, "BFSTRACE and nothing that belongs there");
    traced_publish(&served.packed, "acme/tiny:1.0.0", "acme/tiny:2.0.0",
                   &(struct traced_change){.bytes = &wrong});
    atomic_uint n_told = 0;
    served.log = (struct bfs_log){.write = count_told, .context = &n_told};
    start_with_memory(&served);
    struct bfs_open_file *good = served_open(&served, "acme/tiny/1.0.0/config.json");
    struct bfs_open_file *bad = served_open(&served, "acme/tiny/2.0.0/config.json");
    struct bfs_open_file *again = served_open(&served, "acme/tiny/2.0.0/config.json");
    await(&served, good, 0);
    read_at(&served, bad, 0, 4096);
    while (atomic_load(&n_told) == 0)
        (void)sched_yield();
    bfs_files_unref(served.fs->files, good);
    bfs_files_unref(served.fs->files, bad);
    bfs_files_unref(served.fs->files, again);
    served.fs = bfs_fs_free(served.fs);
    assert_int_equal(atomic_load(&n_told), 1);
}

static void a_bad_replay_mounts_nothing(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct bfs_error error = {0};
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.replay = test_path(&served.packed.folder, "trace");
    assert_int_equal(
        bfs_fs_new(served.packed.store, &served.options, &served.log, &served.fs, &error), -ENOENT);
    test_write_text(&served.packed.folder, "trace", "{}");
    assert_int_equal(
        bfs_fs_new(served.packed.store, &served.options, &served.log, &served.fs, &error),
        -EBADMSG);
    assert_null(served.fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_open_starts_it),
        cmocka_unit_test(reads_move_the_window),
        cmocka_unit_test(tables_narrow_the_window),
        cmocka_unit_test(a_bundle_brings_its_order),
        cmocka_unit_test(few_files_are_opened_ahead),
        cmocka_unit_test(off_is_off),
        cmocka_unit_test(a_trace_takes_the_place_of_the_bundles),
        cmocka_unit_test(a_wrong_order_is_not_used),
        cmocka_unit_test(a_bad_replay_mounts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

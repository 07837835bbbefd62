/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/trace/trace_text.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
#include "tests/fs/tables.h"
#include "tests/pack/traced.h"

#define HEX "0584b0df696456f801715bb2da4c3f3f436ab7ddd7da3ffb2e4f49875a9c9447"
#define OTHER "1584b0df696456f801715bb2da4c3f3f436ab7ddd7da3ffb2e4f49875a9c9447"

static const char model[] = "acme/tiny/1.0.0/model.safetensors";

static const char sound[] =
    "{\"ms\":1,\"bundle\":\"sha256:" HEX "\",\"path\":\"a\",\"offset\":0,\"size\":5}\n"
    "{\"ms\":2,\"bundle\":\"sha256:" HEX "\",\"path\":\"b/c\",\"offset\":7,\"size\":1,"
    "\"tensor\":\"t\"}\n"
    "{\"ms\":2,\"bundle\":\"sha256:" OTHER "\",\"path\":\"a\",\"offset\":0,\"size\":5}\n"
    "{\"ms\":9,\"bundle\":\"sha256:" HEX "\",\"path\":\"a\",\"offset\":5,\"size\":9}\n";

static void lines_are_steps(void **state)
{
    (void)state;
    bfs_autotrace struct bfs_trace_steps steps = {0};
    struct bfs_error error = {0};
    assert_int_equal(bfs_trace_parse(sound, sizeof(sound) - 1, &steps, &error), 0);
    static const struct bfs_trace_step expected[] = {
        {0, 0, 5, 0}, {1, 7, 1, 1}, {2, 0, 5, 0}, {0, 5, 9, 0}};
    assert_int_equal(steps.n_files, 3);
    assert_int_equal(steps.n_steps, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(steps.steps[i].file, expected[i].file);
        assert_int_equal(steps.steps[i].offset, expected[i].offset);
        assert_int_equal(steps.steps[i].size, expected[i].size);
        const char *tensor = bfs_trace_tensor(&steps, &steps.steps[i]);
        assert_int_equal(tensor != NULL, expected[i].tensor != 0);
    }
    assert_string_equal(bfs_trace_tensor(&steps, &steps.steps[1]), "t");
    assert_string_equal(steps.files[1].path, "b/c");
    bfs_autotrace struct bfs_trace_steps none = {0};
    assert_int_equal(bfs_trace_parse("", 0, &none, &error), 0);
    assert_int_equal(none.n_steps, 0);
}

static void wrong_lines_are_named(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\n",
        "{}",
        "[]",
        "{\"ms\":1,\"bundle\":\"sha256:" HEX "\",\"path\":\"a\",\"offset\":0,\"size\":0}",
        "{\"ms\":1,\"bundle\":\"sha256:" HEX "\",\"path\":\"a\",\"offset\":-1,\"size\":1}",
        "{\"ms\":1,\"bundle\":\"" HEX "\",\"path\":\"a\",\"offset\":0,\"size\":1}",
        "{\"ms\":1,\"bundle\":\"sha256:" HEX "\",\"offset\":0,\"size\":1}",
        "{\"ms\":1,\"bundle\":\"sha256:" HEX "\",\"path\":\"a\",\"offset\":0,\"size\":1,\"x\":1}",
        "{\"ms\":1,\"bundle\":\"sha256:" HEX "\",\"path\":\"a\",\"offset\":0,\"size\":1} {}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
        struct bfs_trace_steps steps = {.n_steps = 77};
        struct bfs_error error = {0};
        char message[BFS_ERROR_TEXT_SIZE];
        bfs_buffer_put_text(&text, sound);
        bfs_buffer_put_text(&text, bad[i]);
        bfs_buffer_put_u8(&text, '\n');
        assert_int_equal(bfs_trace_parse(text.bytes, text.size, &steps, &error), -EBADMSG);
        assert_int_equal(steps.n_steps, 77);
        assert_non_null(strstr(bfs_error_text(&error, message), "line 5"));
    }
}

/* Whole lines are taken, with the last newline or without it; the beginning of one is left out. */
static void a_line_that_was_cut_off_is_left_out(void **state)
{
    (void)state;
    size_t size = sizeof(sound) - 1, n_whole = 0;
    for (size_t cut = 0; cut <= size; cut++) {
        bfs_autotrace struct bfs_trace_steps steps = {0};
        if (sound[cut] == '\n')
            n_whole++;
        assert_int_equal(bfs_trace_parse(sound, cut, &steps, NULL), 0);
        assert_int_equal(steps.n_steps, n_whole);
    }
    static const char *const wrong[] = {"{}", "{\"ms\":1}", "[", "BFSTRACE", "\"ms", " {"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bfs_autotrace struct bfs_trace_steps steps = {0};
        assert_int_equal(bfs_trace_parse(wrong[i], strlen(wrong[i]), &steps, NULL), -EBADMSG);
    }
}

static void check_any(const char *text, size_t size, size_t *n_accepted)
{
    bfs_autotrace struct bfs_trace_steps steps = {0};
    struct bfs_error error = {0};
    int r = bfs_trace_parse(text, size, &steps, &error);
    assert_int_equal(r, error.code);
    assert_true(r == 0 || r == -EBADMSG);
    *n_accepted += r == 0;
    for (size_t i = 0; i < steps.n_steps; i++) {
        assert_in_range(steps.steps[i].file, 0, steps.n_files - 1);
        assert_true(steps.steps[i].size > 0);
        assert_true(steps.steps[i].offset + steps.steps[i].size > steps.steps[i].offset);
    }
}

static void any_flip_and_any_cut(void **state)
{
    (void)state;
    size_t accepted = 0, size = sizeof(sound) - 1, n = 0;
    for (size_t cut = 0; cut < size; cut++, n++)
        check_any(sound, cut, &accepted);
    assert_int_equal(accepted, size);
    accepted = 0;
    for (size_t bit = 0; bit < size * 8; bit++, n++) {
        bfs_autofree char *mutant = malloc(size);
        assert_non_null(mutant);
        memcpy(mutant, sound, size);
        mutant[bit / 8] = (char)(mutant[bit / 8] ^ 1 << bit % 8);
        check_any(mutant, size, &accepted);
    }
    assert_int_equal(n, size * 9);
    assert_in_range(accepted, 1, size * 8 / 2); /* digits and letters of names */
}

static void read_at(struct served *served, struct bfs_open_file *open, uint64_t offset, size_t size)
{
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, 0);
    fake_request_done(&request);
}

/* From the back to the front, some of it twice: each byte is traced once, in the order of reading.
 */
static void what_is_read_is_traced_once(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.trace = test_path(&served.packed.folder, "trace");
    bfs_autofree char *path = strdup(served.options.trace);
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, model);
    struct bfs_open_file *config = served_open(&served, "acme/tiny/1.0.0/config.json");
    uint64_t file_size = bfs_file_size(open->file), config_size = bfs_file_size(config->file);
    enum { PIECE = 300000 };
    read_at(&served, config, 0, 4096);
    for (uint64_t at = file_size - file_size % PIECE;; at -= PIECE) {
        read_at(&served, open, at, PIECE);
        read_at(&served, open, at, 10);
        if (at == 0)
            break;
    }
    read_at(&served, open, 0, (size_t)file_size);
    assert_int_equal(bfs_metric_get(&served.fs->metrics, BFS_METRIC_TRACE_LOST), 0);
    bfs_files_unref(served.fs->files, open);
    bfs_files_unref(served.fs->files, config);
    served.fs = bfs_fs_free(served.fs);

    bfs_autotrace struct bfs_trace_steps steps = {0};
    struct bfs_error error = {0};
    assert_int_equal(bfs_trace_read(path, &steps, &error), 0);
    assert_int_equal(steps.n_files, 2);
    assert_string_equal(steps.files[0].path, "config.json");
    assert_string_equal(steps.files[1].path, "model.safetensors");
    assert_int_equal(steps.steps[0].size, config_size);
    uint64_t total = 0, before = file_size;
    for (size_t i = 1; i < steps.n_steps; i++) {
        assert_int_equal(steps.steps[i].file, 1);
        assert_int_equal(steps.steps[i].offset + steps.steps[i].size, before);
        before = steps.steps[i].offset;
        total += steps.steps[i].size;
    }
    assert_int_equal(total, file_size);
    assert_true(steps.n_steps > 5);
}

static void put_old_trace(struct served *served)
{
    served_pack(served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    test_write_text(&served->packed.folder, "trace", sound);
    served->options.trace = test_path(&served->packed.folder, "trace");
    served->options.replay = strdup(served->options.trace);
}

static void assert_old_trace(const char *path)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    assert_int_equal(bfs_read_file(path, sizeof(sound), &text, &size, NULL), 0);
    assert_string_equal((const char *)text, sound);
}

/* One file is replayed and written: what was recorded is lost with nothing but a new record. */
static void no_mount_and_no_read_replaces_nothing(void **state)
{
    (void)state;
    test_autoserved struct served served;
    struct bfs_error error = {0};
    put_old_trace(&served);
    served_start(&served);
    assert_old_trace(served.options.trace);
    served.fs = bfs_fs_free(served.fs);
    assert_old_trace(served.options.trace);
    bfs_autoclose int fd = open(bfs_store_index_path(served.packed.store), O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 1), 0);
    assert_true(bfs_fs_new(served.packed.store, &served.options, &served.log, &served.fs, &error) <
                0);
    assert_old_trace(served.options.trace);
}

static void what_is_read_replaces_the_old_trace(void **state)
{
    (void)state;
    test_autoserved struct served served;
    put_old_trace(&served);
    assert_int_equal(chmod(served.options.trace, 0600), 0);
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, model);
    read_at(&served, open, 0, 10);
    bfs_files_unref(served.fs->files, open);
    served.fs = bfs_fs_free(served.fs);
    bfs_autotrace struct bfs_trace_steps steps = {0};
    assert_int_equal(bfs_trace_read(served.options.trace, &steps, NULL), 0);
    assert_int_equal(steps.n_steps, 1);
    assert_string_equal(steps.files[0].path, "model.safetensors");
    struct stat st;
    assert_int_equal(stat(served.options.trace, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* As when a session ends: what else would have to end waits for the store. */
static void what_happened_is_written_while_the_store_hangs(void **state)
{
    (void)state;
    enum { N = 1000 };
    test_autoserved struct served served;
    struct fake_request hanging;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.trace = test_path(&served.packed.folder, "trace");
    served.options.audit = test_path(&served.packed.folder, "audit");
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, model);
    gate_close();
    fake_request_init(&hanging, served.fs);
    bfs_reads_start(served.fs->reads, fake_handle(&hanging), open, 0, 10, true);
    gate_await(1);
    for (int i = 0; i < N; i++)
        bfs_audit_put(served.fs->audit, i + 1 < N ? "step" : "end", NULL);
    bfs_fs_write_out(served.fs, 20000);

    bfs_autotrace struct bfs_trace_steps steps = {0};
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    assert_int_equal(bfs_trace_read(served.options.trace, &steps, NULL), 0);
    assert_int_equal(bfs_read_file(served.options.audit, 1 << 20, &text, &size, NULL), 0);
    gate_open();
    assert_int_equal(steps.n_steps, 1);
    assert_non_null(strstr((const char *)text, "\"end\""));
    assert_true(fake_wait(&hanging, 20000));
    fake_request_done(&hanging);
    bfs_files_unref(served.fs->files, open);
}

static void a_full_disk_stops_only_the_trace(void **state)
{
    (void)state;
    test_autoserved struct served served;
    served_pack(&served, (const char *const[]){"acme/tiny:1.0.0"}, 1);
    served.options.trace = strdup("/dev/full");
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, model);
    read_at(&served, open, 0, 1 << 20);
    read_at(&served, open, 1 << 20, 1 << 20);
    bfs_files_unref(served.fs->files, open);
}

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
        cmocka_unit_test(lines_are_steps),
        cmocka_unit_test(wrong_lines_are_named),
        cmocka_unit_test(a_line_that_was_cut_off_is_left_out),
        cmocka_unit_test(any_flip_and_any_cut),
        cmocka_unit_test(what_is_read_is_traced_once),
        cmocka_unit_test(no_mount_and_no_read_replaces_nothing),
        cmocka_unit_test(what_is_read_replaces_the_old_trace),
        cmocka_unit_test(what_happened_is_written_while_the_store_hangs),
        cmocka_unit_test(a_full_disk_stops_only_the_trace),
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

/* SPDX-License-Identifier: Apache-2.0
 * A load is recorded: the text of a trace, and what is written when. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/trace/trace_text.h"
#include "tests/fs/expect_read.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/gate.h"
#include "tests/fs/served.h"
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

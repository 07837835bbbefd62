/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/audit_log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define WHEN INT64_C(1780272000)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static int file_of(const void *bytes, size_t size)
{
    int fd = memfd_create("audit", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    return fd;
}

/* A log of n lines; starts[i] is where line i + 1 begins. */
static void make_log(unsigned n, struct bfs_buffer *ret, size_t starts[], struct bfs_audit_end *end)
{
    for (unsigned i = 0; i < n; i++) {
        int status = 0;
        bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
        bfs_json_add_integer(fields, "i", i, &status);
        starts[i] = ret->size;
        assert_int_equal(
            bfs_audit_write_line(end, i ? "open" : BFS_AUDIT_BEGIN, WHEN + i, fields, ret), 0);
    }
}

static uint64_t broken_line(const void *bytes, size_t size, struct bfs_audit_report *ret,
                            struct bfs_error *error)
{
    bfs_autoclose int fd = file_of(bytes, size);
    assert_int_equal(bfs_audit_verify(fd, "log", ret, error), 0);
    return ret->broken_line;
}

static void test_whole(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer log = BFS_BUFFER_INIT;
    struct bfs_audit_end end = {0}, found;
    struct bfs_audit_report report;
    size_t starts[5];
    assert_int_equal(broken_line("", 0, &report, NULL), 0);
    assert_int_equal(report.n_lines, 0);
    make_log(5, &log, starts, &end);
    assert_int_equal(broken_line(log.bytes, log.size, &report, NULL), 0);
    assert_int_equal(report.n_lines, 5);
    assert_int_equal(report.n_fragments, 0);
    assert_true(bfs_digest_equal(&report.last, &end.last));
    bfs_autoclose int fd = file_of(log.bytes, log.size);
    assert_int_equal(bfs_audit_find_end(fd, log.size, "log", &found, NULL), 0);
    assert_int_equal(found.sequence, 5);
    assert_false(found.is_torn);
    assert_true(bfs_digest_equal(&found.last, &end.last));
}

/* No bit can be flipped unnoticed, and the line that is named is the one that was changed: the last
 * one has nobody behind it, so of it only what breaks its form or its place is noticed. */
static void test_every_bit(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer log = BFS_BUFFER_INIT;
    struct bfs_audit_end end = {0};
    size_t starts[4];
    make_log(4, &log, starts, &end);
    for (size_t bit = 0; bit < starts[3] * 8; bit++) {
        struct bfs_audit_report report;
        size_t at = bit / 8;
        uint64_t line = at >= starts[2] ? 3 : at >= starts[1] ? 2 : 1;
        log.bytes[at] = (uint8_t)(log.bytes[at] ^ 1 << (bit % 8));
        uint64_t broken = broken_line(log.bytes, log.size, &report, NULL);
        log.bytes[at] = (uint8_t)(log.bytes[at] ^ 1 << (bit % 8));
        /* Who changes what a line says of the one before breaks the bond between the two. */
        if (broken != line && broken + 1 != line)
            fail_msg("bit %zu of line %d: line %d is named", bit, (int)line, (int)broken);
    }
}

static void test_lines_moved(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer log = BFS_BUFFER_INIT;
    struct bfs_audit_end end = {0};
    size_t starts[5];
    struct bfs_audit_report report;
    struct bfs_error error = {0};
    make_log(4, &log, starts, &end);
    starts[4] = log.size;
    for (size_t i = 0; i < 3; i++) { /* the last one is not missed */
        bfs_autobuffer struct bfs_buffer less = BFS_BUFFER_INIT;
        bfs_buffer_put(&less, log.bytes, starts[i]);
        bfs_buffer_put(&less, log.bytes + starts[i + 1], log.size - starts[i + 1]);
        assert_int_equal(broken_line(less.bytes, less.size, &report, &error), i + 1);
        assert_non_null(strstr(error.what, "its number is wrong"));
        bfs_autobuffer struct bfs_buffer more = BFS_BUFFER_INIT;
        bfs_buffer_put(&more, log.bytes, starts[i + 1]);
        bfs_buffer_put(&more, log.bytes + starts[i], log.size - starts[i]);
        assert_int_equal(broken_line(more.bytes, more.size, &report, &error), i + 2);
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer log = BFS_BUFFER_INIT;
    struct bfs_audit_end end = {0};
    size_t starts[3];
    make_log(3, &log, starts, &end);
    for (size_t size = 1; size < log.size; size++) {
        struct bfs_audit_report report;
        struct bfs_audit_end found;
        bool whole = size == starts[1] || size == starts[2];
        uint64_t lines = (uint64_t)(size >= starts[1]) + (size >= starts[2]);
        assert_int_equal(broken_line(log.bytes, size, &report, NULL), whole ? 0 : lines + 1);
        /* A writer that comes back makes it right, whatever the place, and all is proved again. */
        bfs_autobuffer struct bfs_buffer mended = BFS_BUFFER_INIT;
        bfs_autoclose int fd = file_of(log.bytes, size);
        assert_int_equal(bfs_audit_find_end(fd, size, "log", &found, NULL), 0);
        assert_int_equal(found.is_torn, !whole);
        assert_int_equal(found.sequence, lines);
        bfs_buffer_put(&mended, log.bytes, size);
        if (found.is_torn)
            assert_int_equal(bfs_audit_write_recovery(&found, WHEN, &mended), 0);
        assert_int_equal(bfs_audit_write_line(&found, "mount", WHEN, NULL, &mended), 0);
        assert_int_equal(broken_line(mended.bytes, mended.size, &report, NULL), 0);
        assert_int_equal(report.n_fragments, !whole);
    }
}

static void test_recovery_is_bound(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer log = BFS_BUFFER_INIT;
    struct bfs_audit_end end = {0};
    struct bfs_audit_report report;
    size_t starts[2];
    make_log(2, &log, starts, &end);
    size_t line_end = log.size;
    bfs_buffer_put_text(&log, "{\"sequence\":3,\"ti");
    size_t torn = log.size;
    bfs_autoclose int fd = file_of(log.bytes, log.size);
    assert_int_equal(bfs_audit_find_end(fd, log.size, "log", &end, NULL), 0);
    assert_int_equal(bfs_audit_write_recovery(&end, WHEN, &log), 0);
    assert_int_equal(bfs_audit_write_line(&end, "open", WHEN, NULL, &log), 0);
    assert_int_equal(broken_line(log.bytes, log.size, &report, NULL), 0);
    assert_int_equal(report.n_fragments, 1);
    log.bytes[torn - 2] ^= 1; /* the fragment */
    assert_int_equal(broken_line(log.bytes, log.size, &report, NULL), 3);
    log.bytes[torn - 2] ^= 1;
    log.bytes[line_end - 3] ^= 1; /* a number in the last complete line */
    assert_int_equal(broken_line(log.bytes, log.size, &report, NULL), 2);
}

static void test_foreign(void **state)
{
    (void)state;
    static const char *const texts[] = {"hello\n", "hello", "{}\n", "\n",
                                        "{\"sequence\":1,\"time\":\"x\",\"event\":\"e\"}\n"};
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct bfs_audit_end end;
        bfs_autoclose int fd = file_of(texts[i], strlen(texts[i]));
        assert_int_equal(bfs_audit_find_end(fd, strlen(texts[i]), "log", &end, NULL), -EBADMSG);
    }
}

static void test_limits(void **state)
{
    (void)state;
    bfs_autobuffer struct bfs_buffer log = BFS_BUFFER_INIT;
    struct bfs_audit_end end = {0};
    struct bfs_audit_report report;
    int status = 0;
    bfs_autofree char *text = calloc(1, BFS_AUDIT_LINE_MAX + 1);
    bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
    assert_non_null(text);
    memset(text, 'x', BFS_AUDIT_LINE_MAX);
    bfs_json_add_string(fields, "text", text, &status);
    assert_int_equal(bfs_audit_write_line(&end, "open", WHEN, fields, &log), -E2BIG);
    assert_int_equal(bfs_audit_write_line(&end, "open", INT64_MAX, NULL, &log), -EINVAL);
    assert_int_equal(log.size, 0);
    assert_int_equal(end.sequence, 0);
    text[BFS_AUDIT_LINE_MAX - 1] = '\n';
    assert_int_equal(broken_line(text, BFS_AUDIT_LINE_MAX, &report, NULL), 1);
    assert_int_equal(broken_line(text, BFS_AUDIT_LINE_MAX - 1, &report, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_lines_moved),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_recovery_is_bound),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * An audit log that others move away, remove, cut off and write to, as those who rotate logs do,
 * and those who have something to hide. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/files.h"
#include "fs/audit_file.h"
#include "tests/support/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct place {
    struct test_folder folder;
    struct bfs_log log;
    struct bfs_audit_file *file;
    char *path, *other;
};

static void set_up(struct place *place)
{
    place->folder = test_folder_make();
    place->path = test_path(&place->folder, "log");
    place->other = test_path(&place->folder, "log.1");
    assert_int_equal(bfs_audit_file_open(place->path, &place->log, &place->file, NULL), 0);
}

static void tear_down(struct place *place)
{
    (void)bfs_audit_file_free(place->file);
    free(place->path);
    free(place->other);
    test_folder_remove(&place->folder);
}
#define autoplace BFS_CLEANUP(tear_down) struct place

/* A bfs_audit_format: one line of that event. */
static int format(void *context, struct bfs_audit_end *end, struct bfs_buffer *ret)
{
    return context ? bfs_audit_write_line(end, context, 1780272000, NULL, ret) : -E2BIG;
}

static void append(struct place *place, const char *event)
{
    struct bfs_error error = {0};
    if (bfs_audit_file_append(place->file, format, (void *)(uintptr_t)event, &error))
        fail_msg("%s: %s", event, error.what);
}

static struct bfs_audit_report report_of(const char *path)
{
    struct bfs_audit_report report;
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(bfs_audit_verify(fd, path, &report, NULL), 0);
    return report;
}

static char *text_of(const char *path)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(bfs_read_file(path, 1 << 20, &bytes, &size, NULL), 0);
    return (char *)bytes;
}

static void expect_log(const char *path, uint64_t n_lines, const char *word)
{
    struct bfs_audit_report report = report_of(path);
    bfs_autofree char *text = text_of(path);
    assert_int_equal(report.broken_line, 0);
    assert_int_equal(report.n_lines, n_lines);
    if (!strstr(text, word))
        fail_msg("%s is not in %s", word, text);
}

/* The new log tells how the one before ended. */
static void expect_continues(const struct place *place, const struct bfs_digest *last)
{
    char hex[BFS_DIGEST_HEX_SIZE], wanted[128];
    (void)snprintf(wanted, sizeof(wanted), "\"continues\":\"%s\"", bfs_digest_hex(last, hex));
    expect_log(place->path, 2, wanted);
}

static void test_renamed(void **state)
{
    autoplace place = {0};
    struct stat st;
    (void)state;
    set_up(&place);
    append(&place, "one");
    assert_int_equal(rename(place.path, place.other), 0);
    append(&place, "two");
    expect_log(place.other, 2, "\"one\"");
    struct bfs_audit_report before = report_of(place.other);
    expect_continues(&place, &before.last);
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    append(&place, "three");
    expect_log(place.path, 3, "\"three\"");
}

static void test_removed(void **state)
{
    autoplace place = {0};
    (void)state;
    set_up(&place);
    append(&place, "one");
    struct bfs_audit_report before = report_of(place.path);
    assert_int_equal(unlink(place.path), 0);
    append(&place, "two");
    expect_continues(&place, &before.last);
}

static void test_cut_off(void **state)
{
    autoplace place = {0};
    char hex[BFS_DIGEST_HEX_SIZE], wanted[128];
    struct stat st;
    (void)state;
    set_up(&place);
    append(&place, "one");
    assert_int_equal(stat(place.path, &st), 0);
    append(&place, "two");
    struct bfs_audit_report before = report_of(place.path);
    assert_int_equal(truncate(place.path, st.st_size), 0);
    append(&place, "three");
    (void)snprintf(wanted, sizeof(wanted), "\"last\":\"%s\"", bfs_digest_hex(&before.last, hex));
    expect_log(place.path, 4, wanted);
    expect_log(place.path, 4, "\"cut_off\"");
    /* In the middle of a line: it is a fragment, besides. */
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(truncate(place.path, st.st_size - 5), 0);
    append(&place, "four");
    expect_log(place.path, 7, "\"recovered\"");
    /* Whoever rotates logs by copying them leaves nothing. */
    before = report_of(place.path);
    assert_int_equal(truncate(place.path, 0), 0);
    append(&place, "five");
    expect_continues(&place, &before.last);
}

static void test_written_by_others(void **state)
{
    autoplace place = {0};
    (void)state;
    set_up(&place);
    append(&place, "one");
    bfs_autoclose int fd = open(place.path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "dear diary\n", 11), 11);
    append(&place, "two");
    append(&place, "three");
    bfs_autofree char *text = text_of(place.path);
    assert_non_null(strstr(text, "\"three\"")); /* it goes on, */
    struct bfs_audit_report report = report_of(place.path);
    assert_int_equal(report.broken_line, 3); /* and it is found */
}

static void test_what_fails(void **state)
{
    autoplace place = {0};
    struct bfs_audit_file *second = NULL;
    struct bfs_error error = {0};
    (void)state;
    set_up(&place);
    assert_int_equal(bfs_audit_file_open(place.path, &place.log, &second, &error), -EBUSY);
    assert_null(second);
    assert_int_equal(bfs_audit_file_append(place.file, format, NULL, &error), -E2BIG);
    append(&place, "one");
    expect_log(place.path, 2, "\"one\"");
    /* Something else in its place: nothing is written to it, and the log comes back when it can. */
    assert_int_equal(rename(place.path, place.other), 0);
    assert_int_equal(mkdir(place.path, 0700), 0);
    assert_int_equal(bfs_audit_file_append(place.file, format, (void *)(uintptr_t) "lost", &error),
                     -EISDIR);
    assert_int_equal(rmdir(place.path), 0);
    test_write_text(&place.folder, "log", "dear diary\n");
    assert_int_equal(bfs_audit_file_append(place.file, format, (void *)(uintptr_t) "lost", &error),
                     -EBADMSG);
    bfs_autofree char *text = text_of(place.path);
    assert_string_equal(text, "dear diary\n");
    assert_int_equal(unlink(place.path), 0);
    struct bfs_audit_report before = report_of(place.other);
    append(&place, "two");
    expect_continues(&place, &before.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renamed),    cmocka_unit_test(test_removed),
        cmocka_unit_test(test_cut_off),    cmocka_unit_test(test_written_by_others),
        cmocka_unit_test(test_what_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

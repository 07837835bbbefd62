/* SPDX-License-Identifier: Apache-2.0
 * What is in the file of a trace, whatever happens to who writes it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/trace_writer.h"
#include "tests/support/folder.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static const char old[] = "the old\ntrace\n";

static void assert_text(const char *path, const char *expected)
{
    bfs_autofree uint8_t *text = NULL;
    size_t size;
    assert_int_equal(bfs_read_file(path, 1 << 20, &text, &size, NULL), 0);
    assert_string_equal((const char *)text, expected);
}

static struct bfs_trace_writer *open_writer(const char *path)
{
    struct bfs_trace_writer *writer = NULL;
    struct bfs_error error = {0};
    assert_int_equal(bfs_trace_writer_open(path, &writer, &error), 0);
    return writer;
}

static int add(struct bfs_trace_writer *writer, const char *lines)
{
    return bfs_trace_writer_add(writer, lines, strlen(lines));
}

static unsigned n_names(const struct test_folder *folder)
{
    unsigned n = 0;
    DIR *names = opendir(folder->path);
    assert_non_null(names);
    while (readdir(names))
        n++;
    (void)closedir(names);
    return n - 2;
}

/* Whoever has the old one open still reads it: it is another file. */
static void the_first_lines_take_the_place(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "trace"), *link = test_path(&folder, "link");
    char kept[sizeof(old)] = "";
    test_write_text(&folder, "trace", old);
    assert_int_equal(symlink("trace", link), 0);
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    BFS_CLEANUP(bfs_trace_writer_cleanup) struct bfs_trace_writer *writer = open_writer(link);
    assert_text(path, old);
    assert_int_equal(add(writer, "a\n"), 0);
    assert_text(path, "a\n");
    assert_int_equal(add(writer, "b\nc\n"), 0);
    assert_text(path, "a\nb\nc\n");
    assert_text(link, "a\nb\nc\n");
    assert_int_equal(bfs_pread_exact(fd, kept, sizeof(old) - 1, 0), 0);
    assert_string_equal(kept, old);
    assert_int_equal(n_names(&folder), 2);
}

static void a_file_is_made(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "trace"),
                      *nowhere = test_path(&folder, "no/trace");
    struct bfs_trace_writer *none = NULL;
    BFS_CLEANUP(bfs_trace_writer_cleanup) struct bfs_trace_writer *writer = open_writer(path);
    assert_text(path, "");
    assert_int_equal(add(writer, "a\n"), 0);
    assert_text(path, "a\n");
    assert_int_equal(bfs_trace_writer_open(nowhere, &none, NULL), -ENOENT);
    assert_null(none);
}

/* As a full disk: some bytes of it are written, and then no more. */
static void limit_files(rlim_t size)
{
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size ? size : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void no_room_leaves_whole_lines(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "trace");
    BFS_CLEANUP(bfs_trace_writer_cleanup) struct bfs_trace_writer *writer = open_writer(path);
    assert_int_equal(add(writer, "a\n"), 0);
    assert_int_equal(add(writer, "bcd\n"), 0);
    limit_files(8);
    int r = add(writer, "e\nfghijklm\n");
    limit_files(0);
    assert_int_equal(r, -EFBIG);
    assert_text(path, "a\nbcd\n");
}

static void no_room_for_the_first_keeps_the_old(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "trace");
    test_write_text(&folder, "trace", old);
    BFS_CLEANUP(bfs_trace_writer_cleanup) struct bfs_trace_writer *writer = open_writer(path);
    limit_files(3);
    int r = add(writer, "abcdefg\n");
    limit_files(0);
    assert_int_equal(r, -EFBIG);
    assert_text(path, old);
    assert_int_equal(n_names(&folder), 1);
}

/* No other file can be made where the folder is gone, and nothing has to be: it is written to. */
static void without_a_folder_it_is_replaced_in_place(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "inner/trace"), *kept = test_path(&folder, "kept");
    bfs_autofree char *inner = test_path(&folder, "inner");
    test_make_folder(&folder, "inner");
    test_write_text(&folder, "inner/trace", old);
    assert_int_equal(link(path, kept), 0);
    BFS_CLEANUP(bfs_trace_writer_cleanup) struct bfs_trace_writer *writer = open_writer(path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(add(writer, "a\n"), 0);
    assert_int_equal(add(writer, "b\n"), 0);
    assert_text(kept, "a\nb\n");
}

static void what_is_no_file_is_written_to(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "pipe");
    char text[5] = "";
    assert_int_equal(mkfifo(path, 0600), 0);
    bfs_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    BFS_CLEANUP(bfs_trace_writer_cleanup) struct bfs_trace_writer *writer = open_writer(path);
    assert_int_equal(add(writer, "a\n"), 0);
    assert_int_equal(add(writer, "b\n"), 0);
    assert_int_equal(read(fd, text, 4), 4);
    assert_string_equal(text, "a\nb\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_lines_take_the_place),
        cmocka_unit_test(a_file_is_made),
        cmocka_unit_test(no_room_leaves_whole_lines),
        cmocka_unit_test(no_room_for_the_first_keeps_the_old),
        cmocka_unit_test(without_a_folder_it_is_replaced_in_place),
        cmocka_unit_test(what_is_no_file_is_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

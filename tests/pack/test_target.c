/* SPDX-License-Identifier: Apache-2.0
 * The directory that an unpack fills. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/unpack/target.h"
#include "tests/pack/packed.h"

#include <errno.h>

static int make(const struct test_folder *folder, const char *name, struct bfs_target *ret)
{
    bfs_autofree char *path = test_path(folder, name);
    return bfs_target_make(path, ret, NULL);
}

static void expect_refused(const struct test_folder *folder, const char *name, int code)
{
    size_t before = packed_count(folder->path);
    {
        bfs_autotarget struct bfs_target target = {.parent_fd = -1, .fd = -1};
        assert_int_equal(make(folder, name, &target), code);
    }
    assert_int_equal(packed_count(folder->path), before);
}

static void only_a_missing_or_empty_directory_will_do(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *link = test_path(&folder, "link");
    test_make_folder(&folder, "full");
    test_write_text(&folder, "full/file", "x");
    test_write_text(&folder, "file", "x");
    assert_int_equal(symlink("nowhere", link), 0);
    expect_refused(&folder, "full", -EEXIST);
    expect_refused(&folder, "file", -ENOTDIR);
    expect_refused(&folder, "link", -ENOTDIR);
    expect_refused(&folder, "none/out", -ENOENT);
    expect_refused(&folder, "none/..", -ENOENT);
    expect_refused(&folder, "file/out", -ENOTDIR);
}

static void committed_it_has_its_name_alone(void **state)
{
    static const char *const names[] = {"new", "new2///", "empty"};
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    test_make_folder(&folder, "empty");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bfs_autotarget struct bfs_target target = {.parent_fd = -1, .fd = -1};
        struct stat made, there;
        assert_int_equal(make(&folder, names[i], &target), 0);
        assert_int_equal(fstat(target.fd, &made), 0);
        assert_int_equal(made.st_mode & 0777, 0700);
        assert_int_equal(bfs_target_commit(&target, true, NULL), 0);
        assert_int_equal(stat(target.path, &there), 0);
        assert_true(made.st_ino == there.st_ino);
    }
    assert_int_equal(packed_count(folder.path), 3);
}

static void what_came_meanwhile_is_not_replaced(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    {
        bfs_autotarget struct bfs_target target = {.parent_fd = -1, .fd = -1};
        assert_int_equal(make(&folder, "out", &target), 0);
        test_make_folder(&folder, "out");
        test_write_text(&folder, "out/theirs", "x");
        assert_true(bfs_target_commit(&target, true, NULL) < 0);
    }
    bfs_autofree char *theirs = test_path(&folder, "out/theirs");
    assert_int_equal(access(theirs, F_OK), 0);
    assert_int_equal(packed_count(folder.path), 1); /* the temporary one is gone */
}

static void uncommitted_nothing_is_left(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    test_make_folder(&folder, "outside");
    test_write_text(&folder, "outside/kept", "x");
    {
        bfs_autotarget struct bfs_target target = {.parent_fd = -1, .fd = -1};
        assert_int_equal(make(&folder, "out", &target), 0);
        assert_int_equal(mkdirat(target.fd, "a", 0700), 0);
        assert_int_equal(mkdirat(target.fd, "a/b", 0700), 0);
        bfs_autoclose int fd = openat(target.fd, "a/b/c", O_CREAT | O_WRONLY | O_CLOEXEC, 0400);
        assert_true(fd >= 0);
        assert_int_equal(symlinkat("../../outside", target.fd, "a/link"), 0);
        assert_int_equal(fchmodat(target.fd, "a/b", 0, 0), 0);
    }
    bfs_autofree char *kept = test_path(&folder, "outside/kept");
    assert_int_equal(access(kept, F_OK), 0);
    assert_int_equal(packed_count(folder.path), 1);
}

static void a_parent_is_opened_through_no_link(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autotarget struct bfs_target target = {.parent_fd = -1, .fd = -1};
    char long_name[2 * NAME_MAX];
    const char *name = NULL;
    int fd = -1;
    assert_int_equal(make(&folder, "out", &target), 0);
    assert_int_equal(mkdirat(target.fd, "a", 0700), 0);
    assert_int_equal(symlinkat("a", target.fd, "link"), 0);
    memset(long_name, 'x', sizeof(long_name));
    memcpy(long_name + sizeof(long_name) - 3, "/y", 3);
    assert_int_equal(bfs_target_open_parent(&target, "link/c", &fd, &name), -ENOTDIR);
    assert_int_equal(bfs_target_open_parent(&target, "none/c", &fd, &name), -ENOENT);
    assert_int_equal(bfs_target_open_parent(&target, long_name, &fd, &name), -ENAMETOOLONG);
    assert_int_equal(fd, -1);
    assert_int_equal(bfs_target_open_parent(&target, "a/c", &fd, &name), 0);
    assert_string_equal(name, "c");
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_missing_or_empty_directory_will_do),
        cmocka_unit_test(committed_it_has_its_name_alone),
        cmocka_unit_test(what_came_meanwhile_is_not_replaced),
        cmocka_unit_test(uncommitted_nothing_is_left),
        cmocka_unit_test(a_parent_is_opened_through_no_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

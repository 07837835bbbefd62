/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/pack/scan.h"
#include "codec/store/view_config.h"
#include "tests/support/folder.h"

#include <errno.h>

static int scan(const struct test_folder *folder, bool dereference, const char *word)
{
    bfs_autoscan struct bfs_scan found = {0};
    struct bfs_error error = {0};
    int r = bfs_scan_directory(folder->path, dereference, &found, &error);
    assert_int_equal(error.code, r);
    if (r && word && !strstr(error.what, word))
        fail_msg("\"%s\" does not name %s", error.what, word);
    return r;
}

static void put_link(const struct test_folder *folder, const char *name, const char *target)
{
    bfs_autofree char *path = test_path(folder, name);
    assert_int_equal(symlink(target, path), 0);
}

static void lists_parents_first_and_sorted(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autoscan struct bfs_scan found = {0};
    static const char *const paths[] = {"", "B", "a", "a/x", "l", "z"};
    (void)state;
    test_make_folder(&folder, "a");
    test_write_text(&folder, "z", "12345");
    test_write_text(&folder, "B", "");
    test_write_text(&folder, "a/x", "123");
    put_link(&folder, "l", "a/x");
    assert_int_equal(bfs_scan_directory(folder.path, false, &found, NULL), 0);
    assert_int_equal(found.n_entries, 6);
    assert_int_equal(found.total_size, 8);
    for (uint32_t i = 0; i < 6; i++) {
        assert_string_equal(found.entries[i].path, paths[i]);
        assert_true(i == 0 || found.entries[i].parent < i);
    }
    assert_true(S_ISLNK(found.entries[4].mode));
    assert_string_equal(found.entries[4].target, "a/x");
}

static void links_that_escape_are_refused(void **state)
{
    static const char *const targets[] = {"/etc/passwd", "..", "../x", "a/../../x"};
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        test_autofolder struct test_folder folder = test_folder_make();
        test_make_folder(&folder, "a");
        put_link(&folder, "escape", targets[i]);
        assert_int_equal(scan(&folder, false, "escape"), -EINVAL);
    }
    test_autofolder struct test_folder folder = test_folder_make();
    put_link(&folder, "passwd", "/etc/passwd");
    assert_int_equal(scan(&folder, true, NULL), 0);
}

static void what_is_no_file_is_refused(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *path = test_path(&folder, "pipe");
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(scan(&folder, false, "pipe"), -EINVAL);
}

static void views_have_a_shape(void **state)
{
    static const char *const ids[] = {"auto", "Big", "_x", "with space"};
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autofree char *view_json = test_path(&folder, "views/one/view.json");
    bfs_autofree char *loose = test_path(&folder, "views/loose");
    bfs_autofree char *link = test_path(&folder, "views/link");
    (void)state;
    test_write_text(&folder, "f", "x");
    test_make_folder(&folder, "views");
    assert_int_equal(scan(&folder, false, NULL), 0);
    test_make_folder(&folder, "views/one");
    assert_int_equal(scan(&folder, false, "views/one"), -EINVAL); /* without view.json */
    assert_int_equal(mkdir(view_json, 0755), 0);
    assert_int_equal(scan(&folder, false, "views/one"), -EINVAL);
    assert_int_equal(rmdir(view_json), 0);
    test_write_text(&folder, "views/one/view.json", "{}");
    assert_int_equal(scan(&folder, false, NULL), 0);
    test_write_text(&folder, "views/loose", "x");
    assert_int_equal(scan(&folder, false, "views/loose"), -EINVAL);
    assert_int_equal(unlink(loose), 0);
    assert_int_equal(symlink("one", link), 0);
    assert_int_equal(scan(&folder, false, "views/link"), -EINVAL);
    assert_int_equal(scan(&folder, true, NULL), 0);
    assert_int_equal(unlink(link), 0);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        bfs_autofree char *name = bfs_join("views", ids[i]);
        bfs_autofree char *path = test_path(&folder, name);
        test_make_folder(&folder, name);
        assert_int_equal(scan(&folder, false, name), -EINVAL);
        assert_int_equal(rmdir(path), 0);
    }
    assert_int_equal(scan(&folder, false, NULL), 0);
    for (unsigned i = 1; i <= BFS_VIEWS_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "views/v%u", i);
        test_make_folder(&folder, name);
        (void)snprintf(name, sizeof(name), "views/v%u/view.json", i);
        test_write_text(&folder, name, "{}");
        assert_int_equal(scan(&folder, false, "views"), i == BFS_VIEWS_MAX ? -E2BIG : 0);
    }
}

static void reserved_names_are_refused_at_the_root(void **state)
{
    static const char *const names[] = {"manifest.json", "SHA256SUMS", "signatures", "views"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        test_autofolder struct test_folder folder = test_folder_make();
        test_make_folder(&folder, "below");
        bfs_autofree char *below = bfs_join("below", names[i]);
        test_write_text(&folder, below, "fine");
        assert_int_equal(scan(&folder, false, NULL), 0);
        test_write_text(&folder, names[i], "not fine");
        assert_int_equal(scan(&folder, false, names[i]), -EINVAL);
    }
}

static void nothing_to_pack_is_refused(void **state)
{
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autoscan struct bfs_scan found = {0};
    bfs_autofree char *missing = test_path(&folder, "missing");
    bfs_autofree char *file = test_path(&folder, "file");
    (void)state;
    assert_int_equal(scan(&folder, false, "empty"), -EINVAL);
    test_write_text(&folder, "file", "x");
    assert_int_equal(bfs_scan_directory(missing, false, &found, NULL), -ENOENT);
    assert_int_equal(bfs_scan_directory(file, false, &found, NULL), -ENOTDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_parents_first_and_sorted),
        cmocka_unit_test(links_that_escape_are_refused),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(views_have_a_shape),
        cmocka_unit_test(reserved_names_are_refused_at_the_root),
        cmocka_unit_test(nothing_to_pack_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

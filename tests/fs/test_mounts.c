/* SPDX-License-Identifier: Apache-2.0
 * The table of mounts. Its functions read /proc/self/mountinfo; tests give them lines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* The parsers of lines are not for others. */
#include "fs/mounts.c"

#include "tests/support/folder.h"

static void sources_of_ours(void **state)
{
    (void)state;
    static const struct {
        const char *line, *source, *mount_point;
    } rows[] = {
        {"36 35 0:57 / /mnt/a ro - fuse.bundlefs /srv/models ro,user_id=0\n", "/srv/models",
         "/mnt/a"},
        {"36 35 0:57 / /mnt/with\\040blank ro shared:4 - fuse.bundlefs /srv/a\\040b\\134c ro\n",
         "/srv/a b\\c", "/mnt/with blank"},
        {"36 35 0:57 / /mnt/a ro - fuse.bundlefs /srv/models\n", "/srv/models", "/mnt/a"},
        {"36 35 0:57 / /mnt/a ro - fuse.other /srv/models ro\n", NULL, NULL},
        {"36 35 0:57 / /mnt/a ro - fuse.bundlefs2 /srv/models ro\n", NULL, NULL},
        {"36 35 0:57 / /mnt/a ro\n", NULL, NULL},
        {"36 35 0:57 /\n", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bfs_autofree char *line = strdup(rows[i].line);
        char *mount_point = NULL;
        assert_non_null(line);
        const char *source = source_of_ours(line, &mount_point);
        if (!rows[i].source) {
            assert_null(source);
            continue;
        }
        assert_string_equal(source, rows[i].source);
        assert_string_equal(mount_point, rows[i].mount_point);
    }
}

static void a_store_that_is_not_mounted(void **state)
{
    (void)state;
    char *mount_point = NULL;
    assert_int_equal(bfs_mount_of_store("/nowhere/at/all", &mount_point), -ENOENT);
    assert_null(mount_point);
}

static void paths_of_mount_points(void **state)
{
    (void)state;
    struct test_folder folder = test_folder_make();
    struct bfs_error error = {0};
    test_make_folder(&folder, "a");
    test_make_folder(&folder, "a/b");
    char *real = test_path(&folder, "a/b"), *odd = test_path(&folder, "a/./b///"),
         *link = test_path(&folder, "link"), *missing = test_path(&folder, "a/c"), *path = NULL;
    assert_int_equal(symlink(real, link), 0);
    bfs_autofree char *wanted = realpath(real, NULL);
    const char *const same[] = {real, odd, link};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bfs_mount_path(same[i], &path, &error), 0);
        assert_string_equal(path, wanted);
        free(path);
    }
    path = NULL;
    assert_int_equal(bfs_mount_path(missing, &path, &error), -ENOENT);
    assert_null(path);
    assert_non_null(strstr(error.what, missing));
    free(real);
    free(odd);
    free(link);
    free(missing);
    test_folder_remove(&folder);
}

static void what_is_not_mounted_cannot_be_detached(void **state)
{
    (void)state;
    struct test_folder folder = test_folder_make();
    struct bfs_error error = {0};
    char *path = test_path(&folder, "");
    int r = bfs_mount_detach(path, false, &error);
    /* Root is told by the kernel; for a user, fusermount3 refuses. */
    assert_true(r == -EINVAL || r == -EBUSY || r == -ENOENT || r == -EPERM);
    assert_int_equal(error.code, r);
    if (geteuid() == 0)
        assert_int_equal(r, -EINVAL);
    assert_false(bfs_mount_is_stale(path));
    free(path);
    test_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_of_ours),
        cmocka_unit_test(a_store_that_is_not_mounted),
        cmocka_unit_test(paths_of_mount_points),
        cmocka_unit_test(what_is_not_mounted_cannot_be_detached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

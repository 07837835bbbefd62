/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/mount_place.h"
#include "tests/support/folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct test_folder folder;

static int setup(void **state)
{
    (void)state;
    static const char *const names[] = {
        "up",       "up/S", "up/S/blobs", "up/S/blobs/sha256", "up/S/.bundlefs",
        "up/S/mnt", "mnt",  "logs"};
    folder = test_folder_make();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        test_make_folder(&folder, names[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

/* `option` is "NAME=" or NULL; `value` and the other paths are below the folder unless absolute. */
static int check(const char *mount_point, const char *store, const char *option, const char *value)
{
    bfs_automountoptions struct bfs_mount_options options;
    struct bfs_error error = {0};
    bfs_mount_options_init(&options);
    char *at = *mount_point == '/' ? strdup(mount_point) : test_path(&folder, mount_point);
    char *from = test_path(&folder, store), *path = value ? test_path(&folder, value) : NULL;
    if (option) {
        char text[4200];
        (void)snprintf(text, sizeof(text), "%s%s", option, path);
        assert_int_equal(bfs_mount_options_parse(text, &options, &error), 0);
    }
    char *resolved = realpath(at, NULL);
    assert_non_null(resolved);
    int r = bfs_mount_place_check(resolved, from, &options, &error);
    assert_int_equal(error.code, r);
    if (r)
        assert_non_null(strstr(error.what, resolved));
    free(resolved);
    free(at);
    free(from);
    free(path);
    return r;
}

static void the_store(void **state)
{
    (void)state;
    assert_int_equal(check("mnt", "up/S", NULL, NULL), 0);
    assert_int_equal(check("up/S/mnt", "up/S", NULL, NULL), 0);
    static const char *const bad[] = {
        "up/S",  "up",   "up/S/blobs", "up/S/blobs/sha256", "up/S/.bundlefs", "/",
        "/proc", "/sys", "/dev"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (check(bad[i], "up/S", NULL, NULL) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
}

static void links_hide_nothing(void **state)
{
    (void)state;
    char *up = test_path(&folder, "up"), *link = test_path(&folder, "link");
    assert_int_equal(symlink(up, link), 0);
    assert_int_equal(check("up", "link/S", NULL, NULL), -EINVAL);
    assert_int_equal(check("link", "up/S", NULL, NULL), -EINVAL);
    assert_int_equal(check("link/S", "link/../up/S", NULL, NULL), -EINVAL);
    assert_int_equal(check("mnt", "link/S", NULL, NULL), 0);
    free(up);
    free(link);
}

static void files_of_options(void **state)
{
    (void)state;
    static const char *const options[] = {
        "log=", "audit=", "policy=", "trace=", "replay=", "host=", "backing="};
    char *dangling = test_path(&folder, "mnt/dangling"), *beside = test_path(&folder, "logs/there");
    char *passing = test_path(&folder, "logs/passing"), *back = test_path(&folder, "mnt/back");
    assert_int_equal(symlink("../logs/new", dangling), 0);
    assert_int_equal(symlink("../mnt/new", beside), 0);
    assert_int_equal(symlink("../mnt/back", passing), 0);
    assert_int_equal(symlink("../logs", back), 0);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *option = options[i];
        if (check("mnt", "up/S", option, "logs/new"))
            fail_msg("refused: %s", option);
        /* A file that is there, one that is still to be made, and one to which links lead: out of
         * the mount point, into it, and through it. */
        if (check("mnt", "up/S", option, "mnt") != -EINVAL ||
            check("mnt", "up/S", option, "mnt/new") != -EINVAL ||
            check("mnt", "up/S", option, "logs/there") != -EINVAL ||
            check("mnt", "up/S", option, "mnt/dangling") != -EINVAL ||
            check("mnt", "up/S", option, "logs/../logs/./passing/new") != -EINVAL)
            fail_msg("accepted: %s", option);
    }
    assert_int_equal(check("mnt", "up/S", "log=", "nowhere/at/all"), 0);
    free(dangling);
    free(beside);
    free(passing);
    free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(links_hide_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(files_of_options, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

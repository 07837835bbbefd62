/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/access.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static uid_t users[] = {1003, 1001, 1002, 1001, 1003};
static gid_t groups[] = {50, 40};

static void test_mode(void **state)
{
    (void)state;
    static const struct {
        mode_t rule, mode, shown;
        size_t n_users, n_groups;
    } cases[] = {
        {0550, S_IFDIR | 0755, S_IFDIR | 0550, 1, 1},
        {0550, S_IFREG | 0644, S_IFREG | 0440, 1, 1},
        {0550, S_IFREG | 0755, S_IFREG | 0550, 1, 1},
        {0500, S_IFREG | 0444, S_IFREG | 0400, 1, 0},
        {0005, S_IFDIR | 0555, S_IFDIR | 0005, 0, 0},
        {0000, S_IFREG | 0444, S_IFREG | 0000, 0, 0},
        {0550, S_IFLNK | 0777, S_IFLNK | 0777, 1, 1},
        /* With an ACL the group's bits are its mask. */
        {0500, S_IFDIR | 0555, S_IFDIR | 0550, 2, 0},
        {0500, S_IFREG | 0444, S_IFREG | 0440, 2, 0},
        {0050, S_IFREG | 0444, S_IFREG | 0040, 0, 2},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct bfs_access access = {.mode = cases[i].rule,
                                    .users = users,
                                    .n_users = cases[i].n_users,
                                    .groups = groups,
                                    .n_groups = cases[i].n_groups};
        struct stat stat = {.st_mode = cases[i].mode, .st_size = 7};
        bfs_access_apply(&access, &stat);
        assert_int_equal(stat.st_mode, cases[i].shown);
        assert_int_equal(stat.st_uid, cases[i].n_users ? 1003 : geteuid());
        assert_int_equal(stat.st_gid, cases[i].n_groups ? 50 : getegid());
        assert_int_equal(stat.st_size, 7);
    }
}

/* The kernel wants entries by tag and number, each once. */
static void test_acl(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        2,    0, 0, 0,                         /* version */
        0x01, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* owner */
        0x02, 0, 4, 0, 0xe9, 0x03, 0,    0,    /* 1001 */
        0x02, 0, 4, 0, 0xea, 0x03, 0,    0,    /* 1002 */
        0x04, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* group */
        0x08, 0, 0, 0, 40,   0,    0,    0,    /* 40 */
        0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
    };
    struct bfs_access access = {.mode = 0505,
                                .users = users,
                                .n_users = LENGTH(users),
                                .groups = groups,
                                .n_groups = LENGTH(groups)};
    struct stat stat = {.st_mode = S_IFREG | 0644};
    bfs_autobuffer struct bfs_buffer acl = BFS_BUFFER_INIT, folder = BFS_BUFFER_INIT;
    bfs_access_apply(&access, &stat);
    assert_int_equal(bfs_access_acl(&access, &stat, &acl), 0);
    assert_int_equal(acl.size, sizeof(expected));
    assert_memory_equal(acl.bytes, expected, sizeof(expected));
    stat.st_mode = S_IFDIR | 0755;
    bfs_access_apply(&access, &stat);
    assert_int_equal(bfs_access_acl(&access, &stat, &folder), 0);
    assert_int_equal(folder.bytes[6], 5);
}

static void test_no_acl(void **state)
{
    (void)state;
    struct bfs_access access = {.mode = 0550, .users = users, .n_users = 1};
    struct stat stat = {.st_mode = S_IFREG | 0444}, link = {.st_mode = S_IFLNK | 0777};
    bfs_autobuffer struct bfs_buffer acl = BFS_BUFFER_INIT;
    assert_int_equal(bfs_access_acl(&access, &stat, &acl), -ENODATA);
    access.n_users = 2;
    assert_int_equal(bfs_access_acl(&access, &link, &acl), -ENODATA);
    assert_int_equal(acl.size, 0);
}

static void test_print(void **state)
{
    (void)state;
    struct bfs_access accesses[] = {
        {.mode = 0550, .users = users, .n_users = 2, .groups = groups, .n_groups = 1},
        {.mode = 0500, .users = users, .n_users = 2, .groups = groups, .n_groups = 1},
        {.mode = 0550, .users = users, .n_users = 1, .groups = groups, .n_groups = 1},
        {.mode = 0550, .users = users, .n_users = 2, .groups = groups, .n_groups = 2},
        {.mode = 0},
    };
    struct bfs_xxh128 prints[LENGTH(accesses) + 1];
    for (size_t i = 0; i < LENGTH(prints); i++) {
        assert_int_equal(bfs_access_print(i < LENGTH(accesses) ? &accesses[i] : NULL, &prints[i]),
                         0);
        for (size_t j = 0; j < i; j++)
            assert_false(bfs_xxh128_equal(&prints[i], &prints[j]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_acl),
        cmocka_unit_test(test_no_acl),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 * Temporary folders for tests of the file system. Included after cmocka.h. */
#ifndef BFS_TESTS_FOLDER_H
#define BFS_TESTS_FOLDER_H

#include "codec/store/files.h"
#include "verify/cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct test_folder {
    char path[64];
};

static inline int test_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline struct test_folder test_folder_make(void)
{
    struct test_folder folder = {.path = "/tmp/bundlefs-test-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static inline void test_folder_remove(const struct test_folder *folder)
{
    assert_int_equal(nftw(folder->path, test_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}
#define test_autofolder BFS_CLEANUP(test_folder_remove)

/* "folder/name"; the caller frees it. */
static inline char *test_path(const struct test_folder *folder, const char *name)
{
    char *path = bfs_join(folder->path, name);
    assert_non_null(path);
    return path;
}

static inline void test_make_folder(const struct test_folder *folder, const char *name)
{
    bfs_autofree char *path = test_path(folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static inline void test_write_file(const struct test_folder *folder, const char *name,
                                   const void *bytes, size_t size)
{
    bfs_autofree char *path = test_path(folder, name);
    bfs_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(bfs_write_all(fd, bytes, size), 0);
}

static inline void test_write_text(const struct test_folder *folder, const char *name,
                                   const char *text)
{
    test_write_file(folder, name, text, strlen(text));
}

#endif

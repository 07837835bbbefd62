/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/links.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *path, *target;
} links[] = {
    {"one", "two"},
    {"two", "dir/file"},
    {"dir", "real/./deep"},
    {"real/up", "../x"},
    {"real/deep/top", "../../one"},
    {"loop", "loop"},
    {"out", "../x"},
    {"root", "/etc"},
    {"a", "b/b"},
    {"b", "a/a"},
};

static const char *lookup(void *context, const char *path)
{
    (*(unsigned *)context)++;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (strcmp(links[i].path, path) == 0)
            return links[i].target;
    return NULL;
}

static void leads(const char *path, const char *expected)
{
    unsigned n = 0;
    char *end = NULL;
    int r = bfs_links_follow(path, lookup, &n, &end);
    if (r || strcmp(end, expected) != 0)
        fail_msg("%s leads to %s (%d), not to %s", path, end ? end : "nothing", r, expected);
    free(end);
}

static void fails(const char *path, int code)
{
    unsigned n = 0;
    char *end = NULL;
    assert_int_equal(bfs_links_follow(path, lookup, &n, &end), code);
    assert_null(end);
    assert_true(n <= 2 * BFS_LINKS_MAX + 2);
}

static void follows_links_anywhere_in_a_path(void **state)
{
    (void)state;
    leads("file", "file");
    leads("a1/b1/c1", "a1/b1/c1");
    leads("one", "real/deep/file");
    leads("dir/x", "real/deep/x");
    leads("real/up", "x");
    leads("real/up/y", "x/y");
    leads("dir/top", "real/deep/file");
    leads("./real//deep/./f/", "real/deep/f");
    leads("real/../y", "y");
    leads("dir/../y", "real/y"); /* as the kernel does: the parent of where the link leads */
    leads("x/..", "");
}

static void stays_inside(void **state)
{
    (void)state;
    fails("", -ENOENT);
    fails("/x", -ENOENT);
    fails("..", -ENOENT);
    fails("x/../../y", -ENOENT);
    fails("out", -ENOENT);
    fails("root/passwd", -ENOENT);
    fails("loop", -ELOOP);
    fails("a", -ELOOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_links_anywhere_in_a_path),
        cmocka_unit_test(stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

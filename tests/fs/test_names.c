/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fs/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned n_done;

static void count_done(void *payload)
{
    (void)payload;
    n_done++;
}

/* Few inode numbers, so that most names collide. */
static struct bfs_names *make(uint64_t end_id, uint64_t n_blocks)
{
    const struct bfs_names_setup setup = {.first_id = 10,
                                          .end_id = end_id,
                                          .first_ino = 1 << 20,
                                          .block = 16,
                                          .n_blocks = n_blocks,
                                          .payload = sizeof(uint64_t),
                                          .done = count_done};
    struct bfs_names *names = NULL;
    n_done = 0;
    assert_int_equal(bfs_names_new(&setup, &names), 0);
    return names;
}

static struct bfs_name *intern(struct bfs_names *names, unsigned i)
{
    char key[32];
    struct bfs_name *name = NULL;
    int length = snprintf(key, sizeof(key), "name %u", i);
    assert_int_equal(bfs_names_intern(names, key, (size_t)length + 1, &name), 0);
    assert_string_equal((const char *)name->key, key);
    return name;
}

static void a_name_has_one_identifier(void **state)
{
    (void)state;
    struct bfs_names *names = make(UINT64_MAX, 1 << 20);
    struct bfs_name *one = intern(names, 1), *two = intern(names, 2);
    assert_true(one != two && one->id == 10 && two->id == 11);
    assert_ptr_equal(intern(names, 1), one);
    assert_int_equal(one->references, 2);
    assert_ptr_equal(bfs_names_find(names, 11), two);
    assert_null(bfs_names_find(names, 12));
    assert_null(bfs_names_find(names, 0));
    (void)bfs_names_free(names);
    assert_int_equal(n_done, 2);
}

static void colliding_inode_numbers_differ(void **state)
{
    (void)state;
    enum { N = 256 };
    bool seen[N] = {false};
    struct bfs_names *names = make(UINT64_MAX, N);
    for (unsigned i = 0; i < N; i++) {
        uint64_t place = (intern(names, i)->ino - (1 << 20)) / 16;
        assert_in_range(place, 0, N - 1);
        assert_false(seen[place]);
        seen[place] = true;
    }
    (void)bfs_names_free(names);
}

static void identifiers_are_never_reused(void **state)
{
    (void)state;
    struct bfs_names *names = make(12, 64);
    struct bfs_name *name;
    bfs_names_unref(names, intern(names, 1), 1);
    bfs_names_unref(names, intern(names, 2), 1);
    assert_int_equal(bfs_names_intern(names, "x", 2, &name), -E2BIG);
    (void)bfs_names_free(names);
}

static void a_key_has_a_limit(void **state)
{
    (void)state;
    static const char key[BFS_NAME_KEY_MAX + 1];
    struct bfs_names *names = make(UINT64_MAX, 64);
    struct bfs_name *name;
    assert_int_equal(bfs_names_intern(names, key, sizeof(key), &name), -E2BIG);
    assert_int_equal(bfs_names_intern(names, key, sizeof(key) - 1, &name), 0);
    (void)bfs_names_free(names);
}

/* The last few are kept, and come back as they were. */
static void names_without_references_are_bounded(void **state)
{
    (void)state;
    enum { N = 5 * BFS_NAMES_KEPT };
    struct bfs_names *names = make(UINT64_MAX, 1 << 20);
    struct bfs_name *held = intern(names, N);
    uint64_t last = 0;
    for (unsigned i = 0; i < N; i++) {
        struct bfs_name *name = intern(names, i);
        last = name->id;
        bfs_names_unref(names, name, 1);
        assert_int_equal(name->references, 0);
        assert_true(bfs_names_count(names) <= BFS_NAMES_KEPT + 1);
    }
    assert_int_equal(n_done, N - BFS_NAMES_KEPT);
    assert_int_equal(intern(names, N - 1)->id, last);
    assert_true(intern(names, 0)->id > last); /* long gone */
    assert_ptr_equal(bfs_names_find(names, 10), held);
    bfs_names_unref(names, held, 1000);
    assert_int_equal(held->references, 0);
    bfs_names_unref(names, held, 1);
    (void)bfs_names_free(names);
}

/* A name that lost its references twice is in line twice, but while it has one again it stays. */
static void a_name_that_came_back_stays(void **state)
{
    (void)state;
    struct bfs_names *names = make(UINT64_MAX, 1 << 20);
    struct bfs_name *name = intern(names, 0);
    uint64_t id = name->id;
    bfs_names_unref(names, name, 1);
    assert_ptr_equal(intern(names, 0), name);
    for (unsigned i = 1; i < 3 * BFS_NAMES_KEPT; i++)
        bfs_names_unref(names, intern(names, i), 1);
    assert_ptr_equal(bfs_names_find(names, id), name);
    assert_int_equal(name->references, 1);
    (void)bfs_names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_identifier),
        cmocka_unit_test(colliding_inode_numbers_differ),
        cmocka_unit_test(identifiers_are_never_reused),
        cmocka_unit_test(a_key_has_a_limit),
        cmocka_unit_test(names_without_references_are_bounded),
        cmocka_unit_test(a_name_that_came_back_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

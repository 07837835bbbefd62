/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/error.h"
#include "verify/error_list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void records(void **state)
{
    (void)state;
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    assert_int_equal(bfs_fail(&error, -EBADMSG, "chunk %d is bad", 7), -EBADMSG);
    assert_int_equal(error.code, -EBADMSG);
    assert_false(error.has_offset);
    assert_string_equal(bfs_error_text(&error, text), "chunk 7 is bad");

    assert_int_equal(bfs_fail_at(&error, -E2BIG, UINT64_MAX, "too much"), -E2BIG);
    bfs_fail_values(&error, "1", "2");
    assert_string_equal(bfs_error_text(&error, text),
                        "too much at offset 18446744073709551615: expected 1, found 2");
    bfs_fail_values(&error, "1", NULL);
    assert_string_equal(bfs_error_text(&error, text),
                        "too much at offset 18446744073709551615: expected 1");
    bfs_fail_values(&error, NULL, "2");
    assert_string_equal(bfs_error_text(&error, text),
                        "too much at offset 18446744073709551615: found 2");
}

static void a_new_failure_replaces_the_old(void **state)
{
    (void)state;
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    (void)bfs_fail_at(&error, -EBADMSG, 5, "old");
    bfs_fail_values(&error, "1", "2");
    (void)bfs_fail(&error, -ENOENT, "new");
    assert_int_equal(error.code, -ENOENT);
    assert_string_equal(bfs_error_text(&error, text), "new");
}

static void adds_context(void **state)
{
    (void)state;
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    (void)bfs_fail_at(&error, -EBADMSG, 5, "inner");
    assert_int_equal(bfs_fail_context(&error, -EIO, "outer %s", "x"), -EIO);
    assert_int_equal(error.code, -EIO);
    assert_string_equal(bfs_error_text(&error, text), "outer x: inner at offset 5");

    struct bfs_error empty = {0};
    (void)bfs_fail_context(&empty, -ENOENT, "file");
    assert_int_equal(empty.code, -ENOENT);
    assert_string_equal(bfs_error_text(&empty, text), "file: No such file or directory");
}

static void bears_long_text(void **state)
{
    (void)state;
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE], long_word[2000];
    memset(long_word, 'x', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    (void)bfs_fail_at(&error, -EBADMSG, UINT64_MAX, "%s", long_word);
    bfs_fail_values(&error, long_word, long_word);
    assert_int_equal(strlen(error.what), BFS_ERROR_WHAT_SIZE - 1);
    for (int i = 0; i < 4; i++)
        (void)bfs_fail_context(&error, -EBADMSG, "%d%s", i, long_word);
    assert_int_equal(error.what[0], '3');
    assert_int_equal(strlen(error.what), BFS_ERROR_WHAT_SIZE - 1);
    /* The inner sentence keeps half of the room. */
    assert_memory_equal(error.what + BFS_ERROR_WHAT_SIZE / 2, ": 2x", 4);
    (void)bfs_error_text(&error, text);
    assert_true(strlen(text) < BFS_ERROR_TEXT_SIZE);
    assert_non_null(strstr(text, ": expected xxx"));
    assert_non_null(strstr(text, ", found xxx"));
}

static void bears_no_object(void **state)
{
    (void)state;
    assert_int_equal(bfs_fail(NULL, -EBADMSG, "x"), -EBADMSG);
    assert_int_equal(bfs_fail_at(NULL, -EBADMSG, 1, "x"), -EBADMSG);
    assert_int_equal(bfs_fail_context(NULL, -EBADMSG, "x"), -EBADMSG);
    bfs_fail_values(NULL, "a", "b");
}

static void has_a_word_for_each_code(void **state)
{
    (void)state;
#define ROW(name, word, meaning)                                                                   \
    assert_string_equal(bfs_error_word(-name), word);                                              \
    assert_string_equal(bfs_error_word(name), word);                                               \
    assert_true(sizeof(meaning) > 1);
    BFS_ERROR_LIST(ROW)
#undef ROW
    assert_string_equal(bfs_error_word(-EBADMSG), "corrupt");
    assert_string_equal(bfs_error_word(-EXDEV), "failed");
    assert_string_equal(bfs_error_word(0), "failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),         cmocka_unit_test(a_new_failure_replaces_the_old),
        cmocka_unit_test(adds_context),    cmocka_unit_test(bears_long_text),
        cmocka_unit_test(bears_no_object), cmocka_unit_test(has_a_word_for_each_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

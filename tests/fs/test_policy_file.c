/* SPDX-License-Identifier: Apache-2.0
 * The file of a policy: which one is in force, and what a change of it does. */
#include "fs/policy_file.h"

#include "verify/rfc3339.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/bundlefs-test-XXXXXX";
static char path[64], other[64];
static uint64_t clock_ms;

uint64_t __wrap_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void)
{
    return clock_ms;
}

/* A user that the system does not have, until it has. */
static bool has_user;
int __real_bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error);
int __wrap_bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error);
int __wrap_bfs_policy_resolve(struct bfs_policy *policy, const char *what, struct bfs_error *error)
{
    return has_user ? __real_bfs_policy_resolve(policy, what, error)
                    : bfs_fail(error, -ENOENT, "%s: no such user", what);
}

static int set_up(void **state)
{
    (void)state;
    if (!*path) {
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof(path), "%s/policy.json", folder);
        (void)snprintf(other, sizeof(other), "%s/new", folder);
    }
    has_user = true;
    clock_ms = 1000000;
    (void)unlink(path);
    assert_int_equal(unsetenv(BFS_POLICY_VARIABLE), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

/* Replaces the file by one that serves `match`; NULL: by half a document. */
static void write_policy(const char *match)
{
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    if (match)
        assert_true(
            fprintf(file, "{\"schema_version\":\"1.0\",\"keys\":[],\"rules\":[{\"match\":\"%s\"}]}",
                    match) > 0);
    else
        assert_true(fputs("{\"schema_version\":", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0);
}

static struct bfs_policy_file *open_file(void)
{
    static const struct bfs_log log;
    struct bfs_policy_file *file = NULL;
    struct bfs_error error = {0};
    if (bfs_policy_file_open(path, &log, &file, &error))
        fail_msg("%s", error.what);
    assert_string_equal(bfs_policy_file_path(file), path);
    return file;
}

static bool serves(struct bfs_policy_file *file, const char *name)
{
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = bfs_policy_file_policy(file);
    struct bfs_reference reference = {.version = "1"};
    struct bfs_facts facts = {.reference = &reference};
    struct bfs_verdict verdict;
    (void)snprintf(reference.name, sizeof(reference.name), "%s", name);
    bfs_policy_judge(policy, &facts, NULL, &verdict);
    return verdict.code == 0;
}

static void expect_trouble(struct bfs_policy_file *file, const char *word)
{
    char text[BFS_ERROR_TEXT_SIZE];
    assert_true(bfs_policy_file_trouble(file, text) == (word != NULL));
    if (word && !strstr(text, word))
        fail_msg("\"%s\" is not in: %s", word, text);
}

static void test_which(void **state)
{
    (void)state;
    assert_string_equal(bfs_policy_path("/a/file"), "/a/file");
    assert_null(bfs_policy_path("none"));
    assert_string_equal(bfs_policy_path("./none"), "./none");
    assert_int_equal(setenv(BFS_POLICY_VARIABLE, "/of/the/host", 1), 0);
    assert_string_equal(bfs_policy_path(NULL), "/of/the/host");
    assert_string_equal(bfs_policy_path("/a/file"), "/a/file");
    assert_null(bfs_policy_path("none"));
    assert_int_equal(setenv(BFS_POLICY_VARIABLE, "none", 1), 0);
    assert_null(bfs_policy_path(NULL));
    /* empty is unset */
    bool has_default = access(BFS_POLICY_DEFAULT_PATH, F_OK) == 0;
    assert_int_equal(setenv(BFS_POLICY_VARIABLE, "", 1), 0);
    assert_true((bfs_policy_path(NULL) != NULL) == has_default);
    assert_int_equal(unsetenv(BFS_POLICY_VARIABLE), 0);
    assert_true((bfs_policy_path(NULL) != NULL) == has_default);
}

static void test_open(void **state)
{
    (void)state;
    static struct bfs_log log;
    struct bfs_policy_file *file = (void *)&log;
    struct bfs_error error = {0};
    assert_int_equal(bfs_policy_file_open("none", &log, &file, &error), 0);
    assert_null(file);
    /* A policy that was named and is not there must not be none. */
    file = (void *)&log;
    assert_int_equal(bfs_policy_file_open(path, &log, &file, &error), -ENOENT);
    assert_ptr_equal(file, &log);
    assert_int_equal(setenv(BFS_POLICY_VARIABLE, path, 1), 0);
    assert_int_equal(bfs_policy_file_open(NULL, &log, &file, &error), -ENOENT);
    write_policy(NULL);
    assert_int_equal(bfs_policy_file_open(path, &log, &file, &error), -EBADMSG);
    write_policy("a");
    has_user = false;
    assert_int_equal(bfs_policy_file_open(path, &log, &file, &error), -ENOENT);
    assert_ptr_equal(file, &log);
    has_user = true;
    BFS_CLEANUP(bfs_policy_file_cleanup) struct bfs_policy_file *good = NULL;
    assert_int_equal(bfs_policy_file_open(NULL, &log, &good, &error), 0);
    assert_string_equal(bfs_policy_file_path(good), path);
    assert_true(serves(good, "a") && !serves(good, "b"));
}

static void test_changes(void **state)
{
    (void)state;
    write_policy("a");
    BFS_CLEANUP(bfs_policy_file_cleanup) struct bfs_policy_file *file = open_file();
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *held = bfs_policy_file_policy(file);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    write_policy("b");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    assert_true(serves(file, "b") && !serves(file, "a"));
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    /* The same text again: users that it names may be others. */
    write_policy("b");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    /* Who held the first one still has it. */
    assert_false(bfs_digest_equal(bfs_policy_digest(held), &(struct bfs_digest){0}));
}

static void test_trouble_keeps_the_old_one(void **state)
{
    (void)state;
    write_policy("a");
    BFS_CLEANUP(bfs_policy_file_cleanup) struct bfs_policy_file *file = open_file();
    expect_trouble(file, NULL);
    write_policy(NULL);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    expect_trouble(file, "policy.json");
    assert_true(serves(file, "a"));
    /* It is told once, and read once: a text that is wrong stays wrong. */
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    clock_ms += 3600000;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    expect_trouble(file, "No such file");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    assert_true(serves(file, "a"));
    write_policy("b");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    expect_trouble(file, NULL);
    assert_true(serves(file, "b"));
}

/* What may pass by itself is tried again, and not more often than every five seconds. */
static void test_retries_what_may_pass(void **state)
{
    (void)state;
    write_policy("a");
    BFS_CLEANUP(bfs_policy_file_cleanup) struct bfs_policy_file *file = open_file();
    has_user = false;
    write_policy("b");
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_BROKEN);
    expect_trouble(file, "no such user");
    has_user = true;
    clock_ms += 4999;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    expect_trouble(file, "no such user");
    assert_true(serves(file, "a"));
    clock_ms += 1;
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    expect_trouble(file, NULL);
    assert_true(serves(file, "b"));
}

static unsigned n_warnings;
static char warning[512];

static void count_warning(void *context, enum bfs_log_level level, const char *text)
{
    (void)context;
    if (level != BFS_LOG_WARNING)
        return;
    n_warnings++;
    (void)snprintf(warning, sizeof(warning), "%s", text);
}

/* A policy with the key of RFC 8032's first test, which ends in `days` days. */
static void write_key(int days, char ret_end[static BFS_RFC3339_SIZE])
{
    int64_t end = (int64_t)time(NULL) + days * INT64_C(86400);
    assert_int_equal(bfs_rfc3339_format(end, ret_end), 0);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "{\"schema_version\":\"1.0\",\"keys\":[{\"name\":\"old\",\"public_key\":"
                        "\"RWRocmzL+x+JigmR3iZ93n/Q30TGQBGCpnHCoE5XY+usWrCuCpPWMZXS\","
                        "\"roles\":[],\"not_after\":\"%s\"}],\"rules\":[]}",
                        ret_end) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0);
}

static void test_warns_of_keys_once_a_load(void **state)
{
    (void)state;
    static const struct bfs_log log = {.write = count_warning};
    char end[BFS_RFC3339_SIZE];
    struct bfs_error error = {0};
    BFS_CLEANUP(bfs_policy_file_cleanup) struct bfs_policy_file *file = NULL;
    write_key(29, end);
    assert_int_equal(bfs_policy_file_open(path, &log, &file, &error), 0);
    assert_int_equal(n_warnings, 1);
    assert_non_null(strstr(warning, "key old ends at "));
    assert_non_null(strstr(warning, end));
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_SAME);
    assert_int_equal(n_warnings, 1);
    write_key(31, end);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    assert_int_equal(n_warnings, 1);
    write_key(28, end);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    assert_int_equal(n_warnings, 2);
    assert_non_null(strstr(warning, end));
    write_key(-1, end);
    assert_int_equal(bfs_policy_file_look(file), BFS_POLICY_CHANGED);
    assert_int_equal(n_warnings, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_which, set_up),
        cmocka_unit_test_setup(test_open, set_up),
        cmocka_unit_test_setup(test_changes, set_up),
        cmocka_unit_test_setup(test_trouble_keeps_the_old_one, set_up),
        cmocka_unit_test_setup(test_retries_what_may_pass, set_up),
        cmocka_unit_test_setup(test_warns_of_keys_once_a_load, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

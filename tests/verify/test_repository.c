/* SPDX-License-Identifier: Apache-2.0
 * Model names and their repositories: there and back, legal, and never two names in one. */
#include "verify/repository.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
/* The grammar of the OCI distribution-spec, in its own words. */
#define COMPONENT "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*"

struct pair {
    char name[BFS_NAME_MAX + 1];
    char repository[BFS_REPOSITORY_MAX + 1];
};

static int setup(void **state)
{
    static regex_t grammar;
    *state = &grammar;
    return regcomp(&grammar, "^" COMPONENT "(/" COMPONENT ")*$", REG_EXTENDED | REG_NOSUB);
}

static int teardown(void **state)
{
    regfree(*state);
    return 0;
}

/* The repository is legal, and leads back to the name. */
static void expect_round_trip(const regex_t *grammar, const char *name,
                              char ret[static BFS_REPOSITORY_MAX + 1])
{
    char back[BFS_NAME_MAX + 1] = "";
    struct bfs_error error = {0};
    if (bfs_repository_from_name(name, ret, &error))
        fail_msg("\"%s\": %s", name, error.what);
    if (strlen(ret) > BFS_REPOSITORY_MAX || regexec(grammar, ret, 0, NULL, 0) != 0)
        fail_msg("\"%s\": \"%s\" is not legal", name, ret);
    if (bfs_repository_to_name(ret, back, &error) || strcmp(back, name) != 0)
        fail_msg("\"%s\": \"%s\" leads to \"%s\": %s", name, ret, back, error.what);
}

static void escapes_what_registries_refuse(void **state)
{
    static const char *const cases[][2] = {
        /* legal, and not like an escape */
        {"acme/tiny", "acme/tiny"},
        {"a", "a"},
        {"0", "0"},
        {"a.b_c__d-e--f---g", "a.b_c__d-e--f---g"},
        {"acme/llama--", NULL},
        {"a--xyz", "a--xyz"},
        {"a--1-x", "a--1-x"},
        {"a---1", "a---1"},
        {"a--1.0", "a--1.0"},
        {"a--1--x", "a--1--x"},
        /* capitals */
        {"Acme/Llama-3", "acme--1/llama-3--1"},
        {"acme/Llama-3", "acme/llama-3--1"},
        {"Qwen/Qwen2.5-0.5B", "qwen--1/qwen2.5-0.5b--11"},
        {"meta-llama/Llama-3.1-8B-Instruct", "meta-llama/llama-3.1-8b-instruct--61"},
        {"A", "a--1"},
        {"aB", "ab--2"},
        {"ABCDE", "abcde--1f"},
        /* separators */
        {"a..b", "a--b--0-dd"},
        {"a._b-c", "a--b-c--0-duh"},
        {"a___b__c", "a---b__c--0-uuu"},
        {"A-_b", "a--b--1-hu"},
        {"a.-b.c", "a--b.c--0-dh"},
        /* like an escape */
        {"llama--1", "llama--1--0"},
        {"llama--7b", "llama--7b--0"},
        {"llama--1--0", "llama--1--0--0"},
        {"Llama--1", "llama--1--1"},
        {"a--0-dd", "a--0-dd--0"},
        {"a--d", "a--d--0"},
        {"x/a--1/y", "x/a--1--0/y"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char repository[BFS_REPOSITORY_MAX + 1];
        if (!cases[i][1]) {
            assert_int_equal(bfs_repository_from_name(cases[i][0], repository, NULL), -EINVAL);
            continue;
        }
        expect_round_trip(*state, cases[i][0], repository);
        assert_string_equal(repository, cases[i][1]);
    }
}

static void refuses_what_is_no_repository_of_ours(void **state)
{
    static const char *const texts[] = {
        "",           "/",
        "a/",         "/a",
        "a//b",       "A",
        "acme/Llama", "a..b",
        "a___b",      "a._b",
        "-a",         "a-",
        "a b",        "a:1",
        "a--2",       "a--01",
        "a--00",      "ab--4",
        "0--1",       "a--0",
        "a-b--0",     "a--b--0-hh",
        "a--b--0-d",  "a--b--0-ddd",
        "a-b--0-d",   "a--b--0-hd-x--0",
        "a--1-d",     "llama--7b",
        "a--b--0-uu", "a--1/b--2",
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(texts); i++) {
        char name[BFS_NAME_MAX + 1] = "untouched";
        struct bfs_error error = {0};
        if (bfs_repository_to_name(texts[i], name, &error) != -EINVAL)
            fail_msg("\"%s\" leads to \"%s\"", texts[i], name);
        assert_string_equal(name, "untouched");
        assert_non_null(strstr(error.what, "not the repository"));
    }
    char longest[BFS_REPOSITORY_MAX + 2], name[BFS_NAME_MAX + 1];
    memset(longest, 'a', sizeof(longest));
    longest[BFS_REPOSITORY_MAX + 1] = '\0';
    assert_int_equal(bfs_repository_to_name(longest, name, NULL), -EINVAL);
    longest[BFS_REPOSITORY_MAX] = '\0';
    assert_int_equal(bfs_repository_to_name(longest, name, NULL), 0);
    assert_string_equal(name, longest);
}

static void refuses_what_is_no_name_or_too_long(void **state)
{
    char name[BFS_NAME_MAX + 1], repository[BFS_REPOSITORY_MAX + 1] = "untouched";
    struct bfs_error error = {0};
    assert_int_equal(bfs_repository_from_name("a b", repository, &error), -EINVAL);
    assert_non_null(strstr(error.what, "also capitals"));
    assert_int_equal(bfs_repository_from_name("", repository, NULL), -EINVAL);
    memset(name, 'a', sizeof(name));
    name[0] = 'A';
    for (size_t length = BFS_NAME_MAX - 5; length <= BFS_NAME_MAX; length++) {
        name[length] = '\0';
        if (length + strlen("--1") <= BFS_REPOSITORY_MAX) {
            expect_round_trip(*state, name, repository);
            (void)snprintf(repository, sizeof(repository), "untouched");
        } else {
            assert_int_equal(bfs_repository_from_name(name, repository, &error), -E2BIG);
            assert_string_equal(repository, "untouched");
            assert_non_null(strstr(error.what, "use a shorter name"));
            char size[8];
            (void)snprintf(size, sizeof(size), "%zu", length + 3);
            assert_non_null(strstr(error.what, size));
        }
        name[length] = 'a';
    }
    /* The longest result there is: every component of one capital gets its own suffix. */
    for (size_t i = 0; i < BFS_NAME_MAX; i++)
        name[i] = i % 2 ? '/' : 'A';
    name[BFS_NAME_MAX] = '\0';
    assert_int_equal(bfs_repository_from_name(name, repository, &error), -E2BIG);
    assert_string_equal(repository, "untouched");
}

static int compare_repositories(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    return strcmp(left->repository, right->repository);
}

static void expect_different(struct pair *pairs, size_t n)
{
    qsort(pairs, n, sizeof(*pairs), compare_repositories);
    for (size_t i = 1; i < n; i++)
        if (strcmp(pairs[i - 1].repository, pairs[i].repository) == 0 &&
            strcmp(pairs[i - 1].name, pairs[i].name) != 0)
            fail_msg("\"%s\" and \"%s\" share \"%s\"", pairs[i - 1].name, pairs[i].name,
                     pairs[i].repository);
}

/* Every valid name of up to 6 bytes over what an escape is made of. */
static void gives_each_short_name_its_own(void **state)
{
    static const char letters[] = "aD1._-/";
    enum { N_LETTERS = 7, LONGEST = 6, N_MAX = 80000 };
    struct pair *pairs = calloc(N_MAX, sizeof(*pairs));
    size_t n = 0, n_same = 0;
    assert_non_null(pairs);
    for (size_t length = 1, n_texts = N_LETTERS; length <= LONGEST; length++, n_texts *= N_LETTERS)
        for (size_t number = 0; number < n_texts; number++) {
            char text[LONGEST + 1] = "";
            for (size_t i = 0, rest = number; i < length; i++, rest /= N_LETTERS)
                text[i] = letters[rest % N_LETTERS];
            if (!bfs_model_name_is_valid(text, length))
                continue;
            assert_true(n < N_MAX);
            memcpy(pairs[n].name, text, sizeof(text));
            expect_round_trip(*state, text, pairs[n].repository);
            n_same += strcmp(text, pairs[n].repository) == 0;
            n++;
        }
    assert_true(n > 10000 && n_same > 1000 && n_same < n / 2);
    expect_different(pairs, n);
    free(pairs);
}

/* Long names, of pieces that escapes and names on hubs are made of; each repository that is a name
 * is escaped again. */
static void gives_each_long_name_its_own(void **state)
{
    static const char *const pieces[] = {"--", "-",  "_",   "__",   ".",      "..", "___",
                                         "-_", "/",  "0",   "1",    "7b",     "8B", "dd",
                                         "hu", "-d", "--0", "--1f", "-uuu",   "A",  "Llama",
                                         "a",  "Qw", "XYZ", "m",    "q4_K_M", "./", "--0-dd"};
    enum { N_TRIES = 20000, DEPTH = 4 };
    struct pair *pairs = calloc(N_TRIES * DEPTH, sizeof(*pairs));
    uint64_t random = 88172645463325252ULL;
    size_t n = 0;
    assert_non_null(pairs);
    for (size_t try = 0; try < N_TRIES; try++) {
        char text[BFS_NAME_MAX + 1] = "";
        for (size_t k = 0, used = 0; k < 2 + try % 24; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
                                     pieces[random % LENGTH(pieces)]);
        }
        for (size_t depth = 0; depth < DEPTH; depth++) {
            if (!bfs_model_name_is_valid(text, strlen(text)))
                break;
            memcpy(pairs[n].name, text, sizeof(text));
            expect_round_trip(*state, text, pairs[n].repository);
            memcpy(text, pairs[n].repository, sizeof(text));
            n++;
        }
    }
    assert_true(n > 10000);
    expect_different(pairs, n);
    free(pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_registries_refuse),
        cmocka_unit_test(refuses_what_is_no_repository_of_ours),
        cmocka_unit_test(refuses_what_is_no_name_or_too_long),
        cmocka_unit_test(gives_each_short_name_its_own),
        cmocka_unit_test(gives_each_long_name_its_own),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

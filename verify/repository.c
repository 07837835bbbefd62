/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/repository.h"

#include <errno.h>
#include <string.h>

#define SEPARATORS "._-"
#define HEX "0123456789abcdef"
#define RUN_LETTERS "dhu" /* dot, hyphen, underscore */

/* Bytes beyond the limit are counted and not kept. */
struct writer {
    char text[BFS_REPOSITORY_MAX + 1];
    size_t size;
};

/* The parts of BODY--CASE-RUNS. */
struct escaped {
    size_t body_length;
    const char *digits; /* of CASE */
    size_t n_digits;
    const char *runs; /* ends at the component's end */
    size_t n_runs;    /* 0: no RUNS */
};

static void put(struct writer *writer, char c)
{
    if (writer->size < BFS_REPOSITORY_MAX)
        writer->text[writer->size] = c;
    writer->size++;
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
    return is_capital(c) || (c >= 'a' && c <= 'z');
}

/* A run ends before a letter or digit in every valid name, so strspn() stays inside a component. */
static size_t run_length(const char *text)
{
    return strspn(text, SEPARATORS);
}

static bool run_is_legal(const char *run, size_t length)
{
    return length == 1 || strspn(run, "-") >= length || (length == 2 && strspn(run, "_") >= 2);
}

static bool find_escape(const char *component, size_t length, struct escaped *ret)
{
    size_t mark = length;
    for (size_t i = 0; i + 1 < length; i++)
        if (component[i] == '-' && component[i + 1] == '-')
            mark = i;
    if (mark == length || run_length(component + mark - 1) > 0)
        return false;
    struct escaped found = {.body_length = mark, .digits = component + mark + 2};
    found.n_digits = strspn(found.digits, HEX);
    const char *rest = found.digits + found.n_digits, *end = component + length;
    if (rest < end && *rest == '-') {
        found.runs = rest + 1;
        found.n_runs = strspn(found.runs, RUN_LETTERS);
        rest = found.n_runs ? found.runs + found.n_runs : rest;
    }
    if (found.n_digits == 0 || rest != end)
        return false;
    *ret = found;
    return true;
}

/* Does a registry accept a component of a valid name? */
static bool is_legal(const char *component, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t run = run_length(component + i);
        if (is_capital(component[i]) || (run > 0 && !run_is_legal(component + i, run)))
            return false;
        i += run > 0 ? run : 1;
    }
    return true;
}

static void put_case(struct writer *writer, const char *component, size_t length)
{
    unsigned digits[BFS_NAME_MAX / 4 + 1] = {0};
    size_t n_letters = 0, top = 0;
    for (size_t i = 0; i < length; i++) {
        if (is_capital(component[i])) {
            top = n_letters / 4;
            digits[top] |= 1U << n_letters % 4;
        }
        n_letters += is_letter(component[i]);
    }
    for (size_t i = top + 1; i-- > 0;)
        put(writer, HEX[digits[i]]);
}

static void put_runs(struct writer *writer, const char *component, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t run = run_length(component + i);
        if (run > 0 && (component[i] == '-' || !run_is_legal(component + i, run)))
            for (size_t k = i; k < i + run; k++)
                put(writer, component[k] == '.' ? 'd' : component[k] == '-' ? 'h' : 'u');
        i += run > 0 ? run : 1;
    }
}

static void put_escaped(struct writer *writer, const char *component, size_t length)
{
    bool has_rewritten = false;
    for (size_t i = 0; i < length;) {
        size_t run = run_length(component + i);
        bool keep = run == 0 || run_is_legal(component + i, run);
        size_t next = i + (run > 0 ? run : 1);
        for (; i < next; i++)
            put(writer, !keep                      ? '-'
                        : is_capital(component[i]) ? (char)(component[i] - 'A' + 'a')
                                                   : component[i]);
        has_rewritten |= !keep;
    }
    put(writer, '-');
    put(writer, '-');
    put_case(writer, component, length);
    if (has_rewritten) {
        put(writer, '-');
        put_runs(writer, component, length);
    }
}

int bfs_repository_from_name(const char *name, char ret[static BFS_REPOSITORY_MAX + 1],
                             struct bfs_error *error)
{
    struct writer writer = {.size = 0};
    int r = bfs_model_name_check(name, strlen(name), error);
    if (r)
        return r;
    for (const char *at = name;; at++) {
        struct escaped escaped;
        size_t length = strcspn(at, "/");
        if (!is_legal(at, length) || find_escape(at, length, &escaped))
            put_escaped(&writer, at, length);
        else
            for (size_t i = 0; i < length; i++)
                put(&writer, at[i]);
        at += length;
        if (*at == '\0')
            break;
        put(&writer, '/');
    }
    if (writer.size > BFS_REPOSITORY_MAX)
        return bfs_fail(error, -E2BIG,
                        "\"%s\" needs a repository name of %zu bytes, and registries accept %d; "
                        "use a shorter name, or one in lower case",
                        name, writer.size, BFS_REPOSITORY_MAX);
    memcpy(ret, writer.text, writer.size);
    ret[writer.size] = '\0';
    return 0;
}

static bool letter_is_capital(const struct escaped *escaped, size_t letter)
{
    size_t place = letter / 4;
    if (place >= escaped->n_digits)
        return false;
    const char *digit = strchr(HEX, escaped->digits[escaped->n_digits - 1 - place]);
    return ((unsigned)(digit - HEX) >> letter % 4 & 1) != 0;
}

/* What is not canonical shows when the result is escaped again. */
static void put_original(struct writer *writer, const char *component, size_t length)
{
    struct escaped escaped = {.body_length = length};
    size_t n_letters = 0, n_hyphens = 0;
    (void)find_escape(component, length, &escaped);
    for (size_t i = 0; i < escaped.body_length; i++) {
        char c = component[i];
        if (is_letter(c)) {
            if (letter_is_capital(&escaped, n_letters++))
                c = (char)(c - 'a' + 'A');
        } else if (c == '-' && n_hyphens < escaped.n_runs) {
            char kind = escaped.runs[n_hyphens++];
            c = kind == 'd' ? '.' : kind == 'h' ? '-' : '_';
        }
        put(writer, c);
    }
}

int bfs_repository_to_name(const char *repository, char ret[static BFS_NAME_MAX + 1],
                           struct bfs_error *error)
{
    struct writer name = {.size = 0};
    char again[BFS_REPOSITORY_MAX + 1];
    size_t size = strlen(repository);
    bool is_ours = bfs_model_name_is_valid(repository, size);
    for (const char *at = repository; is_ours; at++) {
        size_t length = strcspn(at, "/");
        /* Capitals are refused here, so that letters are lower case below. */
        is_ours = is_legal(at, length);
        if (is_ours)
            put_original(&name, at, length);
        at += length;
        if (*at == '\0')
            break;
        put(&name, '/');
    }
    /* An original is never longer than its repository, so all of it is in the text. */
    if (is_ours)
        name.text[name.size] = '\0';
    if (!is_ours || bfs_repository_from_name(name.text, again, NULL) != 0 ||
        strcmp(again, repository) != 0)
        return bfs_fail(error, -EINVAL, "\"%.300s\" is not the repository of any model name",
                        repository);
    memcpy(ret, name.text, name.size + 1);
    return 0;
}

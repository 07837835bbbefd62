/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/range.h"

#include "verify/name.h"

#include <errno.h>
#include <string.h>

/* A version with some of its numbers. */
struct partial {
    struct bfs_semver version;
    unsigned n; /* numbers that are there, 1 to 3 */
};

enum operator{ EXACT, AT_LEAST, AT_MOST, ABOVE, BELOW, CARET, TILDE };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *take_number(const char *at, uint32_t *ret)
{
    uint32_t value = 0;
    size_t n = 0;
    for (; is_digit(at[n]); n++) {
        if (n == 9)
            return NULL;
        value = value * 10 + (uint32_t)(at[n] - '0');
    }
    if (n == 0 || (n > 1 && at[0] == '0'))
        return NULL;
    *ret = value;
    return at + n;
}

/* Dotted identifiers of letters, digits and "-", none of them empty. */
static const char *take_pre(const char *at, char ret[static BFS_SEMVER_PRE_MAX + 1])
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    const char *start = at;
    for (;;) {
        size_t n = strspn(at, letters);
        if (n == 0)
            return NULL;
        at += n;
        if (*at != '.')
            break;
        at++;
    }
    size_t length = (size_t)(at - start);
    if (length > BFS_SEMVER_PRE_MAX)
        return NULL;
    memcpy(ret, start, length);
    ret[length] = '\0';
    return at;
}

/* `*ret` is whole even when this fails. */
static const char *take_partial(const char *at, struct partial *ret)
{
    *ret = (struct partial){0};
    for (;;) {
        at = take_number(at, &ret->version.numbers[ret->n]);
        if (!at)
            return NULL;
        ret->n++;
        if (ret->n == 3 || *at != '.')
            break;
        at++;
    }
    if (ret->n == 3 && *at == '-')
        at = take_pre(at + 1, ret->version.pre);
    return at;
}

int bfs_semver_parse(const char *text, struct bfs_semver *ret)
{
    struct partial partial;
    const char *end = take_partial(text + (text[0] == 'v' && is_digit(text[1])), &partial);
    if (end && partial.n < 3 && *end == '-')
        end = take_pre(end + 1, partial.version.pre);
    if (end && *end == '+') {
        char build[BFS_SEMVER_PRE_MAX + 1];
        end = take_pre(end + 1, build);
    }
    if (!end || *end)
        return -EINVAL;
    *ret = partial.version;
    return 0;
}

static int compare_numbers(const struct bfs_semver *a, const struct bfs_semver *b)
{
    for (unsigned i = 0; i < 3; i++)
        if (a->numbers[i] != b->numbers[i])
            return a->numbers[i] < b->numbers[i] ? -1 : 1;
    return 0;
}

int bfs_semver_compare(const struct bfs_semver *a, const struct bfs_semver *b)
{
    int order = compare_numbers(a, b);
    if (order != 0)
        return order;
    if (!*a->pre || !*b->pre)
        return (*a->pre == '\0') - (*b->pre == '\0');
    char left[BFS_SEMVER_PRE_MAX + 3] = "0-", right[BFS_SEMVER_PRE_MAX + 3] = "0-";
    memcpy(left + 2, a->pre, strlen(a->pre) + 1);
    memcpy(right + 2, b->pre, strlen(b->pre) + 1);
    (void)bfs_version_compare(left, right, &order);
    return order;
}

static const char *take_operator(const char *at, enum operator* ret)
{
    static const struct {
        const char *text;
        enum operator value;
    } operators[] = {{">=", AT_LEAST}, {"<=", AT_MOST}, {">", ABOVE}, {"<", BELOW},
                     {"=", EXACT},     {"^", CARET},    {"~", TILDE}};
    *ret = EXACT;
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        size_t length = strlen(operators[i].text);
        if (strncmp(at, operators[i].text, length) == 0) {
            *ret = operators[i].value;
            return at + length;
        }
    }
    return at;
}

/* The first version above all that begin with the first n numbers. */
static struct bfs_semver next_after(const struct bfs_semver *version, unsigned n)
{
    struct bfs_semver next = {0};
    memcpy(next.numbers, version->numbers, n * sizeof(next.numbers[0]));
    next.numbers[n - 1]++;
    return next;
}

/* The number that "^" keeps: the first that is not zero. */
static unsigned caret_keeps(const struct partial *wanted)
{
    unsigned n = 1;
    while (n < wanted->n && wanted->version.numbers[n - 1] == 0)
        n++;
    return n;
}

static bool holds(enum operator op, const struct partial *wanted, const struct bfs_semver *version)
{
    struct bfs_semver after = next_after(&wanted->version, wanted->n);
    int low = bfs_semver_compare(version, &wanted->version);
    switch (op) {
    case EXACT:
        return wanted->n == 3 ? low == 0 : low >= 0 && bfs_semver_compare(version, &after) < 0;
    case AT_LEAST:
        return low >= 0;
    case BELOW:
        return low < 0;
    case AT_MOST:
        return wanted->n == 3 ? low <= 0 : bfs_semver_compare(version, &after) < 0;
    case ABOVE:
        return wanted->n == 3 ? low > 0 : bfs_semver_compare(version, &after) >= 0;
    case CARET:
        after = next_after(&wanted->version, caret_keeps(wanted));
        return low >= 0 && bfs_semver_compare(version, &after) < 0;
    case TILDE:
        after = next_after(&wanted->version, wanted->n < 2 ? 1 : 2);
        return low >= 0 && bfs_semver_compare(version, &after) < 0;
    }
    return false;
}

/* Walks over one alternative; NULL: it is none. `version` NULL: one that is no semantic version. */
static const char *take_set(const char *at, const struct bfs_semver *version, bool *ret)
{
    bool all = true, pre_is_named = false, any = false;
    for (;;) {
        enum operator op;
        struct partial wanted;
        if (*at == '*') {
            at++;
            any = true;
        } else {
            at = take_operator(at, &op);
            at = take_partial(at, &wanted);
            if (!at)
                return NULL;
            any = false;
            all = all && version && holds(op, &wanted, version);
            pre_is_named = pre_is_named || (version && *wanted.version.pre &&
                                            compare_numbers(&wanted.version, version) == 0);
        }
        if (*at != ' ' || at[1] == '|')
            break;
        at++;
    }
    *ret = all && (any || !version || !*version->pre || pre_is_named);
    return at;
}

static bool walk(const char *range, const struct bfs_semver *version, bool *ret)
{
    bool found = false;
    if (strnlen(range, BFS_RANGE_LENGTH_MAX + 1) > BFS_RANGE_LENGTH_MAX)
        return false;
    for (const char *at = range;; at += 4) {
        bool one;
        at = take_set(at, version, &one);
        if (!at)
            return false;
        found = found || one;
        if (*at == '\0')
            break;
        if (strncmp(at, " || ", 4) != 0)
            return false;
    }
    *ret = found;
    return true;
}

bool bfs_range_is_valid(const char *range)
{
    bool found;
    return walk(range, NULL, &found);
}

bool bfs_range_has(const char *range, const char *version)
{
    struct bfs_semver parsed;
    bool is_known = bfs_semver_parse(version, &parsed) == 0, found = false;
    return walk(range, is_known ? &parsed : NULL, &found) && found;
}

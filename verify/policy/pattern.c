/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/policy/pattern.h"

#include <stdint.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

bool bfs_pattern_is_valid(const char *pattern, size_t length, bool is_version)
{
    const char *allowed =
        is_version ? LETTERS CAPITALS DIGITS "._-+*" : LETTERS CAPITALS DIGITS "._-/*";
    if (length == 0 || length > BFS_PATTERN_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!pattern[i] || !strchr(allowed, pattern[i]))
            return false;
        if (i >= 2 && pattern[i] == '*' && pattern[i - 1] == '*' && pattern[i - 2] == '*')
            return false;
    }
    return true;
}

static bool is_double(const char *pattern, size_t length, size_t at)
{
    return at + 1 < length && pattern[at + 1] == '*';
}

/* A wildcard may stand for nothing: whoever is before one is behind it too. */
static void pass_wildcards(const char *pattern, size_t length, bool at[])
{
    for (size_t i = 0; i < length; i++)
        if (at[i] && pattern[i] == '*')
            at[i + (is_double(pattern, length, i) ? 2 : 1)] = true;
}

/* Follows every way to read the pattern at once, one character of the text after the other, so that
 * no pattern takes longer than its length times that of the text. `at[i]`: i characters of the
 * pattern are used up. */
static bool follow(const char *pattern, size_t length, const char *text)
{
    bool at[BFS_PATTERN_MAX + 2], next[BFS_PATTERN_MAX + 2];
    memset(at, 0, length + 1);
    at[0] = true;
    pass_wildcards(pattern, length, at);
    for (; *text; text++) {
        bool alive = false;
        memset(next, 0, length + 1);
        for (size_t i = 0; i < length; i++) {
            bool is_wild = pattern[i] == '*';
            if (!at[i] ||
                (is_wild ? *text == '/' && !is_double(pattern, length, i) : pattern[i] != *text))
                continue;
            next[is_wild ? i : i + 1] = true;
            alive = true;
        }
        if (!alive)
            return false;
        pass_wildcards(pattern, length, next);
        memcpy(at, next, length + 1);
    }
    return at[length];
}

/* Most patterns differ from most texts in what is before their first wildcard, or behind the last.
 */
bool bfs_pattern_match(const char *pattern, size_t length, const char *text)
{
    size_t size = strlen(text);
    const char *first = memchr(pattern, '*', length), *last = memrchr(pattern, '*', length);
    if (!first)
        return size == length && memcmp(pattern, text, length) == 0;
    size_t before = (size_t)(first - pattern), behind = length - (size_t)(last - pattern) - 1;
    return size >= before + behind && memcmp(pattern, text, before) == 0 &&
           memcmp(last + 1, text + size - behind, behind) == 0 && follow(pattern, length, text);
}

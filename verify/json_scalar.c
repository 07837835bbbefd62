/* SPDX-License-Identifier: Apache-2.0
 * What the strings, numbers and booleans of a scanned text say. */
#include "verify/cleanup.h"
#include "verify/json_keys.h"
#include "verify/json_string.h"
#include "verify/json_value.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static bool is_string(struct bfs_json_value value)
{
    return value.text && value.size >= 2 && *value.text == '"';
}

static bool is_as_written(struct bfs_json_value string)
{
    return !memchr(string.text, '\\', string.size);
}

int bfs_json_value_text(struct bfs_json_value string, char *ret, size_t size)
{
    size_t n = 0;
    int c = -1;
    if (!is_string(string)) {
        ret[0] = '\0';
        return 0;
    }
    if (is_as_written(string) && string.size - 2 < size) {
        memcpy(ret, string.text + 1, string.size - 2);
        ret[string.size - 2] = '\0';
        return 0;
    }
    struct bfs_json_string bytes = bfs_json_string_over(string.text + 1, string.size - 2);
    while ((c = bfs_json_string_next(&bytes)) >= 0 && n + 1 < size)
        ret[n++] = (char)c;
    ret[n] = '\0';
    return c < 0 ? 0 : -E2BIG;
}

bool bfs_json_value_is(struct bfs_json_value string, const char *text)
{
    size_t length = strlen(text);
    if (!is_string(string))
        return false;
    if (is_as_written(string))
        return string.size - 2 == length && memcmp(string.text + 1, text, length) == 0;
    struct bfs_json_string bytes = bfs_json_string_over(string.text + 1, string.size - 2);
    for (;; text++) {
        int c = bfs_json_string_next(&bytes);
        if (c <= 0 || c != (unsigned char)*text) /* a NUL is no end of `text` */
            return c < 0 && !*text;
    }
}

size_t bfs_json_value_length(struct bfs_json_value string)
{
    size_t n = 0;
    if (!is_string(string))
        return 0;
    if (is_as_written(string))
        return string.size - 2;
    struct bfs_json_string bytes = bfs_json_string_over(string.text + 1, string.size - 2);
    while (bfs_json_string_next(&bytes) >= 0)
        n++;
    return n;
}

char *bfs_json_value_copy(struct bfs_json_value string)
{
    size_t size = bfs_json_value_length(string) + 1;
    char *copy = malloc(size);
    if (copy)
        (void)bfs_json_value_text(string, copy, size);
    return copy;
}

bool bfs_json_value_same(struct bfs_json_value a, struct bfs_json_value b)
{
    if (!is_string(a) || !is_string(b))
        return false;
    struct bfs_json_key left = {a.text + 1, a.size - 2}, right = {b.text + 1, b.size - 2};
    return bfs_json_key_compare(&left, &right) == 0;
}

uint64_t bfs_json_value_integer(struct bfs_json_value integer)
{
    uint64_t value = 0;
    for (size_t i = 0; integer.text && i < integer.size; i++)
        if (integer.text[i] != '-')
            value = value * 10 + (uint64_t)(integer.text[i] - '0');
    return value;
}

bool bfs_json_value_is_true(struct bfs_json_value boolean)
{
    return boolean.text && *boolean.text == 't';
}

int bfs_json_value_signed(struct bfs_json_value integer, int64_t *ret)
{
    int64_t value = 0;
    if (strcmp(bfs_json_value_word(integer), "int") != 0)
        return -EBADMSG;
    for (size_t i = *integer.text == '-'; i < integer.size; i++) {
        value = value * 10 + (integer.text[i] - '0');
        if (value > (int64_t)BFS_JSON_INTEGER_MAX)
            return -EBADMSG;
    }
    *ret = *integer.text == '-' ? -value : value;
    return 0;
}

int bfs_json_value_double(struct bfs_json_value number, double *ret)
{
    char near[64];
    bfs_autofree char *far = NULL;
    const char *word = bfs_json_value_word(number);
    if (strcmp(word, "int") != 0 && strcmp(word, "double") != 0)
        return -EBADMSG;
    /* strtod() wants a NUL after the number. */
    char *copy = number.size < sizeof(near) ? near : (far = malloc(number.size + 1));
    if (!copy)
        return -ENOMEM;
    memcpy(copy, number.text, number.size);
    copy[number.size] = '\0';
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return -ENOMEM;
    *ret = strtod_l(copy, NULL, plain);
    freelocale(plain);
    return 0;
}

int bfs_json_strings_init(struct bfs_json_strings *ret, size_t size)
{
    char *bytes = malloc(size + 1);
    if (!bytes)
        return -ENOMEM;
    *ret = (struct bfs_json_strings){.bytes = bytes, .size = size + 1};
    return 0;
}

const char *bfs_json_strings_take(struct bfs_json_strings *strings, struct bfs_json_value string)
{
    if (!is_string(string))
        return NULL;
    char *at = strings->bytes + strings->used;
    size_t left = strings->size - strings->used;
    if (left == 0 || bfs_json_value_text(string, at, left))
        return NULL;
    strings->used += strlen(at) + 1;
    return at;
}

void bfs_json_strings_done(struct bfs_json_strings *strings)
{
    free(strings->bytes);
    *strings = (struct bfs_json_strings){0};
}

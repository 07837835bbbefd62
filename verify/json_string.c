/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json_string.h"

struct bfs_json_string bfs_json_string_over(const char *text, size_t size)
{
    return (struct bfs_json_string){.at = text, .end = text + size};
}

static unsigned digit_of(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* Four hexadecimal digits; 0 when the text ends before them. */
static unsigned take_hex4(struct bfs_json_string *string)
{
    unsigned value = 0;
    for (int i = 0; i < 4 && string->at < string->end; i++)
        value = value << 4 | digit_of(*string->at++);
    return value;
}

enum { REPLACEMENT = 0xfffd };

/* The code point after "\u", of both halves when it takes two. Python's json writes half of one too,
 * which is no character. */
static unsigned take_code(struct bfs_json_string *string)
{
    unsigned high = take_hex4(string);
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || string->end - string->at < 6 || string->at[0] != '\\' ||
        string->at[1] != 'u')
        return REPLACEMENT;
    const char *before = string->at;
    string->at += 2;
    unsigned low = take_hex4(string);
    if (low >= 0xdc00 && low <= 0xdfff)
        return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    string->at = before;
    return REPLACEMENT;
}

/* Puts all bytes but the first aside, and returns that one. */
static int give_code(struct bfs_json_string *string, unsigned code)
{
    if (code < 0x80)
        return (int)code;
    unsigned lead = code < 0x800 ? 0xc0 : code < 0x10000 ? 0xe0 : 0xf0;
    for (unsigned left = lead == 0xc0 ? 1 : lead == 0xe0 ? 2 : 3; left > 0; left--) {
        string->rest[string->n_rest++] = (unsigned char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    return (int)(lead | code);
}

int bfs_json_string_next(struct bfs_json_string *string)
{
    if (string->n_rest)
        return string->rest[--string->n_rest];
    if (string->at == string->end)
        return -1;
    char c = *string->at++;
    if (c != '\\' || string->at == string->end)
        return (unsigned char)c;
    switch (c = *string->at++) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        return give_code(string, take_code(string));
    default:
        return (unsigned char)c; /* quote, backslash, slash: themselves */
    }
}

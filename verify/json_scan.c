/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json_scan.h"

#include "verify/json.h"
#include "verify/json_keys.h"
#include "verify/utf8.h"

#include <errno.h>
#include <string.h>

struct scan {
    const char *text;
    size_t size;
    size_t at;
    bool is_python;
    const char *what;
    struct bfs_error *error;
    unsigned depth;
    bool in_object[BFS_JSON_DEPTH_MAX];   /* what each open bracket is, outermost first */
    size_t first_key[BFS_JSON_DEPTH_MAX]; /* of each open object, in keys */
    struct bfs_json_keys keys;            /* of all open objects */
};

static int refuse(const struct scan *scan, const char *why)
{
    if (scan->at >= scan->size)
        return bfs_fail_at(scan->error, -EBADMSG, scan->size, "%s: JSON ends early", scan->what);
    return bfs_fail_at(scan->error, -EBADMSG, scan->at, "%s: invalid JSON: %s", scan->what, why);
}

/* The next byte, or 0 at the end; a NUL in the text is in no place of the grammar either. */
static char peek(const struct scan *scan)
{
    return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip_blank(struct scan *scan)
{
    while (scan->at < scan->size && is_blank(scan->text[scan->at]))
        scan->at++;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int scan_hex4(struct scan *scan, unsigned *ret)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = peek(scan);
        unsigned digit;
        if (is_digit(c))
            digit = (unsigned)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        else
            return refuse(scan, "four hexadecimal digits follow \\u");
        value = value << 4 | digit;
        scan->at++;
    }
    *ret = value;
    return 0;
}

/* After "\u". */
static int scan_unicode(struct scan *scan)
{
    unsigned high = 0, low = 0;
    int r = scan_hex4(scan, &high);
    if (r)
        return r;
    if (scan->is_python)
        return 0; /* the second half of a pair is an escape of its own */
    if (high == 0)
        return refuse(scan, "a string holds a NUL");
    if (high < 0xd800 || high > 0xdfff)
        return 0;
    if (high > 0xdbff || peek(scan) != '\\')
        return refuse(scan, "a lone surrogate");
    scan->at++;
    if (peek(scan) != 'u')
        return refuse(scan, "a lone surrogate");
    scan->at++;
    r = scan_hex4(scan, &low);
    if (r)
        return r;
    return low >= 0xdc00 && low <= 0xdfff ? 0 : refuse(scan, "a lone surrogate");
}

static int scan_escape(struct scan *scan)
{
    scan->at++;
    char c = peek(scan);
    if (c == '\0' || !strchr("\"\\/bfnrtu", c))
        return refuse(scan, "an unknown escape");
    scan->at++;
    return c == 'u' ? scan_unicode(scan) : 0;
}

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static int scan_string(struct scan *scan)
{
    if (peek(scan) != '"')
        return refuse(scan, "a string starts with a double quote");
    scan->at++;
    while (scan->at < scan->size) {
        char c = scan->text[scan->at];
        if (is_plain(c)) {
            scan->at++;
            continue;
        }
        if (c == '"') {
            scan->at++;
            return 0;
        }
        if (c == '\\') {
            int r = scan_escape(scan);
            if (r)
                return r;
            continue;
        }
        if ((unsigned char)c < 0x20)
            return refuse(scan, "a control character in a string");
        size_t length = bfs_utf8_sequence(scan->text + scan->at, scan->size - scan->at);
        if (length == 0)
            return refuse(scan, "not UTF-8");
        scan->at += length;
    }
    return refuse(scan, "an unfinished string");
}

static int scan_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return refuse(scan, "a digit is missing");
    while (is_digit(peek(scan)))
        scan->at++;
    return 0;
}

/* Takes the word if it stands here. */
static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    bool is_here =
        scan->size - scan->at >= length && memcmp(scan->text + scan->at, word, length) == 0;
    scan->at += is_here ? length : 0;
    return is_here;
}

static int scan_number(struct scan *scan)
{
    if (peek(scan) == '-')
        scan->at++;
    if (scan->is_python && take_word(scan, "Infinity"))
        return 0;
    size_t first = scan->at;
    int r = scan_digits(scan);
    if (r)
        return r;
    size_t last = scan->at;
    if (scan->text[first] == '0' && last - first > 1) {
        scan->at = first;
        return refuse(scan, "a leading zero");
    }
    bool whole = true;
    if (peek(scan) == '.') {
        whole = false;
        scan->at++;
        r = scan_digits(scan);
        if (r)
            return r;
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        whole = false;
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        r = scan_digits(scan);
        if (r)
            return r;
    }
    uint64_t value = 0;
    for (size_t i = first; whole && !scan->is_python && i < last; i++) {
        value = value * 10 + (uint64_t)(scan->text[i] - '0');
        if (value > BFS_JSON_INTEGER_MAX) {
            scan->at = first;
            return refuse(scan, "an integer beyond 2^53-1");
        }
    }
    return 0;
}

static int scan_scalar(struct scan *scan)
{
    static const char *const literals[] = {"true", "false", "null"};
    char c = peek(scan);
    if (c == '"')
        return scan_string(scan);
    if (c == '-' || is_digit(c))
        return scan_number(scan);
    for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
        if (take_word(scan, literals[i]))
            return 0;
    if (scan->is_python && (take_word(scan, "NaN") || take_word(scan, "Infinity")))
        return 0;
    return refuse(scan, "a value is missing");
}

/* A key and its colon, up to the value. */
static int scan_key(struct scan *scan)
{
    skip_blank(scan);
    size_t first = scan->at + 1;
    int r = scan_string(scan);
    if (r)
        return r;
    struct bfs_json_key key = {.text = scan->text + first, .size = scan->at - 1 - first};
    skip_blank(scan);
    if (peek(scan) != ':')
        return refuse(scan, "a colon is missing");
    scan->at++;
    if (scan->is_python)
        return 0;
    r = bfs_json_keys_add(&scan->keys, key);
    return r ? bfs_fail(scan->error, r, "%s: out of memory", scan->what) : 0;
}

/* A scalar, an empty container, or the start of a container up to its first value. Sets
 * *ret_complete when a whole value was consumed. */
static int scan_value(struct scan *scan, bool *ret_complete)
{
    skip_blank(scan);
    char open = peek(scan);
    if (open != '{' && open != '[') {
        *ret_complete = true;
        return scan_scalar(scan);
    }
    if (scan->depth == BFS_JSON_DEPTH_MAX)
        return bfs_fail_at(scan->error, -E2BIG, scan->at, "%s: JSON nested deeper than %d",
                           scan->what, BFS_JSON_DEPTH_MAX);
    scan->at++;
    skip_blank(scan);
    *ret_complete = peek(scan) == (open == '{' ? '}' : ']');
    if (*ret_complete) {
        scan->at++;
        return 0;
    }
    scan->first_key[scan->depth] = scan->keys.n;
    scan->in_object[scan->depth++] = open == '{';
    return open == '{' ? scan_key(scan) : 0;
}

/* What may follow a value: closing brackets, then a comma and the way to the next value, or the end
 * of the outermost value (*ret_next false). */
static int scan_after_value(struct scan *scan, bool *ret_next)
{
    while (scan->depth > 0) {
        bool in_object = scan->in_object[scan->depth - 1];
        skip_blank(scan);
        char c = peek(scan);
        if (c == ',') {
            scan->at++;
            *ret_next = true;
            return in_object ? scan_key(scan) : 0;
        }
        if (c != (in_object ? '}' : ']'))
            return refuse(scan, "a comma or a closing bracket is missing");
        scan->at++;
        scan->depth--;
        if (in_object && !bfs_json_keys_close(&scan->keys, scan->first_key[scan->depth]))
            return bfs_fail_at(scan->error, -EBADMSG, scan->at - 1,
                               "%s: a key occurs twice in one JSON object", scan->what);
    }
    *ret_next = false;
    return 0;
}

static int scan_text(struct scan *scan)
{
    bool complete = false, next = true;
    while (next) {
        int r = scan_value(scan, &complete);
        if (r == 0 && complete)
            r = scan_after_value(scan, &next);
        if (r)
            return r;
    }
    skip_blank(scan);
    if (scan->at < scan->size)
        return bfs_fail_at(scan->error, -EBADMSG, scan->at, "%s: bytes after the JSON value",
                           scan->what);
    return 0;
}

int bfs_json_scan(const char *text, size_t size, enum bfs_json_dialect dialect, const char *what,
                  struct bfs_error *error)
{
    struct scan scan = {.text = text,
                        .size = size,
                        .is_python = dialect == BFS_JSON_PYTHON,
                        .what = what,
                        .error = error};
    int r = scan_text(&scan);
    bfs_json_keys_done(&scan.keys);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0
 * Nothing here is ever refused: the scan has seen the whole text. The ends are minded all the same,
 * so that no mistake of one reads beyond the other. */
#include "verify/json_value.h"

#include "verify/json_scan.h"
#include "verify/json_string.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static const char *skip_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* Past the string whose first quote is at `at`. A quote ends it unless an odd number of backslashes
 * stands before. */
static const char *skip_string(const char *at, const char *end)
{
    const char *first = at + 1;
    for (at = first; (at = memchr(at, '"', (size_t)(end - at))); at++) {
        const char *before = at;
        while (before > first && before[-1] == '\\')
            before--;
        if ((at - before) % 2 == 0)
            return at + 1;
    }
    return end;
}

static const char *skip_container(const char *at, const char *end)
{
    /* What is none of these can be passed over. */
    static const signed char steps[256] = {['{'] = 1, ['['] = 1, ['}'] = -1, [']'] = -1, ['"'] = 2};
    int depth = 0;
    while (at < end) {
        signed char step = steps[(unsigned char)*at];
        if (step == 2) {
            at = skip_string(at, end);
            continue;
        }
        at++;
        depth += step;
        if (depth == 0 && step)
            break;
    }
    return at;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at == end)
        return end;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_container(at, end);
    while (at < end && !strchr(",]} \t\r\n", *at))
        at++;
    return at;
}

/* The value at `*at`, which then stands behind it. */
static struct bfs_json_value take_value(const char **at, const char *end)
{
    const char *first = skip_blank(*at, end);
    *at = skip_value(first, end);
    return (struct bfs_json_value){.text = first, .size = (size_t)(*at - first)};
}

static int open_text(const void *text, size_t size, enum bfs_json_dialect dialect, const char *what,
                     struct bfs_json_value *ret, struct bfs_error *error)
{
    if (size > INT_MAX)
        return bfs_fail(error, -E2BIG, "%s: %zu bytes of JSON are too many", what, size);
    int r = bfs_json_scan(text, size, dialect, what, error);
    if (r)
        return r;
    const char *at = text;
    *ret = take_value(&at, at + size);
    return 0;
}

int bfs_json_value_open(const void *text, size_t size, const char *what, struct bfs_json_value *ret,
                        struct bfs_error *error)
{
    return open_text(text, size, BFS_JSON_STRICT, what, ret, error);
}

int bfs_json_value_open_python(const void *text, size_t size, const char *what,
                               struct bfs_json_value *ret, struct bfs_error *error)
{
    return open_text(text, size, BFS_JSON_PYTHON, what, ret, error);
}

static bool is_kind(struct bfs_json_value value, char first)
{
    return value.text && value.size && *value.text == first;
}

static const char *const type_words[] = {
    [BFS_JSON_OBJECT] = "an object",      [BFS_JSON_ARRAY] = "an array",
    [BFS_JSON_STRING] = "a string",       [BFS_JSON_INTEGER] = "an integer from 0 to 2^53-1",
    [BFS_JSON_BOOLEAN] = "true or false",
};

const char *bfs_json_type_word(enum bfs_json_type type)
{
    return type_words[type];
}

/* json-c's words. */
const char *bfs_json_value_word(struct bfs_json_value value)
{
    if (!value.text || !value.size)
        return "";
    switch (*value.text) {
    case '{':
        return "object";
    case '[':
        return "array";
    case '"':
        return "string";
    case 't':
    case 'f':
        return "boolean";
    case 'n':
        return "null";
    case 'N': /* NaN */
    case 'I': /* Infinity */
        return "double";
    default:
        return memchr(value.text, 'I', value.size) || memchr(value.text, '.', value.size) || memchr(value.text, 'e', value.size) ||
                       memchr(value.text, 'E', value.size)
                   ? "double"
                   : "int";
    }
}

/* A NUL inside would make the C string differ from what is there. */
static bool has_nul(struct bfs_json_value string)
{
    if (!memchr(string.text, '\\', string.size))
        return false;
    struct bfs_json_string bytes = bfs_json_string_over(string.text + 1, string.size - 2);
    int c;
    while ((c = bfs_json_string_next(&bytes)) > 0)
        continue;
    return c == 0;
}

bool bfs_json_value_has_type(struct bfs_json_value value, enum bfs_json_type type)
{
    int64_t integer;
    switch (type) {
    case BFS_JSON_OBJECT:
        return is_kind(value, '{');
    case BFS_JSON_ARRAY:
        return is_kind(value, '[');
    case BFS_JSON_STRING:
        return is_kind(value, '"') && !has_nul(value);
    case BFS_JSON_INTEGER:
        return bfs_json_value_signed(value, &integer) == 0 && integer >= 0;
    case BFS_JSON_BOOLEAN:
        return is_kind(value, 't') || is_kind(value, 'f');
    }
    return false;
}

bool bfs_json_value_is_null(struct bfs_json_value value)
{
    return is_kind(value, 'n');
}

/* The first element or member, or that after a comma; NULL at the end. */
static const char *skip_comma(const char *at, const char *end)
{
    at = skip_blank(at, end);
    if (at < end && *at == ',')
        at = skip_blank(at + 1, end);
    return at < end && *at != ']' && *at != '}' ? at : NULL;
}

bool bfs_json_value_next_member(struct bfs_json_value object, struct bfs_json_members *members,
                                struct bfs_json_value *ret_name, struct bfs_json_value *ret)
{
    if (!is_kind(object, '{'))
        return false;
    const char *end = object.text + object.size;
    const char *at = skip_comma(members->at ? members->at : object.text + 1, end);
    if (!at || *at != '"')
        return false;
    *ret_name = take_value(&at, end);
    at = skip_blank(at, end);
    at += at < end; /* the colon */
    *ret = take_value(&at, end);
    members->at = at;
    return true;
}

size_t bfs_json_value_count_members(struct bfs_json_value object)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value name, value;
    size_t n = 0;
    while (bfs_json_value_next_member(object, &members, &name, &value))
        n++;
    return n;
}

int bfs_json_value_fields(struct bfs_json_value object, const struct bfs_json_field *fields,
                          bool open, const char *what, struct bfs_json_value ret[],
                          struct bfs_error *error)
{
    struct bfs_json_value found[BFS_JSON_FIELDS_MAX] = {0}, key, value;
    struct bfs_json_members members = {0};
    size_t n = 0;
    if (!is_kind(object, '{'))
        return bfs_fail(error, -EBADMSG, "%s: not a JSON object", what);
    while (bfs_json_value_next_member(object, &members, &key, &value)) {
        size_t i = 0;
        while (fields[i].name && !bfs_json_value_is(key, fields[i].name))
            i++;
        if (!fields[i].name && open)
            continue;
        if (!fields[i].name) {
            char name[BFS_ERROR_WHAT_SIZE];
            (void)bfs_json_value_text(key, name, sizeof(name));
            return bfs_fail(error, -EBADMSG, "%s: unknown field \"%s\"", what, name);
        }
        if (!bfs_json_value_has_type(value, fields[i].type)) {
            (void)bfs_fail(error, -EBADMSG, "%s: field \"%s\" has the wrong type", what,
                           fields[i].name);
            bfs_fail_values(error, bfs_json_type_word(fields[i].type), bfs_json_value_word(value));
            return -EBADMSG;
        }
        found[i] = value;
    }
    for (; fields[n].name; n++)
        if (fields[n].required && !found[n].text)
            return bfs_fail(error, -EBADMSG, "%s: field \"%s\" is missing", what, fields[n].name);
    memcpy(ret, found, n * sizeof(*ret));
    return 0;
}

struct bfs_json_value bfs_json_value_any_member(struct bfs_json_value object, const char *name)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value key, value, found = {0};
    while (bfs_json_value_next_member(object, &members, &key, &value))
        if (bfs_json_value_is(key, name))
            found = value; /* the last one counts for Python; elsewhere there is one */
    return found;
}

struct bfs_json_value bfs_json_value_member(struct bfs_json_value object, const char *name,
                                            enum bfs_json_type type)
{
    struct bfs_json_value value = bfs_json_value_any_member(object, name);
    return bfs_json_value_has_type(value, type) ? value : (struct bfs_json_value){0};
}

bool bfs_json_value_next(struct bfs_json_value array, struct bfs_json_elements *elements,
                         struct bfs_json_value *ret)
{
    if (!is_kind(array, '['))
        return false;
    const char *end = array.text + array.size;
    const char *at = skip_comma(elements->at ? elements->at : array.text + 1, end);
    if (!at)
        return false;
    *ret = take_value(&at, end);
    elements->at = at;
    return true;
}

size_t bfs_json_value_count(struct bfs_json_value array)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value value;
    size_t n = 0;
    while (bfs_json_value_next(array, &elements, &value))
        n++;
    return n;
}

/* SPDX-License-Identifier: Apache-2.0
 * A json-c tree of a text. json-c's own parser goes on when an allocation fails, and gives a tree
 * without the members that found no memory; here each one is checked. */
#include "verify/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int build(struct bfs_json_value value, struct json_object **ret);

static int build_object(struct bfs_json_value value, struct json_object **ret)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value name, member;
    bfs_autojson struct json_object *object = json_object_new_object();
    int r = object ? 0 : -ENOMEM;
    while (r == 0 && bfs_json_value_next_member(value, &members, &name, &member)) {
        /* A key with a NUL, which Python writes, would be taken for another one. */
        if (!bfs_json_value_has_type(name, BFS_JSON_STRING))
            return -EBADMSG;
        bfs_autofree char *key = bfs_json_value_copy(name);
        bfs_autojson struct json_object *child = NULL;
        r = key ? build(member, &child) : -ENOMEM;
        if (r == 0 && json_object_object_add(object, key, child) != 0)
            r = -ENOMEM;
        if (r == 0)
            child = NULL; /* transferred */
    }
    if (r == 0)
        *ret = bfs_steal(&object);
    return r;
}

static int build_array(struct bfs_json_value value, struct json_object **ret)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value element;
    bfs_autojson struct json_object *array = json_object_new_array();
    int r = array ? 0 : -ENOMEM;
    while (r == 0 && bfs_json_value_next(value, &elements, &element)) {
        bfs_autojson struct json_object *child = NULL;
        r = build(element, &child);
        if (r == 0 && json_object_array_add(array, child) != 0)
            r = -ENOMEM;
        if (r == 0)
            child = NULL; /* transferred */
    }
    if (r == 0)
        *ret = bfs_steal(&array);
    return r;
}

/* A number keeps its digits for when it is written again. */
static struct json_object *new_number(struct bfs_json_value value)
{
    int64_t integer;
    if (bfs_json_value_signed(value, &integer) == 0)
        return json_object_new_int64(integer);
    bfs_autofree char *text = malloc(value.size + 1);
    double number;
    if (!text || bfs_json_value_double(value, &number))
        return NULL;
    memcpy(text, value.text, value.size);
    text[value.size] = '\0';
    return json_object_new_double_s(number, text);
}

static struct json_object *new_string(struct bfs_json_value value)
{
    bfs_autofree char *text = bfs_json_value_copy(value);
    return text ? json_object_new_string_len(text, (int)bfs_json_value_length(value)) : NULL;
}

/* The scan has bounded the depth. */
static int build(struct bfs_json_value value, struct json_object **ret)
{
    struct json_object *made = NULL;
    switch (*value.text) {
    case '{':
        return build_object(value, ret);
    case '[':
        return build_array(value, ret);
    case 'n':
        *ret = NULL; /* which json-c takes for null */
        return 0;
    case 't':
    case 'f':
        made = json_object_new_boolean(*value.text == 't');
        break;
    case '"':
        made = new_string(value);
        break;
    default:
        made = new_number(value);
        break;
    }
    if (!made)
        return -ENOMEM;
    *ret = made;
    return 0;
}

static int build_root(int opened, struct bfs_json_value root, const char *what,
                      struct json_object **ret, struct bfs_error *error)
{
    if (opened)
        return opened;
    int r = build(root, ret);
    return r ? bfs_fail(error, r, r == -ENOMEM ? "%s: out of memory" : "%s: a key holds a NUL",
                        what)
             : 0;
}

int bfs_json_parse(const void *bytes, size_t size, const char *what, struct json_object **ret,
                   struct bfs_error *error)
{
    struct bfs_json_value root = {0};
    int r = bfs_json_value_open(bytes, size, what, &root, error);
    return build_root(r, root, what, ret, error);
}

int bfs_json_parse_python(const void *bytes, size_t size, const char *what,
                          struct json_object **ret, struct bfs_error *error)
{
    struct bfs_json_value root = {0};
    int r = bfs_json_value_open_python(bytes, size, what, &root, error);
    return build_root(r, root, what, ret, error);
}

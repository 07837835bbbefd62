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
    bfs_autofree char *text = malloc(value.size + 1);
    if (!text)
        return NULL;
    memcpy(text, value.text, value.size);
    text[value.size] = '\0';
    return strpbrk(text, ".eE") ? json_object_new_double_s(strtod(text, NULL), text)
                                : json_object_new_int64(strtoll(text, NULL, 10));
}

static struct json_object *new_string(struct bfs_json_value value)
{
    bfs_autofree char *text = bfs_json_value_copy(value);
    return text ? json_object_new_string(text) : NULL;
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

int bfs_json_parse(const void *bytes, size_t size, const char *what, struct json_object **ret,
                   struct bfs_error *error)
{
    struct bfs_json_value root;
    int r = bfs_json_value_open(bytes, size, what, &root, error);
    if (r)
        return r;
    r = build(root, ret);
    return r ? bfs_fail(error, r, "%s: out of memory", what) : 0;
}

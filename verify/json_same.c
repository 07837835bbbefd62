/* SPDX-License-Identifier: Apache-2.0
 * Reading back what was printed: the strict reader and the tree must agree on every value. */
#include "verify/json.h"

#include <errno.h>
#include <string.h>

static bool is_same(struct bfs_json_value value, struct json_object *tree);

static bool is_same_object(struct bfs_json_value value, struct json_object *tree)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value name, member;
    size_t n = 0;
    /* A tree and a text that was printed from it have one order. */
    json_object_object_foreach(tree, key, child)
    {
        if (!bfs_json_value_next_member(value, &members, &name, &member) ||
            !bfs_json_value_is(name, key) || !is_same(member, child))
            return false;
        n++;
    }
    return n == bfs_json_value_count_members(value);
}

static bool is_same_array(struct bfs_json_value value, struct json_object *tree)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value element;
    size_t n = json_object_array_length(tree);
    for (size_t i = 0; i < n; i++)
        if (!bfs_json_value_next(value, &elements, &element) ||
            !is_same(element, json_object_array_get_idx(tree, i)))
            return false;
    return n == bfs_json_value_count(value);
}

static bool is_same(struct bfs_json_value value, struct json_object *tree)
{
    int64_t integer;
    double number;
    switch (json_object_get_type(tree)) {
    case json_type_object:
        return bfs_json_value_has_type(value, BFS_JSON_OBJECT) && is_same_object(value, tree);
    case json_type_array:
        return bfs_json_value_has_type(value, BFS_JSON_ARRAY) && is_same_array(value, tree);
    case json_type_string:
        return bfs_json_value_has_type(value, BFS_JSON_STRING) &&
               bfs_json_value_is(value, json_object_get_string(tree));
    case json_type_boolean:
        return bfs_json_value_has_type(value, BFS_JSON_BOOLEAN) &&
               bfs_json_value_is_true(value) == (json_object_get_boolean(tree) != 0);
    case json_type_null:
        return bfs_json_value_is_null(value);
    case json_type_int:
        return bfs_json_value_signed(value, &integer) == 0 &&
               integer == json_object_get_int64(tree);
    case json_type_double:
        return bfs_json_value_double(value, &number) == 0 &&
               !(number < json_object_get_double(tree)) && !(number > json_object_get_double(tree));
    }
    return false;
}

int bfs_json_prove(const void *text, size_t size, struct json_object *object)
{
    struct bfs_json_value root;
    int r = bfs_json_value_open(text, size, "what was written", &root, NULL);
    if (r == -ENOMEM)
        return r;
    return r == 0 && is_same(root, object) ? 0 : -EINVAL;
}

static int publish(struct json_object *object, bool is_line, struct bfs_buffer *ret)
{
    size_t before = ret->size;
    if (is_line)
        bfs_json_write_line(object, ret);
    else
        bfs_json_write(object, ret);
    int r = bfs_buffer_status(ret);
    return r ? r : bfs_json_prove(ret->bytes + before, ret->size - before, object);
}

int bfs_json_publish(struct json_object *object, struct bfs_buffer *ret)
{
    return publish(object, false, ret);
}

int bfs_json_publish_line(struct json_object *object, struct bfs_buffer *ret)
{
    return publish(object, true, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/json.h"

#include <errno.h>
#include <json-c/json_util.h>
#include <string.h>

static bool has_type(struct json_object *value, enum bfs_json_type type)
{
    switch (type) {
    case BFS_JSON_OBJECT:
        return json_object_is_type(value, json_type_object);
    case BFS_JSON_ARRAY:
        return json_object_is_type(value, json_type_array);
    case BFS_JSON_STRING:
        /* A NUL inside would make the C string differ from the bytes that are digested. */
        return json_object_is_type(value, json_type_string) &&
               strlen(json_object_get_string(value)) == (size_t)json_object_get_string_len(value);
    case BFS_JSON_INTEGER:
        return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0 &&
               (uint64_t)json_object_get_int64(value) <= BFS_JSON_INTEGER_MAX;
    case BFS_JSON_BOOLEAN:
        return json_object_is_type(value, json_type_boolean);
    }
    return false;
}

int bfs_json_check(struct json_object *object, const struct bfs_json_field *fields, bool open,
                   const char *what, struct bfs_error *error)
{
    if (!json_object_is_type(object, json_type_object))
        return bfs_fail(error, -EBADMSG, "%s: not a JSON object", what);
    json_object_object_foreach(object, key, value)
    {
        const struct bfs_json_field *field = fields;
        while (field->name && strcmp(field->name, key) != 0)
            field++;
        if (!field->name) {
            if (open)
                continue;
            return bfs_fail(error, -EBADMSG, "%s: unknown field \"%s\"", what, key);
        }
        if (!has_type(value, field->type)) {
            (void)bfs_fail(error, -EBADMSG, "%s: field \"%s\" has the wrong type", what, key);
            bfs_fail_values(error, bfs_json_type_word(field->type),
                            json_type_to_name(json_object_get_type(value)));
            return -EBADMSG;
        }
    }
    for (const struct bfs_json_field *field = fields; field->name; field++)
        if (field->required && !bfs_json_member(object, field->name))
            return bfs_fail(error, -EBADMSG, "%s: field \"%s\" is missing", what, field->name);
    return 0;
}

struct json_object *bfs_json_member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

const char *bfs_json_string(struct json_object *object, const char *name)
{
    struct json_object *value = bfs_json_member(object, name);
    return value ? json_object_get_string(value) : NULL;
}

uint64_t bfs_json_integer(struct json_object *object, const char *name)
{
    struct json_object *value = bfs_json_member(object, name);
    return value ? (uint64_t)json_object_get_int64(value) : 0;
}

static struct json_object *made(struct json_object *value, int *status)
{
    if (!value)
        *status = -ENOMEM;
    return value;
}

struct json_object *bfs_json_new_object(int *status)
{
    return made(json_object_new_object(), status);
}

struct json_object *bfs_json_new_array(int *status)
{
    return made(json_object_new_array(), status);
}

struct json_object *bfs_json_new_string(const char *text, int *status)
{
    return made(json_object_new_string(text), status);
}

void bfs_json_add(struct json_object *object, const char *name, struct json_object *value,
                  int *status)
{
    if (object && value && json_object_object_add(object, name, value) == 0)
        return;
    (void)json_object_put(value);
    *status = -ENOMEM;
}

void bfs_json_add_string(struct json_object *object, const char *name, const char *text,
                         int *status)
{
    bfs_json_add(object, name, json_object_new_string(text), status);
}

void bfs_json_add_integer(struct json_object *object, const char *name, uint64_t value, int *status)
{
    bfs_json_add(object, name, json_object_new_int64((int64_t)value), status);
}

void bfs_json_add_boolean(struct json_object *object, const char *name, bool value, int *status)
{
    bfs_json_add(object, name, json_object_new_boolean(value), status);
}

void bfs_json_append(struct json_object *array, struct json_object *value, int *status)
{
    if (array && value && json_object_array_add(array, value) == 0)
        return;
    (void)json_object_put(value);
    *status = -ENOMEM;
}

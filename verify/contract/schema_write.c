/* SPDX-License-Identifier: Apache-2.0
 * A document in the schema's order, and the schema itself as a document. */
#include "verify/contract/schema.h"

#include <errno.h>
#include <string.h>

static bool is_empty(struct json_object *value)
{
    if (json_object_is_type(value, json_type_array))
        return json_object_array_length(value) == 0;
    return json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0;
}

static struct json_object *ordered(const struct bfs_schema *schema, struct json_object *value,
                                   int *status)
{
    struct json_object *made;
    switch (schema->kind) {
    case BFS_SCHEMA_OBJECT:
        made = bfs_json_new_object(status);
        for (const struct bfs_schema_field *field = schema->fields; field->name; field++) {
            struct json_object *member = bfs_json_member(value, field->name);
            struct json_object *inner = member ? ordered(field->schema, member, status) : NULL;
            if (inner && is_empty(inner) && !field->required)
                (void)json_object_put(inner);
            else if (inner)
                bfs_json_add(made, field->name, inner, status);
        }
        return made;
    case BFS_SCHEMA_ARRAY:
        made = bfs_json_new_array(status);
        for (size_t i = 0; i < json_object_array_length(value); i++)
            bfs_json_append(
                made, ordered(schema->items, json_object_array_get_idx(value, i), status), status);
        return made;
    default:
        return json_object_get(value);
    }
}

int bfs_schema_write(const struct bfs_schema *schema, struct json_object *value,
                     struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = ordered(schema, value, &status);
    if (status == 0)
        status = bfs_json_publish(root, ret);
    return status;
}

static void add_number(struct json_object *object, const char *name, int64_t value, int *status)
{
    bfs_json_add(object, name, json_object_new_int64(value), status);
}

static void describe(struct json_object *ret, const struct bfs_schema *schema, int *status);

static void describe_object(struct json_object *ret, const struct bfs_schema *schema, int *status)
{
    struct json_object *properties = bfs_json_new_object(status);
    struct json_object *required = bfs_json_new_array(status);
    for (const struct bfs_schema_field *field = schema->fields; field->name; field++) {
        struct json_object *inner = bfs_json_new_object(status);
        bfs_json_add_string(inner, "description", field->meaning, status);
        describe(inner, field->schema, status);
        bfs_json_add(properties, field->name, inner, status);
        if (field->required)
            bfs_json_append(required, bfs_json_new_string(field->name, status), status);
    }
    bfs_json_add_string(ret, "type", "object", status);
    bfs_json_add_boolean(ret, "additionalProperties", false, status);
    if (required && json_object_array_length(required) > 0)
        bfs_json_add(ret, "required", required, status);
    else
        (void)json_object_put(required);
    bfs_json_add(ret, "properties", properties, status);
}

static void describe_string(struct json_object *ret, const struct bfs_schema *schema, int *status)
{
    const struct bfs_format_info *info = bfs_format_info(schema->format);
    bfs_json_add_string(ret, "type", "string", status);
    bfs_json_add_string(ret, "$comment", info->what, status);
    add_number(ret, "minLength", 1, status);
    add_number(ret, "maxLength", (int64_t)info->length_max, status);
    if (info->pattern)
        bfs_json_add_string(ret, "pattern", info->pattern, status);
}

static void describe(struct json_object *ret, const struct bfs_schema *schema, int *status)
{
    struct json_object *inner;
    switch (schema->kind) {
    case BFS_SCHEMA_OBJECT:
        describe_object(ret, schema, status);
        break;
    case BFS_SCHEMA_ARRAY:
        bfs_json_add_string(ret, "type", "array", status);
        add_number(ret, "maxItems", (int64_t)schema->items_max, status);
        inner = bfs_json_new_object(status);
        describe(inner, schema->items, status);
        bfs_json_add(ret, "items", inner, status);
        break;
    case BFS_SCHEMA_STRING:
        describe_string(ret, schema, status);
        break;
    case BFS_SCHEMA_INTEGER:
        bfs_json_add_string(ret, "type", "integer", status);
        add_number(ret, "minimum", schema->min, status);
        add_number(ret, "maximum", schema->max, status);
        break;
    case BFS_SCHEMA_BOOLEAN:
        bfs_json_add_string(ret, "type", "boolean", status);
        break;
    case BFS_SCHEMA_OPEN:
        bfs_json_add_string(ret, "type", "object", status);
        break;
    }
}

int bfs_schema_publish(const struct bfs_schema *schema, const char *title, struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "$schema", "https://json-schema.org/draft/2020-12/schema", &status);
    bfs_json_add_string(root, "title", title, &status);
    if (status == 0)
        describe(root, schema, &status);
    if (status == 0)
        status = bfs_json_publish(root, ret);
    return status;
}

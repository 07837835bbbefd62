/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json_util.h>
#include <stdio.h>
#include <string.h>

/* Where in the document: a list from the value to the root, on the stack. */
struct place {
    const struct place *parent; /* NULL: the root */
    const char *name;           /* in an object; NULL: in an array */
    size_t index;
};

struct check {
    const char *what;
    struct bfs_error *error;
    struct bfs_formats formats;
    bfs_schema_report *report; /* NULL: the first fault ends the check */
    void *context;
    size_t n_faults;
    struct bfs_error found; /* the last fault; the first one goes to `error` */
    bool is_new;            /* it was not reported yet */
};

/* RFC 6901: "~" is "~0" and "/" is "~1". */
static void put_pointer(const struct place *place, struct bfs_buffer *ret)
{
    if (!place)
        return;
    put_pointer(place->parent, ret);
    bfs_buffer_put_u8(ret, '/');
    if (!place->name)
        bfs_buffer_printf(ret, "%zu", place->index);
    for (const char *at = place->name; at && *at; at++) {
        if (*at == '~' || *at == '/')
            bfs_buffer_put_text(ret, *at == '~' ? "~0" : "~1");
        else
            bfs_buffer_put_u8(ret, (uint8_t)*at);
    }
}

static int refuse(struct check *check, const struct place *place, const char *why)
{
    bfs_autobuffer struct bfs_buffer pointer = BFS_BUFFER_INIT;
    put_pointer(place, &pointer);
    bfs_buffer_put_u8(&pointer, 0);
    if (bfs_buffer_status(&pointer))
        return bfs_fail(check->error, -ENOMEM, "out of memory");
    const char *text = (const char *)pointer.bytes;
    check->is_new = true;
    check->found = (struct bfs_error){0};
    return bfs_fail(&check->found, -EBADMSG, "%.128s: %.256s %s", check->what,
                    *text ? text : "the document", why);
}

static int refuse_value(struct check *check, const struct place *place, struct json_object *value,
                        const char *expected)
{
    int r = refuse(check, place, "is not what it must be");
    if (r == -EBADMSG)
        bfs_fail_values(&check->found, expected,
                        json_object_is_type(value, json_type_string)
                            ? json_object_get_string(value)
                            : json_type_to_name(json_object_get_type(value)));
    return r;
}

static int check_value(struct check *check, const struct place *place,
                       const struct bfs_schema *schema, struct json_object *value);

/* Takes the outcome of one member: reports a new fault, and says whether the check ends with it. */
static bool ends(struct check *check, int r, int *ret)
{
    if (r == 0)
        return false;
    if (check->is_new && check->n_faults++ == 0 && check->error)
        *check->error = check->found;
    if (check->is_new && check->report)
        check->report(check->context, &check->found);
    check->is_new = false;
    *ret = r;
    return r != -EBADMSG || !check->report || check->n_faults >= BFS_SCHEMA_FAULTS_MAX;
}

static int check_object(struct check *check, const struct place *place,
                        const struct bfs_schema *schema, struct json_object *value)
{
    int r = 0;
    json_object_object_foreach(value, key, member)
    {
        const struct place inner = {.parent = place, .name = key};
        const struct bfs_schema_field *field = schema->fields;
        while (field->name && strcmp(field->name, key) != 0)
            field++;
        int found = field->name
                        ? check_value(check, &inner, field->schema, member)
                        : refuse(check, &inner, "is a member that the schema does not have");
        if (ends(check, found, &r))
            return r;
    }
    for (const struct bfs_schema_field *field = schema->fields; field->name; field++) {
        const struct place inner = {.parent = place, .name = field->name};
        if (field->required && !json_object_object_get_ex(value, field->name, NULL) &&
            ends(check, refuse(check, &inner, "is missing"), &r))
            return r;
    }
    return r;
}

static int check_array(struct check *check, const struct place *place,
                       const struct bfs_schema *schema, struct json_object *value)
{
    size_t n = json_object_array_length(value);
    int r = 0;
    if (n > schema->items_max)
        return refuse(check, place, "has too many elements");
    for (size_t i = 0; i < n; i++) {
        const struct place inner = {.parent = place, .index = i};
        if (ends(check,
                 check_value(check, &inner, schema->items, json_object_array_get_idx(value, i)),
                 &r))
            return r;
    }
    return r;
}

static int check_string(struct check *check, const struct place *place,
                        const struct bfs_schema *schema, struct json_object *value)
{
    /* The scan has refused NUL, so this is all of the string. */
    int r = bfs_format_match(&check->formats, schema->format, json_object_get_string(value));
    if (r == -EINVAL)
        return refuse_value(check, place, value, bfs_format_info(schema->format)->what);
    return r ? bfs_fail(check->error, r, "out of memory") : 0;
}

static int check_integer(struct check *check, const struct place *place,
                         const struct bfs_schema *schema, struct json_object *value)
{
    int64_t number = json_object_get_int64(value);
    if (number >= schema->min && number <= schema->max)
        return 0;
    char expected[64], found[32];
    (void)snprintf(expected, sizeof(expected), "%" PRId64 " to %" PRId64, schema->min, schema->max);
    (void)snprintf(found, sizeof(found), "%" PRId64, number);
    int r = refuse(check, place, "is out of range");
    if (r == -EBADMSG)
        bfs_fail_values(&check->found, expected, found);
    return r;
}

static int check_value(struct check *check, const struct place *place,
                       const struct bfs_schema *schema, struct json_object *value)
{
    static const struct {
        enum json_type type;
        const char *what;
    } types[] = {
        [BFS_SCHEMA_OBJECT] = {json_type_object, "an object"},
        [BFS_SCHEMA_ARRAY] = {json_type_array, "an array"},
        [BFS_SCHEMA_STRING] = {json_type_string, "a string"},
        [BFS_SCHEMA_INTEGER] = {json_type_int, "an integer"},
        [BFS_SCHEMA_BOOLEAN] = {json_type_boolean, "true or false"},
        [BFS_SCHEMA_OPEN] = {json_type_object, "an object"},
    };
    if (!json_object_is_type(value, types[schema->kind].type))
        return refuse_value(check, place, value, types[schema->kind].what);
    switch (schema->kind) {
    case BFS_SCHEMA_OBJECT:
        return check_object(check, place, schema, value);
    case BFS_SCHEMA_ARRAY:
        return check_array(check, place, schema, value);
    case BFS_SCHEMA_STRING:
        return check_string(check, place, schema, value);
    case BFS_SCHEMA_INTEGER:
        return check_integer(check, place, schema, value);
    case BFS_SCHEMA_BOOLEAN:
    case BFS_SCHEMA_OPEN:
        break;
    }
    return 0;
}

int bfs_schema_check_all(const struct bfs_schema *schema, struct json_object *value,
                         const char *what, bfs_schema_report *report, void *context,
                         struct bfs_error *error)
{
    struct check check = {.what = what, .error = error, .report = report, .context = context};
    int r = 0;
    (void)ends(&check, check_value(&check, NULL, schema, value), &r);
    bfs_formats_done(&check.formats);
    return r;
}

int bfs_schema_check(const struct bfs_schema *schema, struct json_object *value, const char *what,
                     struct bfs_error *error)
{
    return bfs_schema_check_all(schema, value, what, NULL, NULL, error);
}

/* SPDX-License-Identifier: Apache-2.0
 * Printing a tree. json-c's own printer goes on when memory runs out, and gives a text without the
 * bytes that found none; this one writes into a buffer, which remembers. */
#include "verify/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 2 };

struct writer {
    struct bfs_buffer *out;
    bool is_pretty;
};

void bfs_json_put_string(struct bfs_buffer *buffer, const char *text, size_t size)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *end = text + size;
    bfs_buffer_put_u8(buffer, '"');
    while (text < end) {
        const char *plain = text;
        while (text < end && (unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
            text++;
        bfs_buffer_put(buffer, plain, (size_t)(text - plain));
        if (text == end)
            break;
        const char *found = *text ? strchr(escaped, *text) : NULL;
        char code[8];
        if (found)
            (void)snprintf(code, sizeof(code), "\\%c", letters[found - escaped]);
        else
            (void)snprintf(code, sizeof(code), "\\u%04x", (unsigned)(unsigned char)*text);
        bfs_buffer_put_text(buffer, code);
        text++;
    }
    bfs_buffer_put_u8(buffer, '"');
}

static void put_line(const struct writer *writer, int depth)
{
    if (!writer->is_pretty)
        return;
    bfs_buffer_put_u8(writer->out, '\n');
    for (int i = 0; i < depth * INDENT; i++)
        bfs_buffer_put_u8(writer->out, ' ');
}

/* As json-c has it: a number that was read keeps its digits. One append, so all of it or nothing. */
static void put_scalar(const struct writer *writer, struct json_object *value)
{
    size_t size = 0;
    const char *text = json_object_to_json_string_length(value, JSON_C_TO_STRING_PLAIN, &size);
    if (!text || size == 0)
        writer->out->status = -ENOMEM;
    else
        bfs_buffer_put(writer->out, text, size);
}

static void put_value(const struct writer *writer, struct json_object *value, int depth);

static void put_object(const struct writer *writer, struct json_object *object, int depth)
{
    bool any = false;
    bfs_buffer_put_u8(writer->out, '{');
    json_object_object_foreach(object, name, value)
    {
        if (any)
            bfs_buffer_put_u8(writer->out, ',');
        any = true;
        put_line(writer, depth + 1);
        bfs_json_put_string(writer->out, name, strlen(name));
        bfs_buffer_put_text(writer->out, writer->is_pretty ? ": " : ":");
        put_value(writer, value, depth + 1);
    }
    put_line(writer, depth);
    bfs_buffer_put_u8(writer->out, '}');
}

static void put_array(const struct writer *writer, struct json_object *array, int depth)
{
    size_t n = json_object_array_length(array);
    bfs_buffer_put_u8(writer->out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            bfs_buffer_put_u8(writer->out, ',');
        put_line(writer, depth + 1);
        put_value(writer, json_object_array_get_idx(array, i), depth + 1);
    }
    put_line(writer, depth);
    bfs_buffer_put_u8(writer->out, ']');
}

static void put_value(const struct writer *writer, struct json_object *value, int depth)
{
    char digits[24];
    switch (json_object_get_type(value)) {
    case json_type_object:
        put_object(writer, value, depth);
        break;
    case json_type_array:
        put_array(writer, value, depth);
        break;
    case json_type_string:
        bfs_json_put_string(writer->out, json_object_get_string(value),
                            (size_t)json_object_get_string_len(value));
        break;
    case json_type_boolean:
        bfs_buffer_put_text(writer->out, json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_null:
        bfs_buffer_put_text(writer->out, "null");
        break;
    case json_type_int:
        (void)snprintf(digits, sizeof(digits), "%" PRId64, json_object_get_int64(value));
        bfs_buffer_put_text(writer->out, digits);
        break;
    case json_type_double:
        put_scalar(writer, value);
        break;
    }
}

static void write_form(struct json_object *object, bool is_pretty, struct bfs_buffer *ret)
{
    struct writer writer = {.out = ret, .is_pretty = is_pretty};
    if (!object) { /* no member of ours is null: it could not be built */
        ret->status = -ENOMEM;
        return;
    }
    put_value(&writer, object, 0);
    bfs_buffer_put_u8(ret, '\n');
}

void bfs_json_write(struct json_object *object, struct bfs_buffer *ret)
{
    write_form(object, true, ret);
}

void bfs_json_write_line(struct json_object *object, struct bfs_buffer *ret)
{
    write_form(object, false, ret);
}

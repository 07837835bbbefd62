/* SPDX-License-Identifier: Apache-2.0
 * An element of manifest.json's "views". */
#include "codec/store/view_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct bfs_json_field view_fields[] = {
    {"id", BFS_JSON_STRING, true},          {"key", BFS_JSON_OBJECT, true},
    {"container", BFS_JSON_STRING, true},   {"dtype", BFS_JSON_STRING, false},
    {"alignment", BFS_JSON_INTEGER, false}, {"opaque", BFS_JSON_BOOLEAN, true},
    {"lossless", BFS_JSON_BOOLEAN, false},  {"tool", BFS_JSON_OBJECT, false},
    {"errors", BFS_JSON_ARRAY, false},      {0},
};
static const struct bfs_json_field tool_fields[] = {
    {"name", BFS_JSON_STRING, true},
    {"version", BFS_JSON_STRING, true},
    {0},
};
static const struct bfs_json_field error_fields[] = {
    {"class", BFS_JSON_STRING, true},         {"tensors", BFS_JSON_INTEGER, true},
    {"max_abs", BFS_JSON_STRING, false},      {"mean_abs", BFS_JSON_STRING, false},
    {"relative_rms", BFS_JSON_STRING, false}, {0},
};

/* Copies a string member, if there; there is one way to say "none", and that is to leave it out. */
static int take_word(struct json_object *object, const char *what, const char *name, char *ret,
                     size_t size, struct bfs_error *error)
{
    const char *text = bfs_json_string(object, name);
    if (!text)
        return 0;
    if (!*text || strlen(text) >= size)
        return bfs_fail(error, -EBADMSG, "%s: \"%s\" is empty or longer than %zu bytes", what, name,
                        size - 1);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int read_tool(struct json_object *object, const char *what, struct bfs_view_config *ret,
                     struct bfs_error *error)
{
    struct json_object *tool = bfs_json_member(object, "tool");
    int r;
    if (!tool)
        return 0;
    if ((r = bfs_json_check(tool, tool_fields, false, what, error)) ||
        (r = take_word(tool, what, "name", ret->tool, sizeof(ret->tool), error)) ||
        (r = take_word(tool, what, "version", ret->tool_version, sizeof(ret->tool_version), error)))
        return r;
    return 0;
}

static int read_error(struct json_object *object, const char *what, struct bfs_view_error *ret,
                      struct bfs_error *error)
{
    int r;
    if ((r = bfs_json_check(object, error_fields, false, what, error)) ||
        (r = take_word(object, what, "class", ret->tensor_class, sizeof(ret->tensor_class),
                       error)) ||
        (r = take_word(object, what, "max_abs", ret->max_abs, sizeof(ret->max_abs), error)) ||
        (r = take_word(object, what, "mean_abs", ret->mean_abs, sizeof(ret->mean_abs), error)) ||
        (r = take_word(object, what, "relative_rms", ret->relative_rms, sizeof(ret->relative_rms),
                       error)))
        return r;
    ret->n_tensors = bfs_json_integer(object, "tensors");
    return 0;
}

static int read_errors(struct json_object *object, const char *what, struct bfs_view_config *ret,
                       struct bfs_error *error)
{
    struct json_object *array = bfs_json_member(object, "errors");
    size_t n = array ? json_object_array_length(array) : 0;
    if (array && (n == 0 || n > BFS_VIEW_CLASSES_MAX))
        return bfs_fail(error, -EBADMSG, "%s: \"errors\" has not 1 to %d elements", what,
                        BFS_VIEW_CLASSES_MAX);
    for (size_t i = 0; i < n; i++) {
        char place[64];
        (void)snprintf(place, sizeof(place), "%.32s: errors[%zu]", what, i);
        int r = read_error(json_object_array_get_idx(array, i), place, &ret->errors[i], error);
        if (r)
            return r;
    }
    ret->n_errors = (unsigned)n;
    return 0;
}

static int read_flags(struct json_object *object, const char *what, struct bfs_view_config *ret,
                      struct bfs_error *error)
{
    struct json_object *lossless = bfs_json_member(object, "lossless");
    uint64_t alignment = bfs_json_integer(object, "alignment");
    ret->is_opaque = json_object_get_boolean(bfs_json_member(object, "opaque"));
    ret->is_lossless = json_object_get_boolean(lossless);
    if ((lossless == NULL) != ret->is_opaque)
        return bfs_fail(error, -EBADMSG,
                        "%s: \"lossless\" must be there exactly when the view is not opaque", what);
    if (alignment > UINT32_MAX || (alignment == 0 && bfs_json_member(object, "alignment")))
        return bfs_fail(error, -EBADMSG, "%s: \"alignment\" is illegal", what);
    ret->alignment = (uint32_t)alignment;
    return 0;
}

int bfs_view_config_read(struct json_object *object, const char *what, struct bfs_view_config *ret,
                         struct bfs_error *error)
{
    struct bfs_view_config view = {0};
    char place[64];
    int r = bfs_json_check(object, view_fields, false, what, error);
    if (r)
        return r;
    (void)snprintf(place, sizeof(place), "%.48s: key", what);
    if ((r = bfs_hardware_key_read(bfs_json_member(object, "key"), place, &view.key, error)) ||
        (r = take_word(object, what, "id", view.id, sizeof(view.id), error)) ||
        (r = take_word(object, what, "container", view.container, sizeof(view.container), error)) ||
        (r = take_word(object, what, "dtype", view.dtype, sizeof(view.dtype), error)) ||
        (r = read_flags(object, what, &view, error)) ||
        (r = read_tool(object, what, &view, error)) ||
        (r = read_errors(object, what, &view, error)))
        return r;
    if (bfs_view_config_check(&view, error))
        return bfs_fail_context(error, -EBADMSG, "%s", what);
    *ret = view;
    return 0;
}

static void add_word(struct json_object *object, const char *name, const char *text, int *status)
{
    if (*text)
        bfs_json_add_string(object, name, text, status);
}

static struct json_object *errors_array(const struct bfs_view_config *view, int *status)
{
    struct json_object *array = bfs_json_new_array(status);
    for (unsigned i = 0; i < view->n_errors; i++) {
        const struct bfs_view_error *measured = &view->errors[i];
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_string(object, "class", measured->tensor_class, status);
        bfs_json_add_integer(object, "tensors", measured->n_tensors, status);
        add_word(object, "max_abs", measured->max_abs, status);
        add_word(object, "mean_abs", measured->mean_abs, status);
        add_word(object, "relative_rms", measured->relative_rms, status);
        bfs_json_append(array, object, status);
    }
    return array;
}

struct json_object *bfs_view_config_json(const struct bfs_view_config *view, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "id", view->id, status);
    bfs_json_add(object, "key", bfs_hardware_key_json(&view->key, status), status);
    bfs_json_add_string(object, "container", view->container, status);
    add_word(object, "dtype", view->dtype, status);
    if (view->alignment)
        bfs_json_add_integer(object, "alignment", view->alignment, status);
    bfs_json_add_boolean(object, "opaque", view->is_opaque, status);
    if (view->is_opaque)
        return object;
    bfs_json_add_boolean(object, "lossless", view->is_lossless, status);
    struct json_object *tool = bfs_json_new_object(status);
    bfs_json_add_string(tool, "name", view->tool, status);
    bfs_json_add_string(tool, "version", view->tool_version, status);
    bfs_json_add(object, "tool", tool, status);
    if (view->n_errors)
        bfs_json_add(object, "errors", errors_array(view, status), status);
    return object;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/bundle_config.h"

#include "verify/array.h"
#include "verify/json_value.h"
#include "verify/rfc3339.h"

#include <stdio.h>
#include <string.h>

#define SCHEMA_VERSION "1.0"

static const struct bfs_json_field root_fields[] = {
    {"schema_version", BFS_JSON_STRING, true}, {"descriptor", BFS_JSON_OBJECT, true},
    {"config", BFS_JSON_OBJECT, false},        {"index", BFS_JSON_OBJECT, true},
    {"trace", BFS_JSON_OBJECT, false},         {"content", BFS_JSON_OBJECT, true},
    {"views", BFS_JSON_ARRAY, false},          {"packer", BFS_JSON_OBJECT, true},
    {"annotations", BFS_JSON_OBJECT, false},   {0},
};
static const struct bfs_json_field descriptor_fields[] = {
    {"name", BFS_JSON_STRING, true},
    {"version", BFS_JSON_STRING, true},
    {"createdAt", BFS_JSON_STRING, true},
    {0},
};
static const struct bfs_json_field config_fields[] = {
    {"architecture", BFS_JSON_STRING, false}, {"format", BFS_JSON_STRING, false},
    {"paramSize", BFS_JSON_STRING, false},    {"precision", BFS_JSON_STRING, false},
    {"quantization", BFS_JSON_STRING, false}, {0},
};
static const struct bfs_json_field blob_fields[] = {
    {"digest", BFS_JSON_STRING, true},
    {"size", BFS_JSON_INTEGER, true},
    {0},
};
static const struct bfs_json_field content_fields[] = {
    {"files", BFS_JSON_INTEGER, true},    {"directories", BFS_JSON_INTEGER, true},
    {"symlinks", BFS_JSON_INTEGER, true}, {"tensors", BFS_JSON_INTEGER, true},
    {"size", BFS_JSON_INTEGER, true},     {0},
};
static const struct bfs_json_field packer_fields[] = {
    {"name", BFS_JSON_STRING, true},
    {"version", BFS_JSON_STRING, true},
    {"chunk_size", BFS_JSON_INTEGER, true},
    {0},
};

/* Copies a string, if there, into a field of `size` bytes. */
static int take_word(struct bfs_json_value text, const char *name, char *ret, size_t size,
                     struct bfs_error *error)
{
    if (bfs_json_value_text(text, ret, size))
        return bfs_fail(error, -EBADMSG, "manifest.json: \"%s\" is longer than %zu bytes", name,
                        size - 1);
    return 0;
}

static int take_descriptor(struct bfs_json_value object, struct bfs_bundle_config *ret,
                           struct bfs_error *error)
{
    enum { NAME, VERSION, CREATED, N };
    struct bfs_json_value values[N];
    int r = bfs_json_value_fields(object, descriptor_fields, false, "manifest.json: descriptor",
                                  values, error);
    if (r ||
        (r = take_word(values[NAME], "name", ret->reference.name, sizeof(ret->reference.name),
                       error)) ||
        (r = take_word(values[VERSION], "version", ret->reference.version,
                       sizeof(ret->reference.version), error)) ||
        (r = take_word(values[CREATED], "createdAt", ret->created, sizeof(ret->created), error)))
        return r;
    return 0;
}

static int take_known(struct bfs_json_value object, struct bfs_bundle_config *ret,
                      struct bfs_error *error)
{
    enum { ARCHITECTURE, FORMAT, PARAM_SIZE, PRECISION, QUANTIZATION, N };
    struct bfs_json_value values[N];
    int r;
    if (!object.text)
        return 0;
    if ((r = bfs_json_value_fields(object, config_fields, false, "manifest.json: config", values,
                                   error)) ||
        (r = take_word(values[ARCHITECTURE], "architecture", ret->architecture,
                       sizeof(ret->architecture), error)) ||
        (r = take_word(values[FORMAT], "format", ret->format, sizeof(ret->format), error)) ||
        (r = take_word(values[PARAM_SIZE], "paramSize", ret->param_size, sizeof(ret->param_size),
                       error)) ||
        (r = take_word(values[PRECISION], "precision", ret->precision, sizeof(ret->precision),
                       error)) ||
        (r = take_word(values[QUANTIZATION], "quantization", ret->quantization,
                       sizeof(ret->quantization), error)))
        return r;
    return 0;
}

static int take_blob(struct bfs_json_value object, const char *what, struct bfs_digest *ret_digest,
                     uint64_t *ret_size, struct bfs_error *error)
{
    enum { DIGEST, SIZE, N };
    struct bfs_json_value values[N];
    char digest[BFS_DIGEST_TEXT_SIZE];
    int r = bfs_json_value_fields(object, blob_fields, false, what, values, error);
    if (r)
        return r;
    if (bfs_json_value_text(values[DIGEST], digest, sizeof(digest)) ||
        bfs_digest_parse_text(digest, ret_digest))
        return bfs_fail(error, -EBADMSG, "%s: the digest is not understood", what);
    *ret_size = bfs_json_value_integer(values[SIZE]);
    return 0;
}

static int take_trace(struct bfs_json_value object, struct bfs_bundle_config *ret,
                      struct bfs_error *error)
{
    ret->has_trace = object.text != NULL;
    return ret->has_trace ? take_blob(object, "manifest.json: trace", &ret->trace_digest,
                                      &ret->trace_size, error)
                          : 0;
}

static int take_content(struct bfs_json_value object, struct bfs_bundle_config *ret,
                        struct bfs_error *error)
{
    enum { FILES, DIRECTORIES, SYMLINKS, TENSORS, SIZE, N };
    struct bfs_json_value values[N];
    int r = bfs_json_value_fields(object, content_fields, false, "manifest.json: content", values,
                                  error);
    if (r)
        return r;
    ret->n_files = bfs_json_value_integer(values[FILES]);
    ret->n_directories = bfs_json_value_integer(values[DIRECTORIES]);
    ret->n_symlinks = bfs_json_value_integer(values[SYMLINKS]);
    ret->n_tensors = bfs_json_value_integer(values[TENSORS]);
    ret->content_size = bfs_json_value_integer(values[SIZE]);
    return 0;
}

static int take_packer(struct bfs_json_value object, struct bfs_bundle_config *ret,
                       struct bfs_error *error)
{
    enum { NAME, VERSION, CHUNK_SIZE, N };
    struct bfs_json_value values[N];
    int r =
        bfs_json_value_fields(object, packer_fields, false, "manifest.json: packer", values, error);
    if (r)
        return r;
    ret->chunk_size = bfs_json_value_integer(values[CHUNK_SIZE]);
    return take_word(values[VERSION], "version", ret->packer_version, sizeof(ret->packer_version),
                     error);
}

static int take_views(struct bfs_json_value views, struct bfs_bundle_config *ret,
                      struct bfs_error *error)
{
    bfs_autojson struct json_object *array = NULL;
    if (!views.text)
        return 0;
    int r = bfs_json_parse(views.text, views.size, "manifest.json: views", &array, error);
    if (r)
        return r;
    size_t n = json_object_array_length(array);
    if (n == 0 || n > BFS_VIEWS_MAX)
        return bfs_fail(error, -EBADMSG, "manifest.json: \"views\" has not 1 to %d elements",
                        BFS_VIEWS_MAX);
    ret->views = calloc(n, sizeof(*ret->views));
    if (!ret->views)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        char what[64];
        (void)snprintf(what, sizeof(what), "manifest.json: views[%zu]", i);
        r = bfs_view_config_read(json_object_array_get_idx(array, i), what, &ret->views[i], error);
        if (r)
            return r;
        if (i > 0 && strcmp(ret->views[i - 1].id, ret->views[i].id) >= 0)
            return bfs_fail(error, -EBADMSG, "%s: the id is out of order or occurs twice", what);
        ret->n_views++;
    }
    return 0;
}

static int check_version(struct bfs_json_value version, struct bfs_error *error)
{
    char found[BFS_ERROR_VALUE_SIZE];
    if (bfs_json_value_is(version, SCHEMA_VERSION))
        return 0;
    (void)bfs_json_value_text(version, found, sizeof(found));
    (void)bfs_fail(error, -EPROTONOSUPPORT, "manifest.json: the schema version is not known");
    bfs_fail_values(error, SCHEMA_VERSION, found);
    return -EPROTONOSUPPORT;
}

int bfs_bundle_config_parse(const void *bytes, size_t size, struct bfs_bundle_config *ret,
                            struct bfs_error *error)
{
    enum { SCHEMA, DESCRIPTOR, CONFIG, INDEX, TRACE, CONTENT, VIEWS, PACKER, ANNOTATIONS, N };
    struct bfs_json_value root, values[N];
    bfs_autoconfig struct bfs_bundle_config config = {0};
    int r;
    if ((r = bfs_json_value_open(bytes, size, "manifest.json", &root, error)) ||
        (r = bfs_json_value_fields(root, root_fields, false, "manifest.json", values, error)) ||
        (r = check_version(values[SCHEMA], error)) ||
        (r = take_descriptor(values[DESCRIPTOR], &config, error)) ||
        (r = take_known(values[CONFIG], &config, error)) ||
        (r = take_blob(values[INDEX], "manifest.json: index", &config.index_digest,
                       &config.index_size, error)) ||
        (r = take_trace(values[TRACE], &config, error)) ||
        (r = take_content(values[CONTENT], &config, error)) ||
        (r = take_packer(values[PACKER], &config, error)) ||
        (r = take_views(values[VIEWS], &config, error)))
        return r;
    char text[BFS_REFERENCE_MAX + 1];
    struct bfs_reference again;
    if (bfs_reference_parse(bfs_reference_text(&config.reference, text), &again, NULL))
        return bfs_fail(error, -EBADMSG, "manifest.json: \"%.300s\" is not a legal name", text);
    *ret = config;
    config = (struct bfs_bundle_config){0}; /* transferred */
    return 0;
}

static void add_word(struct json_object *object, const char *name, const char *text, int *status)
{
    if (*text)
        bfs_json_add_string(object, name, text, status);
}

static struct json_object *descriptor_object(const struct bfs_bundle_config *config, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "name", config->reference.name, status);
    bfs_json_add_string(object, "version", config->reference.version, status);
    bfs_json_add_string(object, "createdAt", config->created, status);
    return object;
}

static struct json_object *config_object(const struct bfs_bundle_config *config, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    add_word(object, "architecture", config->architecture, status);
    add_word(object, "format", config->format, status);
    add_word(object, "paramSize", config->param_size, status);
    add_word(object, "precision", config->precision, status);
    add_word(object, "quantization", config->quantization, status);
    return object;
}

static struct json_object *blob_object(const struct bfs_digest *digest, uint64_t size, int *status)
{
    char text[BFS_DIGEST_TEXT_SIZE];
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "digest", bfs_digest_text(digest, text), status);
    bfs_json_add_integer(object, "size", size, status);
    return object;
}

static struct json_object *content_object(const struct bfs_bundle_config *config, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_integer(object, "files", config->n_files, status);
    bfs_json_add_integer(object, "directories", config->n_directories, status);
    bfs_json_add_integer(object, "symlinks", config->n_symlinks, status);
    bfs_json_add_integer(object, "tensors", config->n_tensors, status);
    bfs_json_add_integer(object, "size", config->content_size, status);
    return object;
}

static struct json_object *packer_object(const struct bfs_bundle_config *config, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "name", "bundlefs", status);
    bfs_json_add_string(object, "version", config->packer_version, status);
    bfs_json_add_integer(object, "chunk_size", config->chunk_size, status);
    return object;
}

static struct json_object *views_array(const struct bfs_bundle_config *config, int *status)
{
    struct json_object *array = bfs_json_new_array(status);
    for (uint32_t i = 0; i < config->n_views; i++)
        bfs_json_append(array, bfs_view_config_json(&config->views[i], status), status);
    return array;
}

int bfs_bundle_config_write(const struct bfs_bundle_config *config, struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", SCHEMA_VERSION, &status);
    bfs_json_add(root, "descriptor", descriptor_object(config, &status), &status);
    struct json_object *known = config_object(config, &status);
    if (known && json_object_object_length(known) > 0)
        bfs_json_add(root, "config", known, &status);
    else
        (void)json_object_put(known);
    bfs_json_add(root, "index", blob_object(&config->index_digest, config->index_size, &status),
                 &status);
    if (config->has_trace)
        bfs_json_add(root, "trace", blob_object(&config->trace_digest, config->trace_size, &status),
                     &status);
    bfs_json_add(root, "content", content_object(config, &status), &status);
    if (config->n_views)
        bfs_json_add(root, "views", views_array(config, &status), &status);
    bfs_json_add(root, "packer", packer_object(config, &status), &status);
    size_t before = ret->size;
    if (status == 0)
        status = bfs_json_publish(root, ret);
    if (status)
        return status;
    return ret->size - before > BFS_CONFIG_SIZE_MAX ? -E2BIG : 0;
}

int bfs_time_text(int64_t seconds, char ret[static BFS_TIME_TEXT_SIZE])
{
    return bfs_rfc3339_format(seconds, ret);
}

const struct bfs_view_config *bfs_bundle_config_view(const struct bfs_bundle_config *config,
                                                     const char *id)
{
    for (uint32_t i = 0; i < config->n_views; i++)
        if (strcmp(config->views[i].id, id) == 0)
            return &config->views[i];
    return NULL;
}

int bfs_bundle_config_add_view(struct bfs_bundle_config *config, const struct bfs_view_config *view,
                               struct bfs_error *error)
{
    int r = bfs_view_config_check(view, error);
    if (r)
        return r;
    if (bfs_bundle_config_view(config, view->id))
        return bfs_fail(error, -EEXIST, "the view \"%s\" is there already", view->id);
    if (config->n_views == BFS_VIEWS_MAX)
        return bfs_fail(error, -E2BIG, "more than %d views", BFS_VIEWS_MAX);
    if (bfs_array_grow(&config->views, config->n_views, sizeof(*config->views)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    uint32_t at = config->n_views++;
    for (; at > 0 && strcmp(config->views[at - 1].id, view->id) > 0; at--)
        config->views[at] = config->views[at - 1];
    config->views[at] = *view;
    return 0;
}

void bfs_bundle_config_done(struct bfs_bundle_config *config)
{
    free(config->views);
    *config = (struct bfs_bundle_config){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/oci.h"

#include <stdio.h>
#include <string.h>

static const struct bfs_json_field descriptor_fields[] = {
    {"mediaType", BFS_JSON_STRING, true},
    {"digest", BFS_JSON_STRING, true},
    {"size", BFS_JSON_INTEGER, true},
    {0},
};

static int too_long(const char *what, struct bfs_error *error)
{
    return bfs_fail(error, -EBADMSG, "%s: the media type is too long", what);
}

static int take_digest(const char *text, const char *what, struct bfs_digest *ret,
                       struct bfs_error *error)
{
    if (bfs_digest_parse_text(text, ret) == 0)
        return 0;
    (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: the digest is not understood", what);
    bfs_fail_values(error, "sha256:<64 digits>", text);
    return -EPROTONOSUPPORT;
}

enum { MEDIA_TYPE, DIGEST, SIZE, N_DESCRIPTOR }; /* as in descriptor_fields */

static int take_members(const struct bfs_json_value *values, const char *what,
                        struct bfs_descriptor *ret, struct bfs_error *error)
{
    struct bfs_descriptor descriptor = {.size = bfs_json_value_integer(values[SIZE])};
    char digest[BFS_ERROR_VALUE_SIZE];
    if (bfs_json_value_text(values[MEDIA_TYPE], descriptor.media_type,
                            sizeof(descriptor.media_type)))
        return too_long(what, error);
    /* One that does not fit is longer than a digest. */
    (void)bfs_json_value_text(values[DIGEST], digest, sizeof(digest));
    int r = take_digest(digest, what, &descriptor.digest, error);
    if (r == 0)
        *ret = descriptor;
    return r;
}

int bfs_descriptor_take(struct bfs_json_value object, const char *what, struct bfs_descriptor *ret,
                        struct bfs_error *error)
{
    struct bfs_json_value values[N_DESCRIPTOR];
    int r = bfs_json_value_fields(object, descriptor_fields, true, what, values, error);
    return r ? r : take_members(values, what, ret, error);
}

int bfs_descriptor_take_entry(struct bfs_json_value object, const char *what,
                              struct bfs_descriptor *ret, struct bfs_entry_members *ret_members,
                              struct bfs_error *error)
{
    enum { ARTIFACT_TYPE = N_DESCRIPTOR, ANNOTATIONS, N };
    static const struct bfs_json_field fields[] = {
        {"mediaType", BFS_JSON_STRING, true},    {"digest", BFS_JSON_STRING, true},
        {"size", BFS_JSON_INTEGER, true},        {"artifactType", BFS_JSON_STRING, false},
        {"annotations", BFS_JSON_OBJECT, false}, {0},
    };
    struct bfs_json_value values[N];
    int r = bfs_json_value_fields(object, fields, true, what, values, error);
    if (r == 0)
        r = take_members(values, what, ret, error);
    if (r == 0)
        *ret_members = (struct bfs_entry_members){.artifact_type = values[ARTIFACT_TYPE],
                                                  .annotations = values[ANNOTATIONS]};
    return r;
}

bool bfs_descriptor_equal(const struct bfs_descriptor *a, const struct bfs_descriptor *b)
{
    return a->size == b->size && bfs_digest_equal(&a->digest, &b->digest) &&
           strcmp(a->media_type, b->media_type) == 0;
}

struct json_object *bfs_descriptor_write(const struct bfs_descriptor *descriptor, int *status)
{
    char digest[BFS_DIGEST_TEXT_SIZE];
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "mediaType", descriptor->media_type, status);
    bfs_json_add_string(object, "digest", bfs_digest_text(&descriptor->digest, digest), status);
    bfs_json_add_integer(object, "size", descriptor->size, status);
    return object;
}

static int read_layers(struct bfs_json_value layers, struct bfs_oci_manifest *ret,
                       struct bfs_error *error)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value layer;
    size_t n = bfs_json_value_count(layers);
    if (n == 0 || n > BFS_OCI_LAYERS_MAX)
        return bfs_fail(error, n ? -E2BIG : -EBADMSG, "manifest: %zu layers", n);
    ret->layers = calloc(n, sizeof(*ret->layers));
    if (!ret->layers)
        return bfs_fail(error, -ENOMEM, "manifest: out of memory");
    for (size_t i = 0; i < n && bfs_json_value_next(layers, &elements, &layer); i++) {
        char what[64];
        (void)snprintf(what, sizeof(what), "manifest: layer %zu", i);
        int r = bfs_descriptor_take(layer, what, &ret->layers[i], error);
        if (r)
            return r;
        bool is_index = strcmp(ret->layers[i].media_type, BFS_MEDIA_INDEX) == 0;
        bool is_data = strcmp(ret->layers[i].media_type, BFS_MEDIA_DATA) == 0;
        bool is_trace = i == n - 1 && strcmp(ret->layers[i].media_type, BFS_MEDIA_TRACE) == 0;
        if (i == 0 ? !is_index : !is_data && !is_trace)
            return bfs_fail(error, -EBADMSG, "%s has media type %.80s", what,
                            ret->layers[i].media_type);
        ret->n_layers++;
    }
    return 0;
}

int bfs_oci_manifest_parse(const void *bytes, size_t size, struct bfs_oci_manifest *ret,
                           struct bfs_error *error)
{
    enum { SCHEMA, MEDIA, ARTIFACT, CONFIG, LAYERS, N };
    static const struct bfs_json_field fields[] = {
        {"schemaVersion", BFS_JSON_INTEGER, true}, {"mediaType", BFS_JSON_STRING, false},
        {"artifactType", BFS_JSON_STRING, false},  {"config", BFS_JSON_OBJECT, true},
        {"layers", BFS_JSON_ARRAY, true},          {0},
    };
    struct bfs_json_value root, values[N];
    int r = bfs_json_value_open(bytes, size, "manifest", &root, error);
    if (r == 0)
        r = bfs_json_value_fields(root, fields, true, "manifest", values, error);
    if (r)
        return r;
    if (!bfs_json_value_is(values[ARTIFACT], BFS_MEDIA_BUNDLE)) {
        char artifact_type[101];
        (void)bfs_json_value_text(values[ARTIFACT], artifact_type, sizeof(artifact_type));
        return bfs_fail(error, -EINVAL, "not a bundle but an OCI artifact of type %s",
                        values[ARTIFACT].text ? artifact_type : "(none)");
    }
    if (bfs_json_value_integer(values[SCHEMA]) != 2)
        return bfs_fail(error, -EPROTONOSUPPORT, "manifest: schemaVersion is not 2");
    bfs_automanifest struct bfs_oci_manifest manifest = {0};
    r = bfs_descriptor_take(values[CONFIG], "manifest: config", &manifest.config, error);
    if (r)
        return r;
    if (strcmp(manifest.config.media_type, BFS_MEDIA_CONFIG) != 0)
        return bfs_fail(error, -EPROTONOSUPPORT, "manifest: config has media type %.80s",
                        manifest.config.media_type);
    r = read_layers(values[LAYERS], &manifest, error);
    if (r)
        return r;
    *ret = manifest;
    manifest = (struct bfs_oci_manifest){0}; /* transferred */
    return 0;
}

int bfs_oci_manifest_write(const struct bfs_oci_manifest *manifest, const char *created,
                           struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_integer(root, "schemaVersion", 2, &status);
    bfs_json_add_string(root, "mediaType", BFS_MEDIA_OCI_MANIFEST, &status);
    bfs_json_add_string(root, "artifactType", BFS_MEDIA_BUNDLE, &status);
    bfs_json_add(root, "config", bfs_descriptor_write(&manifest->config, &status), &status);
    struct json_object *layers = bfs_json_new_array(&status);
    for (uint32_t i = 0; i < manifest->n_layers; i++)
        bfs_json_append(layers, bfs_descriptor_write(&manifest->layers[i], &status), &status);
    bfs_json_add(root, "layers", layers, &status);
    struct json_object *annotations = bfs_json_new_object(&status);
    bfs_json_add_string(annotations, BFS_OCI_CREATED, created, &status);
    bfs_json_add(root, "annotations", annotations, &status);
    if (status == 0)
        status = bfs_json_publish(root, ret);
    return status;
}

bool bfs_oci_manifest_is(const void *text, size_t size, const struct bfs_oci_manifest *manifest)
{
    bfs_automanifest struct bfs_oci_manifest read = {0};
    if (bfs_oci_manifest_parse(text, size, &read, NULL) || read.n_layers != manifest->n_layers ||
        !bfs_descriptor_equal(&read.config, &manifest->config))
        return false;
    for (uint32_t i = 0; i < read.n_layers; i++)
        if (!bfs_descriptor_equal(&read.layers[i], &manifest->layers[i]))
            return false;
    return true;
}

void bfs_oci_manifest_done(struct bfs_oci_manifest *manifest)
{
    free(manifest->layers);
    *manifest = (struct bfs_oci_manifest){0};
}

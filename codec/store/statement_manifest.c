/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/statement_manifest.h"

#include "codec/store/bundle_config.h"
#include "verify/json_value.h"

#include <string.h>

const struct bfs_descriptor bfs_oci_empty = {
    .media_type = BFS_MEDIA_OCI_EMPTY,
    /* of "{}"; the image specification gives it */
    .digest = {{0x44, 0x13, 0x6f, 0xa3, 0x55, 0xb3, 0x67, 0x8a, 0x11, 0x46, 0xad,
                0x16, 0xf7, 0xe8, 0x64, 0x9e, 0x94, 0xfb, 0x4f, 0xc2, 0x1f, 0xe7,
                0x7e, 0x83, 0x10, 0xc0, 0x60, 0xf6, 0x1c, 0xaa, 0xff, 0x8a}},
    .size = sizeof(BFS_OCI_EMPTY_TEXT) - 1,
};

static int read_subject(struct bfs_json_value subject, struct bfs_descriptor *ret,
                        struct bfs_error *error)
{
    int r = bfs_descriptor_take(subject, "statement manifest: subject", ret, error);
    if (r == 0 && strcmp(ret->media_type, BFS_MEDIA_OCI_MANIFEST) != 0)
        return bfs_fail(error, -EBADMSG, "statement manifest: the subject is a %.80s",
                        ret->media_type);
    return r;
}

static int read_envelope(struct bfs_json_value layers, struct bfs_descriptor *ret,
                         struct bfs_error *error)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value layer = {0};
    size_t n = bfs_json_value_count(layers);
    if (n != 1 || !bfs_json_value_next(layers, &elements, &layer))
        return bfs_fail(error, -EBADMSG, "statement manifest: %zu layers instead of one", n);
    int r = bfs_descriptor_take(layer, "statement manifest: layer", ret, error);
    if (r)
        return r;
    if (strcmp(ret->media_type, BFS_ENVELOPE_MEDIA) != 0)
        return bfs_fail(error, -EPROTONOSUPPORT, "statement manifest: the layer is a %.80s",
                        ret->media_type);
    if (ret->size > BFS_ENVELOPE_SIZE_MAX)
        return bfs_fail(error, -E2BIG, "statement manifest: an envelope of more than %d bytes",
                        BFS_ENVELOPE_SIZE_MAX);
    return 0;
}

int bfs_statement_manifest_parse(const void *bytes, size_t size, struct bfs_statement_manifest *ret,
                                 struct bfs_error *error)
{
    enum { SCHEMA, MEDIA, ARTIFACT, CONFIG, LAYERS, SUBJECT, N };
    static const struct bfs_json_field fields[] = {
        {"schemaVersion", BFS_JSON_INTEGER, true},
        {"mediaType", BFS_JSON_STRING, false},
        {"artifactType", BFS_JSON_STRING, false},
        {"config", BFS_JSON_OBJECT, true},
        {"layers", BFS_JSON_ARRAY, true},
        {"subject", BFS_JSON_OBJECT, true},
        {0},
    };
    static const char what[] = "statement manifest";
    struct bfs_statement_manifest manifest;
    struct bfs_json_value root, values[N];
    int r;
    if (size > BFS_STATEMENT_MANIFEST_MAX)
        return bfs_fail(error, -E2BIG, "%s: more than %d bytes", what, BFS_STATEMENT_MANIFEST_MAX);
    if ((r = bfs_json_value_open(bytes, size, what, &root, error)) ||
        (r = bfs_json_value_fields(root, fields, true, what, values, error)))
        return r;
    if (!bfs_json_value_is(values[ARTIFACT], BFS_MEDIA_STATEMENT)) {
        char type[101];
        (void)bfs_json_value_text(values[ARTIFACT], type, sizeof(type));
        return bfs_fail(error, -EINVAL, "not a statement but an OCI artifact of type %s",
                        values[ARTIFACT].text ? type : "(none)");
    }
    if (bfs_json_value_integer(values[SCHEMA]) != 2)
        return bfs_fail(error, -EPROTONOSUPPORT, "%s: schemaVersion is not 2", what);
    if ((r = read_subject(values[SUBJECT], &manifest.subject, error)) ||
        (r = read_envelope(values[LAYERS], &manifest.envelope, error)))
        return r;
    *ret = manifest;
    return 0;
}

bool bfs_statement_manifest_has_empty_config(const void *bytes, size_t size)
{
    struct bfs_json_value root;
    char digest[BFS_DIGEST_TEXT_SIZE];
    if (bfs_json_value_open(bytes, size, "statement manifest", &root, NULL))
        return false;
    struct bfs_json_value config = bfs_json_value_member(root, "config", BFS_JSON_OBJECT);
    return bfs_json_value_is(bfs_json_value_member(config, "digest", BFS_JSON_STRING),
                             bfs_digest_text(&bfs_oci_empty.digest, digest));
}

/* Does a reader take the text for this manifest? */
static bool says(const void *text, size_t size, const struct bfs_statement_manifest *manifest)
{
    struct bfs_statement_manifest read;
    return bfs_statement_manifest_parse(text, size, &read, NULL) == 0 &&
           bfs_descriptor_equal(&read.subject, &manifest->subject) &&
           bfs_descriptor_equal(&read.envelope, &manifest->envelope);
}

int bfs_statement_manifest_write(const struct bfs_statement_manifest *manifest,
                                 const struct bfs_statement *statement, struct bfs_buffer *ret)
{
    char created[BFS_TIME_TEXT_SIZE];
    int status = bfs_time_text(statement->when, created);
    if (status)
        return status;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    struct json_object *layers = bfs_json_new_array(&status);
    struct json_object *annotations = bfs_json_new_object(&status);
    bfs_json_add_integer(root, "schemaVersion", 2, &status);
    bfs_json_add_string(root, "mediaType", BFS_MEDIA_OCI_MANIFEST, &status);
    bfs_json_add_string(root, "artifactType", BFS_MEDIA_STATEMENT, &status);
    bfs_json_add(root, "config", bfs_descriptor_write(&bfs_oci_empty, &status), &status);
    bfs_json_append(layers, bfs_descriptor_write(&manifest->envelope, &status), &status);
    bfs_json_add(root, "layers", layers, &status);
    bfs_json_add(root, "subject", bfs_descriptor_write(&manifest->subject, &status), &status);
    bfs_json_add_string(annotations, BFS_OCI_CREATED, created, &status);
    bfs_json_add_string(annotations, BFS_STATEMENT_ANNOTATION_KIND,
                        bfs_statement_word(statement->kind), &status);
    if (statement->kind == BFS_STATEMENT_ALIAS)
        bfs_json_add_string(annotations, BFS_STATEMENT_ANNOTATION_ALIAS, statement->alias, &status);
    bfs_json_add(root, "annotations", annotations, &status);
    size_t before = ret->size;
    if (status == 0)
        status = bfs_json_publish(root, ret);
    if (status)
        return status;
    return says(ret->bytes + before, ret->size - before, manifest) ? 0 : -ENOMEM;
}

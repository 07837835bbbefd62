/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/provenance.h"

#include "codec/store/file.h"
#include "tools/message.h"

#include <stdio.h>
#include <string.h>

#define BUILD_TYPE "https://bundlefs/pack/v1"
#define BUILDER_ID "https://bundlefs/pack"

enum { CONTRACT_MAX = 1 << 20 }; /* bytes; a larger one names no base model here */

/* What the packer was asked to do, as one line of JSON. */
static int write_parameters(const struct bfs_bundle_config *config,
                            const struct bfs_pack_parameters *parameters, struct bfs_buffer *ret)
{
    int status = 0;
    char reference[BFS_REFERENCE_MAX + 1];
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "reference", bfs_reference_text(&config->reference, reference),
                        &status);
    bfs_json_add_integer(root, "chunk_size", config->chunk_size, &status);
    if (config->has_trace) {
        char digest[BFS_DIGEST_TEXT_SIZE];
        bfs_json_add_string(root, "trace", bfs_digest_text(&config->trace_digest, digest), &status);
    }
    if (config->n_views) {
        struct json_object *views = bfs_json_new_array(&status);
        for (uint32_t i = 0; i < config->n_views; i++)
            bfs_json_append(views, bfs_json_new_string(config->views[i].id, &status), &status);
        bfs_json_add(root, "views", views, &status);
    }
    if (parameters) {
        bfs_json_add_boolean(root, "dereference", parameters->dereference, &status);
        bfs_json_add_boolean(root, "no_dedup", parameters->no_dedup, &status);
    }
    if (status == 0)
        bfs_json_write_line(root, ret);
    bfs_buffer_put_u8(ret, 0);
    return status ? status : bfs_buffer_status(ret);
}

/* Each converter once, however many views it made. */
static int add_converters(struct bfs_provenance *provenance, const struct bfs_bundle_config *config,
                          struct bfs_error *error)
{
    for (uint32_t i = 0; i < config->n_views; i++) {
        const struct bfs_view_config *view = &config->views[i];
        bool known = view->is_opaque;
        for (uint32_t k = 0; !known && k < i; k++)
            known = !config->views[k].is_opaque && strcmp(config->views[k].tool, view->tool) == 0 &&
                    strcmp(config->views[k].tool_version, view->tool_version) == 0;
        if (known)
            continue;
        char uri[256];
        (void)snprintf(uri, sizeof(uri), "pkg:generic/%s@%s", view->tool, view->tool_version);
        int r = bfs_provenance_add(provenance, uri, "converter", NULL, error);
        if (r)
            return r;
    }
    return 0;
}

/* Reads contract.json, which is small. */
static int read_contract(struct bfs_bundle *bundle, struct json_object **ret,
                         struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    BFS_CLEANUP(bfs_chunk_reader_cleanup) struct bfs_chunk_reader *reader = NULL;
    const struct bfs_index *index = bfs_bundle_index(bundle);
    static const char name[] = "contract.json";
    uint32_t number;
    int r;
    *ret = NULL;
    if (bfs_index_follow(index, name, &number) || !S_ISREG(bfs_index_inode(index, number).mode) ||
        bfs_index_inode(index, number).size > CONTRACT_MAX)
        return 0;
    if ((r = bfs_file_open(bundle, number, &file, error)))
        return r;
    size_t size = (size_t)bfs_file_size(file);
    bfs_autofree uint8_t *text = malloc(size + 1);
    const struct bfs_chunk_table *table = bfs_file_table(file);
    if (!text || bfs_chunk_reader_new(&reader))
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (uint32_t i = 0; table && i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        if ((r = bfs_file_read_chunk(file, reader, i, text + chunk.raw_off, error)))
            return r;
    }
    /* Whether it is a good one is for "check" to say. */
    r = bfs_json_parse(text, size, name, ret, error);
    return r == -ENOMEM ? r : 0;
}

static struct json_object *member(struct json_object *object, const char *name, json_type type)
{
    struct json_object *found =
        json_object_is_type(object, json_type_object) ? bfs_json_member(object, name) : NULL;
    return json_object_is_type(found, type) ? found : NULL;
}

static int add_base(struct bfs_provenance *provenance, struct bfs_bundle *bundle,
                    struct bfs_error *error)
{
    bfs_autojson struct json_object *contract = NULL;
    int r = read_contract(bundle, &contract, error);
    if (r)
        return r;
    struct json_object *base =
        member(member(contract, "provenance", json_type_object), "base_model", json_type_object);
    struct json_object *name = member(base, "name", json_type_string);
    struct json_object *digest = member(base, "digest", json_type_string);
    struct bfs_digest parsed;
    if (!name)
        return 0;
    bool has_digest = digest && bfs_digest_parse_text(json_object_get_string(digest), &parsed) == 0;
    return bfs_provenance_add(provenance, json_object_get_string(name), "base model",
                              has_digest ? &parsed : NULL, error);
}

static int fill(struct bfs_bundle *bundle, const struct bfs_pack_parameters *parameters,
                struct bfs_statement *statement, struct bfs_error *error)
{
    const struct bfs_bundle_config *config = bfs_bundle_config(bundle);
    struct bfs_provenance *provenance = &statement->provenance;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int r = write_parameters(config, parameters, &text);
    if (r)
        return bfs_fail(error, r, "out of memory");
    r = bfs_provenance_new(BUILD_TYPE, (const char *)text.bytes, BUILDER_ID, config->packer_version,
                           statement->when, provenance, error);
    if (r)
        return r;
    provenance->has_started_on = parameters != NULL;
    provenance->started_on = parameters ? parameters->started_on : 0;
    r = add_base(provenance, bundle, error);
    return r ? r : add_converters(provenance, config, error);
}

int bfs_provenance_publish(struct bfs_signing *signing,
                           const struct bfs_pack_parameters *parameters)
{
    bfs_autostatement struct bfs_statement statement = {0};
    struct bfs_error error = {0};
    struct bfs_opened *opened = &signing->opened;
    int status = bfs_signing_new(signing, opened->entry, BFS_STATEMENT_PROVENANCE, &statement);
    if (status)
        return status;
    if (*statement.reason)
        return bfs_message_usage(signing->verb, "provenance has no --reason");
    if ((!opened->bundle && bfs_opened_open(opened, opened->entry, &opened->bundle, &error)) ||
        fill(opened->bundle, parameters, &statement, &error))
        return bfs_message_error(&error);
    return bfs_signing_publish(signing, &statement);
}

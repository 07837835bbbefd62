/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/catalog_change.h"

#include "codec/store/aliases.h"
#include "codec/store/files.h"
#include "codec/store/statement_name.h"

#include <string.h>

static int write_index(const struct bfs_store *store, struct json_object *root,
                       struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_json_write(root, &text);
    if (bfs_buffer_status(&text))
        return bfs_fail(error, -ENOMEM, "index.json: out of memory");
    return bfs_replace_file(bfs_store_tmp_path(store), bfs_store_path(store),
                            bfs_store_index_path(store), text.bytes, text.size, error);
}

int bfs_catalog_change(const struct bfs_store *store, bfs_catalog_edit edit, void *context,
                       struct bfs_error *error)
{
    bfs_autoclose int lock = -1;
    bfs_autofree uint8_t *text = NULL;
    bfs_autojson struct json_object *root = NULL;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    size_t size;
    int r;
    if ((r = bfs_store_lock(store, BFS_STORE_LOCK_CATALOG, true, BFS_CATALOG_TIMEOUT_MS, &lock,
                            error)) ||
        (r = bfs_read_file(bfs_store_index_path(store), BFS_CATALOG_SIZE_MAX, &text, &size,
                           error)) ||
        (r = bfs_catalog_parse(text, size, &catalog, error)) ||
        (r = bfs_json_parse(text, size, "index.json", &root, error)) ||
        (r = edit(context, catalog, bfs_json_member(root, "manifests"), error)))
        return r == BFS_CATALOG_UNCHANGED ? 0 : r;
    return write_index(store, root, error);
}

int bfs_catalog_append(struct json_object *manifests, const struct bfs_descriptor *manifest,
                       const char *artifact, const char *name, struct bfs_error *error)
{
    int status = 0;
    struct json_object *object = bfs_descriptor_write(manifest, &status);
    struct json_object *annotations = bfs_json_new_object(&status);
    bfs_json_add_string(object, "artifactType", artifact, &status);
    bfs_json_add_string(annotations, BFS_OCI_REF_NAME, name, &status);
    bfs_json_add(object, "annotations", annotations, &status);
    bfs_json_append(manifests, object, &status);
    return status ? bfs_fail(error, status, "index.json: out of memory") : 0;
}

struct publication {
    const struct bfs_store *store;
    const struct bfs_reference *reference;
    const struct bfs_descriptor *manifest;
};

static int edit_publish(void *context, const struct bfs_catalog *catalog,
                        struct json_object *manifests, struct bfs_error *error)
{
    const struct publication *publication = context;
    char text[BFS_REFERENCE_MAX + 1];
    int r = bfs_catalog_check_new(catalog, publication->reference, &publication->manifest->digest,
                                  error);
    if (r)
        return r;
    if (bfs_catalog_find(catalog, publication->reference))
        return BFS_CATALOG_UNCHANGED;
    r = bfs_aliases_check_new(publication->store, catalog, publication->reference, error);
    if (r)
        return r;
    return bfs_catalog_append(manifests, publication->manifest, BFS_MEDIA_BUNDLE,
                              bfs_reference_text(publication->reference, text), error);
}

int bfs_catalog_publish(const struct bfs_store *store, const struct bfs_reference *reference,
                        const struct bfs_descriptor *manifest, struct bfs_error *error)
{
    struct publication publication = {store, reference, manifest};
    return bfs_catalog_change(store, edit_publish, &publication, error);
}

/* NULL when the descriptor carries none. */
static const char *reference_of(struct json_object *descriptor)
{
    struct json_object *annotations = json_object_is_type(descriptor, json_type_object)
                                          ? bfs_json_member(descriptor, "annotations")
                                          : NULL;
    struct json_object *name = json_object_is_type(annotations, json_type_object)
                                   ? bfs_json_member(annotations, BFS_OCI_REF_NAME)
                                   : NULL;
    return json_object_is_type(name, json_type_string) ? json_object_get_string(name) : NULL;
}

struct removal {
    const char *text;                      /* NAME:VERSION */
    const struct bfs_reference *reference; /* NULL: it is the name of a statement */
};

/* Is it a statement that goes with the bundle `gone`? */
static bool goes_along(const char *name, const struct bfs_digest *gone)
{
    struct bfs_statement_name statement;
    return gone && bfs_statement_name_parse(name, &statement, NULL) == 0 &&
           bfs_digest_equal(&statement.subject, gone) && statement.kind != BFS_STATEMENT_ALIAS &&
           statement.kind != BFS_STATEMENT_REVOCATION;
}

/* The digest of the bundle, unless it stays in the store under another name. */
static const struct bfs_digest *last_of(const struct bfs_catalog *catalog,
                                        const struct bfs_reference *reference)
{
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, reference);
    for (size_t i = 0; entry && i < catalog->n_entries; i++)
        if (&catalog->entries[i] != entry &&
            bfs_digest_equal(&catalog->entries[i].manifest, &entry->manifest))
            return NULL;
    return entry ? &entry->manifest : NULL;
}

static int edit_remove(void *context, const struct bfs_catalog *catalog,
                       struct json_object *manifests, struct bfs_error *error)
{
    const struct removal *removal = context;
    const struct bfs_digest *gone =
        removal->reference ? last_of(catalog, removal->reference) : NULL;
    bool removed = false;
    for (size_t i = json_object_array_length(manifests); i-- > 0;) {
        const char *name = reference_of(json_object_array_get_idx(manifests, i));
        bool is_it = name && strcmp(name, removal->text) == 0;
        if (!is_it && !(name && goes_along(name, gone)))
            continue;
        (void)json_object_array_del_idx(manifests, i, 1);
        removed = removed || is_it;
    }
    return removed ? 0 : bfs_fail(error, -ENOENT, "%s is not in the store", removal->text);
}

static int remove_entries(const struct bfs_store *store, struct removal removal,
                          struct bfs_error *error)
{
    bfs_autoclose int content = -1;
    int r = bfs_store_lock(store, BFS_STORE_LOCK_CONTENT, false, BFS_CATALOG_TIMEOUT_MS, &content,
                           error);
    return r ? r : bfs_catalog_change(store, edit_remove, &removal, error);
}

int bfs_catalog_remove(const struct bfs_store *store, const struct bfs_reference *reference,
                       struct bfs_error *error)
{
    char text[BFS_REFERENCE_MAX + 1];
    return remove_entries(store, (struct removal){bfs_reference_text(reference, text), reference},
                          error);
}

int bfs_catalog_remove_statement(const struct bfs_store *store, const char *name,
                                 struct bfs_error *error)
{
    if (!bfs_statement_name_is(name))
        return bfs_fail(error, -EINVAL, "%.500s is no name of a statement", name);
    return remove_entries(store, (struct removal){.text = name}, error);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/catalog_change.h"

#include "codec/store/aliases.h"
#include "codec/store/files.h"
#include "codec/store/statement_name.h"

#include <string.h>

/* The text of index.json takes the place of the old one. */
static int replace_index(const struct bfs_store *store, const struct bfs_buffer *text,
                         struct bfs_error *error)
{
    /* A blob that another process has put in place just now may be named here. */
    int r = bfs_sync_folder(bfs_store_blobs_path(store));
    if (r)
        return bfs_fail(error, r, "%s: cannot sync: %s; index.json is as it was",
                        bfs_store_blobs_path(store), strerror(-r));
    return bfs_replace_file(bfs_store_tmp_path(store), bfs_store_path(store),
                            bfs_store_index_path(store), text->bytes, text->size, error);
}

int bfs_catalog_sync(const struct bfs_store *store, struct bfs_error *error)
{
    int r = bfs_sync_folder(bfs_store_blobs_path(store));
    if (r)
        return bfs_fail_unsynced(error, r, bfs_store_index_path(store),
                                 bfs_store_blobs_path(store));
    r = bfs_sync_folder(bfs_store_path(store));
    return r ? bfs_fail_unsynced(error, r, bfs_store_index_path(store), bfs_store_path(store)) : 0;
}

int bfs_catalog_change(const struct bfs_store *store, bfs_catalog_edit edit, void *context,
                       struct bfs_error *error)
{
    bfs_autoclose int lock = -1;
    bfs_autofree uint8_t *text = NULL;
    bfs_autoindexedit struct bfs_index_edit index = {0};
    bfs_autobuffer struct bfs_buffer changed = BFS_BUFFER_INIT;
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    size_t size;
    int r;
    if ((r = bfs_store_lock(store, BFS_STORE_LOCK_CATALOG, true, BFS_CATALOG_TIMEOUT_MS, &lock,
                            error)) ||
        (r = bfs_read_file(bfs_store_index_path(store), BFS_CATALOG_SIZE_MAX, &text, &size,
                           error)) ||
        (r = bfs_catalog_parse(text, size, &catalog, error)) ||
        (r = bfs_index_edit_begin(text, size, &index, error)) ||
        (r = edit(context, catalog, &index, error)) ||
        (r = bfs_index_edit_write(&index, &changed, error)))
        return r == BFS_CATALOG_UNCHANGED ? bfs_catalog_sync(store, error) : r;
    return replace_index(store, &changed, error);
}

/* Absent when the entry carries none. */
static struct bfs_json_value name_of(struct bfs_json_value entry)
{
    struct bfs_json_value annotations =
        bfs_json_value_member(entry, "annotations", BFS_JSON_OBJECT);
    return bfs_json_value_member(annotations, BFS_OCI_REF_NAME, BFS_JSON_STRING);
}

int bfs_catalog_reveal(const struct bfs_catalog_entry *hidden, struct bfs_index_edit *index,
                       struct bfs_error *error)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value entry;
    char text[BFS_REFERENCE_MAX + 1];
    int r = 0;
    (void)bfs_reference_text(&hidden->reference, text);
    for (size_t i = 0; r == 0 && bfs_json_value_next(index->manifests, &elements, &entry); i++) {
        struct bfs_json_value type = bfs_json_value_member(entry, "artifactType", BFS_JSON_STRING);
        if (bfs_json_value_is(type, BFS_MEDIA_HIDDEN) && bfs_json_value_is(name_of(entry), text))
            r = bfs_index_edit_retype(index, i, BFS_MEDIA_BUNDLE, error);
    }
    return r;
}

struct publication {
    const struct bfs_store *store;
    const struct bfs_reference *reference;
    const struct bfs_descriptor *manifest;
    bool is_hidden;
};

static int edit_publish(void *context, const struct bfs_catalog *catalog,
                        struct bfs_index_edit *index, struct bfs_error *error)
{
    const struct publication *publication = context;
    char text[BFS_REFERENCE_MAX + 1];
    int r = bfs_catalog_check_new(catalog, publication->reference, &publication->manifest->digest,
                                  error);
    if (r)
        return r;
    const struct bfs_catalog_entry *taken = bfs_catalog_find(catalog, publication->reference);
    if (taken && taken->is_hidden && !publication->is_hidden)
        return bfs_catalog_reveal(taken, index, error);
    if (taken)
        return BFS_CATALOG_UNCHANGED;
    r = bfs_aliases_check_new(publication->store, catalog, publication->reference, error);
    if (r)
        return r;
    return bfs_index_edit_append(index, publication->manifest,
                                 publication->is_hidden ? BFS_MEDIA_HIDDEN : BFS_MEDIA_BUNDLE,
                                 bfs_reference_text(publication->reference, text), error);
}

int bfs_catalog_publish(const struct bfs_store *store, const struct bfs_reference *reference,
                        const struct bfs_descriptor *manifest, struct bfs_error *error)
{
    struct publication publication = {store, reference, manifest, .is_hidden = false};
    return bfs_catalog_change(store, edit_publish, &publication, error);
}

int bfs_catalog_publish_hidden(const struct bfs_store *store, const struct bfs_reference *reference,
                               const struct bfs_descriptor *manifest, struct bfs_error *error)
{
    struct publication publication = {store, reference, manifest, .is_hidden = true};
    return bfs_catalog_change(store, edit_publish, &publication, error);
}

struct removal {
    const char *text;                      /* NAME:VERSION */
    const struct bfs_reference *reference; /* NULL: it is the name of a statement */
};

/* Is it a statement that goes with the bundle `gone`? */
static bool goes_along(struct bfs_json_value name, const struct bfs_digest *gone)
{
    char text[BFS_REFERENCE_MAX + 1]; /* names of statements fit */
    struct bfs_statement_name statement;
    return gone && name.text && bfs_json_value_text(name, text, sizeof(text)) == 0 &&
           bfs_statement_name_parse(text, &statement, NULL) == 0 &&
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
                       struct bfs_index_edit *index, struct bfs_error *error)
{
    const struct removal *removal = context;
    const struct bfs_digest *gone =
        removal->reference ? last_of(catalog, removal->reference) : NULL;
    struct bfs_json_elements elements = {0};
    struct bfs_json_value entry;
    bool removed = false;
    for (size_t i = 0; bfs_json_value_next(index->manifests, &elements, &entry); i++) {
        struct bfs_json_value name = name_of(entry);
        bool is_it = bfs_json_value_is(name, removal->text);
        index->dropped[i] = is_it || goes_along(name, gone);
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

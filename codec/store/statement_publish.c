/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/aliases.h"
#include "codec/store/catalog_change.h"
#include "codec/store/statement_manifest.h"
#include "codec/store/statement_name.h"
#include "codec/store/statements.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct publication {
    const struct bfs_store *store;
    const struct bfs_statement *statement;
    struct bfs_descriptor manifest; /* of the statement */
};

static int find_subject(const struct bfs_catalog *catalog, const struct bfs_statement *statement,
                        const struct bfs_catalog_entry **ret, struct bfs_error *error)
{
    const struct bfs_catalog_entry *entry = bfs_catalog_find(catalog, &statement->subject_name);
    char name[BFS_REFERENCE_MAX + 1], expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_reference_text(&statement->subject_name, name);
    if (!entry)
        return bfs_fail(error, -ENOENT, "%s is not in the store", name);
    if (!bfs_digest_equal(&entry->manifest, &statement->subject)) {
        (void)bfs_fail(error, -ENOENT, "%s is another bundle than the statement is about", name);
        bfs_fail_values(error, bfs_digest_text(&statement->subject, expected),
                        bfs_digest_text(&entry->manifest, found));
        return -ENOENT;
    }
    *ret = entry;
    return 0;
}

/* Beyond the limit readers believe nothing, so the last that may be there is the last that is
 * added. A revocation is wanted all the same: where nothing is believed, nothing is served. */
static int check_room(const struct bfs_catalog *catalog, const struct bfs_statement *statement,
                      struct bfs_error *error)
{
    const char *model = statement->subject_name.name;
    size_t n_about, n_moves;
    (void)bfs_catalog_statements(catalog, &statement->subject, &n_about);
    (void)bfs_catalog_aliases(catalog, model, &n_moves);
    if (statement->kind == BFS_STATEMENT_ALIAS && n_moves >= BFS_STATEMENTS_MAX)
        return bfs_fail(error, -E2BIG,
                        "the aliases of %.255s have been moved %zu times, which is as often as is "
                        "allowed",
                        model, n_moves);
    if (statement->kind != BFS_STATEMENT_REVOCATION && n_about >= BFS_STATEMENTS_MAX)
        return bfs_fail(error, -E2BIG,
                        "there are %zu statements about %.255s:%.128s, which is as many as are "
                        "allowed",
                        n_about, model, statement->subject_name.version);
    return 0;
}

/* May an alias point to the bundle? */
static int check_target(const struct publication *publication, const struct bfs_catalog *catalog,
                        struct bfs_error *error)
{
    const struct bfs_statement *statement = publication->statement;
    bfs_autostatements struct bfs_statements about = {0};
    char name[BFS_REFERENCE_MAX + 1];
    int r =
        bfs_statements_of_bundle(publication->store, catalog, &statement->subject, &about, error);
    return r ? r
             : bfs_statements_check_revoked(
                   &about, bfs_reference_text(&statement->subject_name, name), error);
}

/* Does the statement continue the chain as it is now? */
static int check_chain(const struct publication *publication, const struct bfs_catalog *catalog,
                       struct bfs_error *error)
{
    const struct bfs_statement *statement = publication->statement;
    const char *model = statement->subject_name.name;
    bfs_autostatements struct bfs_statements aliases = {0};
    bfs_autochains struct bfs_alias_chains chains = {0};
    int r = bfs_statements_of_aliases(publication->store, catalog, model, &aliases, error);
    if (r)
        return r;
    r = bfs_statements_chains(&aliases, &chains);
    if (r)
        return bfs_fail(error, r, "out of memory");
    const struct bfs_alias_link *head =
        bfs_alias_chains_head(&chains, statement->alias, NULL, NULL, NULL);
    uint64_t number = head ? head->statement->sequence : 0;
    if (statement->sequence == number + 1 &&
        (head ? statement->has_previous && bfs_digest_equal(&statement->previous, head->digest)
              : !statement->has_previous))
        return 0;
    char expected[32], found[32];
    (void)bfs_fail(error, -EBUSY,
                   "the alias %s of %.255s has been moved meanwhile; look at its history and try "
                   "again",
                   statement->alias, model);
    (void)snprintf(expected, sizeof(expected), "number %" PRIu64, number + 1);
    (void)snprintf(found, sizeof(found), "number %" PRIu64, statement->sequence);
    bfs_fail_values(error, expected, found);
    return -EBUSY;
}

static bool is_listed(const struct publication *publication, const struct bfs_catalog *catalog)
{
    size_t n;
    const struct bfs_catalog_statement *entries =
        bfs_catalog_statements(catalog, &publication->statement->subject, &n);
    for (size_t i = 0; i < n; i++)
        if (bfs_digest_equal(&entries[i].manifest, &publication->manifest.digest))
            return true;
    return false;
}

static int edit(void *context, const struct bfs_catalog *catalog, struct bfs_index_edit *index,
                struct bfs_error *error)
{
    const struct publication *publication = context;
    const struct bfs_statement *statement = publication->statement;
    const struct bfs_catalog_entry *entry;
    char name[BFS_REFERENCE_MAX + 1];
    int r = find_subject(catalog, statement, &entry, error);
    if (r)
        return r;
    if (is_listed(publication, catalog))
        return BFS_CATALOG_UNCHANGED;
    if ((r = check_room(catalog, statement, error)) ||
        (statement->kind == BFS_STATEMENT_ALIAS &&
         ((r = bfs_aliases_check_name(catalog, statement->subject_name.name, statement->alias,
                                      error)) ||
          (r = check_target(publication, catalog, error)) ||
          (r = check_chain(publication, catalog, error)))))
        return r;
    if (statement->kind == BFS_STATEMENT_ALIAS && entry->is_hidden &&
        (r = bfs_catalog_reveal(entry, index, error)))
        return r;
    (void)bfs_statement_name_text(statement->subject_name.name, &statement->subject,
                                  statement->kind, &publication->manifest.digest, name);
    return bfs_index_edit_append(index, &publication->manifest, BFS_MEDIA_STATEMENT, name, error);
}

/* Puts the blobs of the statement into the store and describes its manifest. */
static int put_blobs(const struct bfs_store *store, const struct bfs_statement *statement,
                     const void *envelope, size_t size, uint64_t subject_size,
                     struct bfs_descriptor *ret, struct bfs_error *error)
{
    struct bfs_statement_manifest manifest = {
        .subject = {.media_type = BFS_MEDIA_OCI_MANIFEST,
                    .digest = statement->subject,
                    .size = subject_size},
        .envelope = {.media_type = BFS_ENVELOPE_MEDIA, .size = size},
    };
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_digest empty;
    int r;
    if ((r = bfs_store_put_blob(store, BFS_OCI_EMPTY_TEXT, strlen(BFS_OCI_EMPTY_TEXT), &empty,
                                error)) ||
        (r = bfs_store_put_blob(store, envelope, size, &manifest.envelope.digest, error)))
        return r;
    r = bfs_statement_manifest_write(&manifest, statement, &text);
    if (r)
        return bfs_fail(error, r, "cannot write the statement's manifest");
    *ret = (struct bfs_descriptor){.media_type = BFS_MEDIA_OCI_MANIFEST, .size = text.size};
    return bfs_store_put_blob(store, text.bytes, text.size, &ret->digest, error);
}

int bfs_statement_publish(const struct bfs_store *store, const void *envelope, size_t size,
                          struct bfs_error *error)
{
    bfs_autoclose int content = -1;
    bfs_autoenvelope struct bfs_envelope parsed = {0};
    bfs_autostatement struct bfs_statement statement = {0};
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    struct publication publication = {.store = store, .statement = &statement};
    const struct bfs_catalog_entry *entry;
    int r;
    if ((r = bfs_envelope_parse(envelope, size, "statement", &parsed, error)) ||
        (r = bfs_statement_read(&parsed, "statement", &statement, error)) ||
        (r = bfs_store_lock(store, BFS_STORE_LOCK_CONTENT, false, BFS_CATALOG_TIMEOUT_MS, &content,
                            error)) ||
        (r = bfs_catalog_load(store, &catalog, error)) ||
        (r = find_subject(catalog, &statement, &entry, error)) ||
        (r = put_blobs(store, &statement, envelope, size, entry->manifest_size,
                       &publication.manifest, error)))
        return r;
    return bfs_catalog_change(store, edit, &publication, error);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/statements.h"

#include "codec/store/statement_manifest.h"
#include "codec/store/statement_name.h"
#include "verify/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct bfs_stored_statement *free_statement(struct bfs_stored_statement *statement)
{
    if (statement) {
        bfs_statement_done(&statement->statement);
        free(statement->envelope);
        free(statement);
    }
    return NULL;
}
BFS_DEFINE_CLEANUP(bfs_stored_statement, free_statement)

void bfs_statements_done(struct bfs_statements *statements)
{
    for (size_t i = 0; i < statements->n; i++) {
        free_statement(statements->items[i]);
    }
    free(statements->items);
    free(statements->refusals);
    *statements = (struct bfs_statements){0};
}

static int check_manifest(const struct bfs_statement_manifest *manifest,
                          const struct bfs_catalog_statement *entry, struct bfs_error *error)
{
    if (bfs_digest_equal(&manifest->subject.digest, &entry->subject))
        return 0;
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_fail(error, -EKEYREJECTED, "its manifest is about another bundle than its name");
    bfs_fail_values(error, bfs_digest_text(&entry->subject, expected),
                    bfs_digest_text(&manifest->subject.digest, found));
    return -EKEYREJECTED;
}

static int check_statement(const struct bfs_statement *statement,
                           const struct bfs_catalog_statement *entry, const char *what,
                           struct bfs_error *error)
{
    if (statement->kind != entry->kind)
        return bfs_fail(error, -EKEYREJECTED, "it is of another kind than its name says");
    if (statement->kind == BFS_STATEMENT_ALIAS &&
        strcmp(statement->subject_name.name, entry->model) != 0)
        return bfs_fail(error, -EKEYREJECTED, "it moves an alias of another model, %.255s",
                        statement->subject_name.name);
    return bfs_statement_check_subject(statement, &entry->subject, what, error);
}

static int read_envelope(struct bfs_stored_statement *stored,
                         const struct bfs_catalog_statement *entry, struct bfs_error *error)
{
    static const char what[] = "statement";
    bfs_autoenvelope struct bfs_envelope envelope = {0};
    int r;
    if ((r = bfs_envelope_parse(stored->envelope, stored->size, what, &envelope, error)) ||
        (r = bfs_statement_read(&envelope, what, &stored->statement, error)))
        return r;
    const char *key_id = envelope.signatures[0].key_id;
    if (strlen(key_id) < sizeof(stored->key_id))
        memcpy(stored->key_id, key_id, strlen(key_id) + 1);
    return check_statement(&stored->statement, entry, what, error);
}

static int read_manifest(const struct bfs_store *store, const struct bfs_catalog_statement *entry,
                         struct bfs_statement_manifest *ret, bool *ret_empty_config,
                         struct bfs_error *error)
{
    bfs_autofree uint8_t *text = NULL;
    int r;
    if ((r = bfs_store_read_blob(store, &entry->manifest, entry->manifest_size,
                                 BFS_STATEMENT_MANIFEST_MAX, &text, error)) ||
        (r = bfs_statement_manifest_parse(text, entry->manifest_size, ret, error)))
        return r;
    *ret_empty_config = bfs_statement_manifest_has_empty_config(text, entry->manifest_size);
    return check_manifest(ret, entry, error);
}

/* At most `room` bytes of envelope; else sets *ret_full. */
static int read_one(const struct bfs_store *store, const struct bfs_catalog_statement *entry,
                    uint64_t room, struct bfs_stored_statement *stored, bool *ret_full,
                    struct bfs_error *error)
{
    struct bfs_statement_manifest manifest;
    bool empty_config;
    *ret_full = false;
    int r = read_manifest(store, entry, &manifest, &empty_config, error);
    if (r)
        return r;
    if (manifest.envelope.size > room) {
        *ret_full = true;
        return -E2BIG;
    }
    r = bfs_store_read_blob(store, &manifest.envelope.digest, manifest.envelope.size,
                            BFS_ENVELOPE_SIZE_MAX, &stored->envelope, error);
    if (r)
        return r;
    stored->digest = manifest.envelope.digest;
    stored->size = (size_t)manifest.envelope.size;
    return read_envelope(stored, entry, error);
}

int bfs_statement_check(const struct bfs_store *store, const struct bfs_catalog_statement *entry,
                        struct bfs_error *error)
{
    BFS_CLEANUP(bfs_stored_statement_cleanup)
    struct bfs_stored_statement *stored = calloc(1, sizeof(*stored));
    struct bfs_statement_manifest manifest;
    bfs_autofree uint8_t *config = NULL;
    bool is_full, empty_config;
    if (!stored)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = read_one(store, entry, BFS_ENVELOPE_SIZE_MAX, stored, &is_full, error);
    if (r == 0)
        r = read_manifest(store, entry, &manifest, &empty_config, error);
    if (r || !empty_config)
        return r;
    /* No reader needs the config, but a registry refuses a manifest without it. */
    return bfs_store_read_blob(store, &bfs_oci_empty.digest, bfs_oci_empty.size, bfs_oci_empty.size,
                               &config, error);
}

/* Is it the statement that is wrong, and not the moment? */
static bool is_refusal(int code)
{
    switch (code) {
    case -EBADMSG:
    case -EINVAL:
    case -EKEYREJECTED:
    case -EPROTONOSUPPORT:
    case -E2BIG:
    case -ENOENT:
    case -ELOOP: /* a blob that is a link */
    case -ENXIO: /* or a socket */
        return true;
    default:
        return false;
    }
}

static int refuse(struct bfs_statements *statements, const struct bfs_catalog_statement *entry,
                  const struct bfs_error *error)
{
    if (bfs_array_grow(&statements->refusals, statements->n_refusals,
                       sizeof(*statements->refusals)))
        return -ENOMEM;
    struct bfs_statement_refusal *refusal = &statements->refusals[statements->n_refusals++];
    (void)bfs_statement_name_text(entry->model, &entry->subject, entry->kind, &entry->manifest,
                                  refusal->name);
    (void)bfs_error_text(error, refusal->reason);
    return 0;
}

static int add(struct bfs_statements *statements, const struct bfs_store *store,
               const struct bfs_catalog_statement *entry, uint64_t size_max,
               struct bfs_error *error)
{
    struct bfs_error reason = {0};
    bool is_full;
    if (bfs_array_grow(&statements->items, statements->n, sizeof(*statements->items)))
        return bfs_fail(error, -ENOMEM, "out of memory");
    BFS_CLEANUP(bfs_stored_statement_cleanup)
    struct bfs_stored_statement *stored = calloc(1, sizeof(*stored));
    if (!stored)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = read_one(store, entry, size_max - statements->size, stored, &is_full, &reason);
    if (is_full)
        return bfs_fail(error, -E2BIG, "%.255s: statements of more than %" PRIu64 " bytes",
                        entry->model, size_max);
    if (is_refusal(r))
        return refuse(statements, entry, &reason) ? bfs_fail(error, -ENOMEM, "out of memory") : 0;
    if (r) {
        if (error)
            *error = reason;
        return r;
    }
    statements->size += stored->size;
    statements->items[statements->n++] = bfs_steal(&stored);
    return 0;
}

int bfs_statements_add(struct bfs_statements *statements, const struct bfs_store *store,
                       const struct bfs_catalog_statement *entry, struct bfs_error *error)
{
    if (statements->n + statements->n_refusals >= BFS_STATEMENTS_MAX)
        return bfs_fail(error, -E2BIG, "%.255s: more than %d statements", entry->model,
                        BFS_STATEMENTS_MAX);
    return add(statements, store, entry, BFS_STATEMENTS_SIZE_MAX, error);
}

static int by_time(const void *a, const void *b)
{
    const struct bfs_stored_statement *left = *(const struct bfs_stored_statement *const *)a;
    const struct bfs_stored_statement *right = *(const struct bfs_stored_statement *const *)b;
    if (left->statement.when != right->statement.when)
        return left->statement.when < right->statement.when ? -1 : 1;
    if (left->statement.kind != right->statement.kind)
        return left->statement.kind < right->statement.kind ? -1 : 1;
    if (left->statement.sequence != right->statement.sequence)
        return left->statement.sequence < right->statement.sequence ? -1 : 1;
    return bfs_digest_compare(&left->digest, &right->digest);
}

/* One envelope that several manifests name is one statement. */
static void drop_repeated(struct bfs_statements *statements)
{
    size_t kept = 0;
    for (size_t i = 0; i < statements->n; i++) {
        struct bfs_stored_statement *stored = statements->items[i];
        if (kept > 0 && bfs_digest_equal(&statements->items[kept - 1]->digest, &stored->digest))
            free_statement(stored);
        else
            statements->items[kept++] = stored;
    }
    statements->n = kept;
}

void bfs_statements_finish(struct bfs_statements *statements)
{
    if (statements->n)
        qsort(statements->items, statements->n, sizeof(*statements->items), by_time);
    drop_repeated(statements);
}

/* Takes a finished set over, or releases one that failed. */
static int give(int r, struct bfs_statements *set, struct bfs_statements *ret)
{
    if (r) {
        bfs_statements_done(set);
        return r;
    }
    bfs_statements_finish(set);
    *ret = *set;
    return 0;
}

int bfs_statements_of_bundle(const struct bfs_store *store, const struct bfs_catalog *catalog,
                             const struct bfs_digest *bundle, struct bfs_statements *ret,
                             struct bfs_error *error)
{
    struct bfs_statements set = {0};
    size_t n;
    const struct bfs_catalog_statement *entries = bfs_catalog_statements(catalog, bundle, &n);
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = bfs_statements_add(&set, store, &entries[i], error);
    return give(r, &set, ret);
}

int bfs_statements_of_aliases(const struct bfs_store *store, const struct bfs_catalog *catalog,
                              const char *model, struct bfs_statements *ret,
                              struct bfs_error *error)
{
    struct bfs_statements set = {0};
    size_t n;
    const struct bfs_catalog_statement *const *entries = bfs_catalog_aliases(catalog, model, &n);
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = bfs_statements_add(&set, store, entries[i], error);
    return give(r, &set, ret);
}

static bool is_of_model(const struct bfs_catalog *catalog,
                        const struct bfs_catalog_statement *statement, const char *model)
{
    if (strcmp(statement->model, model) == 0)
        return true;
    if (statement->kind == BFS_STATEMENT_ALIAS)
        return false;
    size_t n;
    for (const struct bfs_catalog_entry *entry = bfs_catalog_model(catalog, model, &n); n > 0;
         entry++, n--)
        if (bfs_digest_equal(&entry->manifest, &statement->subject))
            return true;
    return false;
}

int bfs_statements_of_model(const struct bfs_store *store, const struct bfs_catalog *catalog,
                            const char *model, struct bfs_statements *ret, struct bfs_error *error)
{
    struct bfs_statements set = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < catalog->n_statements; i++)
        if (is_of_model(catalog, &catalog->statements[i], model))
            r = add(&set, store, &catalog->statements[i], BFS_STATEMENTS_OF_MODEL_SIZE_MAX, error);
    return give(r, &set, ret);
}

int bfs_statements_chains(const struct bfs_statements *statements, struct bfs_alias_chains *ret)
{
    struct bfs_alias_chains chains = {0};
    for (size_t i = 0; i < statements->n; i++) {
        int r = bfs_alias_chains_add(&chains, &statements->items[i]->statement,
                                     &statements->items[i]->digest);
        if (r) {
            bfs_alias_chains_done(&chains);
            return r;
        }
    }
    bfs_alias_chains_finish(&chains);
    *ret = chains;
    return 0;
}

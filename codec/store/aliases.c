/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/aliases.h"

#include "codec/store/statement_name.h"
#include "verify/array.h"

#include <stdio.h>
#include <string.h>

void bfs_aliases_done(struct bfs_aliases *aliases)
{
    free(aliases->items);
    bfs_alias_chains_done(&aliases->chains);
    bfs_statements_done(&aliases->statements);
    *aliases = (struct bfs_aliases){0};
}

const struct bfs_catalog_entry *bfs_alias_target(const struct bfs_catalog *catalog,
                                                 const struct bfs_statement *statement)
{
    const struct bfs_catalog_entry *named = bfs_catalog_find(catalog, &statement->subject_name);
    if (named && bfs_digest_equal(&named->manifest, &statement->subject))
        return named;
    size_t n;
    const struct bfs_catalog_entry *entry =
        bfs_catalog_model(catalog, statement->subject_name.name, &n);
    for (; n > 0; entry++, n--)
        if (bfs_digest_equal(&entry->manifest, &statement->subject))
            return entry;
    return NULL;
}

static int resolve(const struct bfs_catalog *catalog, bfs_alias_believes believes, void *context,
                   struct bfs_aliases *aliases)
{
    size_t at = 0;
    for (const char *name; (name = bfs_alias_chains_next(&aliases->chains, &at));) {
        struct bfs_alias alias = {.name = name};
        alias.link =
            bfs_alias_chains_head(&aliases->chains, name, believes, context, &alias.is_forked);
        if (!alias.link)
            continue;
        alias.target = bfs_alias_target(catalog, alias.link->statement);
        int r = bfs_array_grow(&aliases->items, aliases->n, sizeof(*aliases->items));
        if (r)
            return r;
        aliases->items[aliases->n++] = alias;
    }
    return 0;
}

int bfs_aliases_load(const struct bfs_store *store, const struct bfs_catalog *catalog,
                     const char *model, bfs_alias_believes believes, void *context,
                     struct bfs_aliases *ret, struct bfs_error *error)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    int r = bfs_statements_of_aliases(store, catalog, model, &aliases.statements, error);
    if (r)
        return r;
    if ((r = bfs_statements_chains(&aliases.statements, &aliases.chains)) ||
        (r = resolve(catalog, believes, context, &aliases)))
        return bfs_fail(error, r, "out of memory");
    *ret = aliases;
    aliases = (struct bfs_aliases){0}; /* transferred */
    return 0;
}

const struct bfs_alias *bfs_aliases_find(const struct bfs_aliases *aliases, const char *name)
{
    for (size_t i = 0; i < aliases->n; i++)
        if (strcmp(aliases->items[i].name, name) == 0)
            return &aliases->items[i];
    return NULL;
}

const struct bfs_stored_statement *bfs_statements_newest(const struct bfs_statements *statements,
                                                         enum bfs_statement_kind kind)
{
    for (size_t i = statements->n; i-- > 0;)
        if (statements->items[i]->statement.kind == kind)
            return statements->items[i];
    return NULL;
}

const struct bfs_stored_statement *
bfs_statements_deprecation(const struct bfs_statements *statements)
{
    const struct bfs_stored_statement *newest = NULL;
    for (size_t i = 0; i < statements->n; i++) {
        const struct bfs_statement *said = &statements->items[i]->statement;
        if (said->kind == BFS_STATEMENT_DEPRECATION &&
            (!newest || bfs_deprecation_supersedes(said, &newest->statement)))
            newest = statements->items[i];
    }
    return newest && !newest->statement.is_withdrawn ? newest : NULL;
}

int bfs_statements_check_revoked(const struct bfs_statements *about, const char *name,
                                 struct bfs_error *error)
{
    struct bfs_statement_name stated;
    if (bfs_statements_newest(about, BFS_STATEMENT_REVOCATION))
        return bfs_fail(error, -EKEYREJECTED, "%s is revoked; \"bundlefs history\" tells why",
                        name);
    for (size_t i = 0; i < about->n_refusals; i++)
        if (bfs_statement_name_parse(about->refusals[i].name, &stated, NULL) == 0 &&
            stated.kind == BFS_STATEMENT_REVOCATION)
            return bfs_fail(error, -EKEYREJECTED,
                            "%s may be revoked: a revocation cannot be read: %.300s", name,
                            about->refusals[i].reason);
    return 0;
}

static int find_alias(const struct bfs_store *store, const struct bfs_catalog *catalog,
                      const char *model, const char *alias, bool *ret, struct bfs_error *error)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    size_t n;
    *ret = false;
    if (!bfs_catalog_aliases(catalog, model, &n))
        return 0;
    int r = bfs_aliases_load(store, catalog, model, NULL, NULL, &aliases, error);
    if (r == 0)
        *ret = bfs_aliases_find(&aliases, alias) != NULL;
    return r;
}

/* Is the model's directory, or one that it is in, where an alias of an outer model is? */
static int check_outer(const struct bfs_store *store, const struct bfs_catalog *catalog,
                       const struct bfs_reference *reference, struct bfs_error *error)
{
    const char *name = reference->name;
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        char outer[BFS_NAME_MAX + 1], alias[BFS_NAME_MAX + 1];
        bool found;
        (void)snprintf(outer, sizeof(outer), "%.*s", (int)(slash - name), name);
        (void)snprintf(alias, sizeof(alias), "%.*s", (int)strcspn(slash + 1, "/"), slash + 1);
        int r = find_alias(store, catalog, outer, alias, &found, error);
        if (r)
            return r;
        if (found)
            return bfs_fail(error, -EEXIST,
                            "%s: %.255s has an alias %.128s, which the model would hide; choose "
                            "another name",
                            name, outer, alias);
    }
    return 0;
}

int bfs_aliases_check_new(const struct bfs_store *store, const struct bfs_catalog *catalog,
                          const struct bfs_reference *reference, struct bfs_error *error)
{
    bool found;
    int r = find_alias(store, catalog, reference->name, reference->version, &found, error);
    if (r)
        return r;
    if (found)
        return bfs_fail(error, -EEXIST,
                        "%s is an alias of %s, which a version of that name would hide; choose "
                        "another version",
                        reference->version, reference->name);
    return check_outer(store, catalog, reference, error);
}

int bfs_aliases_check_name(const struct bfs_catalog *catalog, const char *model, const char *alias,
                           struct bfs_error *error)
{
    char inside[BFS_REFERENCE_MAX + 2];
    size_t length = (size_t)snprintf(inside, sizeof(inside), "%.255s/%.128s", model, alias);
    for (size_t i = 0; i < catalog->n_entries; i++) {
        const struct bfs_reference *other = &catalog->entries[i].reference;
        if (strcmp(other->name, model) == 0 && strcmp(other->version, alias) == 0)
            return bfs_fail(error, -EEXIST,
                            "%s is a version of %.255s; choose another name for the alias", alias,
                            model);
        if (strncmp(other->name, inside, length) == 0 &&
            (other->name[length] == '/' || other->name[length] == '\0'))
            return bfs_fail(
                error, -EEXIST,
                "the model %s would hide an alias %s of %.255s; choose another name for "
                "the alias",
                other->name, alias, model);
    }
    return 0;
}

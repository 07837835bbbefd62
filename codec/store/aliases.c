/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/aliases.h"

#include "verify/array.h"

#include <string.h>

void bfs_aliases_done(struct bfs_aliases *aliases)
{
    free(aliases->items);
    bfs_alias_chains_done(&aliases->chains);
    bfs_statements_done(&aliases->statements);
    *aliases = (struct bfs_aliases){0};
}

/* The version that a statement names, if it still is that bundle, or else another of the model that
 * is. */
static const struct bfs_catalog_entry *target_of(const struct bfs_catalog *catalog,
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
        alias.target = target_of(catalog, alias.link->statement);
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

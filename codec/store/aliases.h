/* SPDX-License-Identifier: Apache-2.0
 * Where the aliases of one model point, by the statements of the store.
 *
 * THREAD SAFETY: immutable once loaded; share it freely. */
#ifndef BFS_CODEC_ALIASES_H
#define BFS_CODEC_ALIASES_H

#include "codec/store/statements.h"

struct bfs_alias {
    const char *name;                       /* borrowed from the statements */
    const struct bfs_alias_link *link;      /* the statement that counts */
    const struct bfs_catalog_entry *target; /* borrowed from the catalogue; NULL: the bundle is not
                                               in the store under the model's name */
    bool is_forked;                         /* another statement might have counted as well */
};

struct bfs_aliases {
    struct bfs_statements statements;
    struct bfs_alias_chains chains;
    struct bfs_alias *items; /* owned; by name */
    size_t n;
};

/* `believes` as for bfs_alias_chains_head(); an alias without a statement that counts is left out.
 * `catalog` must outlive them. Errors: those of bfs_statements_add(). */
int bfs_aliases_load(const struct bfs_store *store, const struct bfs_catalog *catalog,
                     const char *model, bfs_alias_believes believes, void *context,
                     struct bfs_aliases *ret, struct bfs_error *error);
void bfs_aliases_done(struct bfs_aliases *aliases);
#define bfs_autoaliases BFS_CLEANUP(bfs_aliases_done)

/* NULL: no such alias. */
const struct bfs_alias *bfs_aliases_find(const struct bfs_aliases *aliases, const char *name);

/* The newest statement of a kind; NULL: none. */
const struct bfs_stored_statement *bfs_statements_newest(const struct bfs_statements *statements,
                                                         enum bfs_statement_kind kind);

#endif

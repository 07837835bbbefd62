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

/* The bundle of the model that a move points to: the version that it names, if that is still the
 * same bundle, or else another version that is. NULL: it is not in the store. */
const struct bfs_catalog_entry *bfs_alias_target(const struct bfs_catalog *catalog,
                                                 const struct bfs_statement *statement);

/* NULL: no such alias. */
const struct bfs_alias *bfs_aliases_find(const struct bfs_aliases *aliases, const char *name);

/* Could a bundle be added as `reference`? -EEXIST when its version has the name of an alias of the
 * model, or its model lies where an outer model has an alias, for the alias would be hidden. Other
 * errors: those of bfs_statements_add(). */
int bfs_aliases_check_new(const struct bfs_store *store, const struct bfs_catalog *catalog,
                          const struct bfs_reference *reference, struct bfs_error *error);
/* Could the model have an alias of that name? -EEXIST when a version of it or a deeper model has
 * it. */
int bfs_aliases_check_name(const struct bfs_catalog *catalog, const char *model, const char *alias,
                           struct bfs_error *error);

/* The deprecation that counts; NULL: none, or it has been withdrawn. */
const struct bfs_stored_statement *
bfs_statements_deprecation(const struct bfs_statements *statements);
/* The newest statement of a kind; NULL: none. */
const struct bfs_stored_statement *bfs_statements_newest(const struct bfs_statements *statements,
                                                         enum bfs_statement_kind kind);
/* 0, or -EKEYREJECTED: one of the statements about the bundle `name` revokes it, or, as its name
 * has it, may do so and cannot be read. Nobody's signature is looked at. */
int bfs_statements_check_revoked(const struct bfs_statements *about, const char *name,
                                 struct bfs_error *error);

#endif

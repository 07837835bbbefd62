/* SPDX-License-Identifier: Apache-2.0
 * What most verbs begin with: a store, its catalogue, and the bundle that an argument names.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_OPENED_H
#define BFS_TOOLS_OPENED_H

#include "codec/store/bundle.h"
#include "codec/store/catalog.h"

struct bfs_opened {
    struct bfs_store *store;
    struct bfs_catalog *catalog;
    const struct bfs_catalog_entry *entry; /* in the catalogue; NULL: no bundle was named */
    struct bfs_bundle *bundle;             /* NULL as well */
};

/* Each says what is wrong and returns an exit status; *ret is to be released in any case. */

/* Store and catalogue. */
int bfs_opened_store(const char *path, struct bfs_opened *ret);
/* The entry of `reference` too; `verb` for the message about a reference that is none. */
int bfs_opened_entry(const char *verb, const char *path, const char *reference,
                     struct bfs_opened *ret);
/* And the bundle. */
int bfs_opened_bundle(const char *verb, const char *path, const char *reference,
                      struct bfs_opened *ret);
/* Opens the bundle of an entry. */
int bfs_opened_open(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                    struct bfs_bundle **ret, struct bfs_error *error);

void bfs_opened_done(struct bfs_opened *opened);
#define bfs_autoopened BFS_CLEANUP(bfs_opened_done)

/* Checks a reference before anything is opened. */
int bfs_parse_reference(const char *verb, const char *text, struct bfs_reference *ret);

#endif

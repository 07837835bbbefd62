/* SPDX-License-Identifier: Apache-2.0
 * The part of a catalogue that lists statements; for catalog.c.
 *
 * THREAD SAFETY: belongs to the thread that builds the catalogue. */
#ifndef BFS_CODEC_CATALOG_STATEMENTS_H
#define BFS_CODEC_CATALOG_STATEMENTS_H

#include "codec/store/catalog.h"

/* Appends a statement. Errors: -EINVAL and -EPROTONOSUPPORT (to be refused by
 * itself), -ENOMEM. */
int bfs_catalog_statement_add(struct bfs_catalog *catalog, const char *name,
                              const struct bfs_descriptor *manifest, struct bfs_error *error);
/* Sorts them all, drops repetitions and finds those of aliases. Errors: -ENOMEM. */
int bfs_catalog_statements_finish(struct bfs_catalog *catalog);
void bfs_catalog_statements_done(struct bfs_catalog *catalog);

#endif

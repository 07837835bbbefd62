/* SPDX-License-Identifier: Apache-2.0
 * What statements say of one bundle, in short: aliases that point to it, deprecated, revoked.
 * Nobody's signature is looked at.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_STANDING_H
#define BFS_TOOLS_STANDING_H

#include "codec/store/aliases.h"
#include "tools/opened.h"
#include "verify/json.h"

struct bfs_standing {
    char *aliases; /* owned; joined by commas, "" for none */
    bool is_deprecated;
    bool is_revoked;
    bool is_hidden;
};

/* Errors: those of bfs_statements_add(). */
int bfs_standing_find(const struct bfs_opened *opened, const struct bfs_catalog_entry *entry,
                      struct bfs_standing *ret, struct bfs_error *error);
void bfs_standing_done(struct bfs_standing *standing);
#define bfs_autostanding BFS_CLEANUP(bfs_standing_done)

/* "production,revoked"; "-" when there is nothing to say; malloc'ed, NULL: no memory. */
char *bfs_standing_text(const struct bfs_standing *standing);
/* aliases, deprecated, revoked, hidden. */
void bfs_standing_json(const struct bfs_standing *standing, struct json_object *object,
                       int *status);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Changing index.json: one at a time, in one step, keeping what is not ours.
 *
 * THREAD SAFETY: any thread; the store is locked meanwhile. */
#ifndef BFS_CODEC_CATALOG_CHANGE_H
#define BFS_CODEC_CATALOG_CHANGE_H

#include "codec/store/catalog.h"
#include "codec/store/index_text.h"

enum {
    BFS_CATALOG_UNCHANGED = 1, /* nothing is written, but what is there is synced */
    /* How long a change may wait for another one: each takes milliseconds. */
    BFS_CATALOG_TIMEOUT_MS = 30000,
};

/* Edits `index`, the text of index.json, of which `catalog` is what it says now. Gives 0,
 * BFS_CATALOG_UNCHANGED, or a negative errno, and then nothing changes. */
typedef int (*bfs_catalog_edit)(void *context, const struct bfs_catalog *catalog,
                                struct bfs_index_edit *index, struct bfs_error *error);

/* Makes durable what index.json says now: an earlier change may have failed to. Errors: errno of
 * fsync(2). */
int bfs_catalog_sync(const struct bfs_store *store, struct bfs_error *error);

/* Hidden entries of that bundle become ordinary ones. Errors: -ENOMEM. */
int bfs_catalog_reveal(const struct bfs_catalog_entry *hidden, struct bfs_index_edit *index,
                       struct bfs_error *error);

/* The caller holds the CONTENT lock, so that no gc takes away what is about to be named. Errors:
 * those of `edit` and of bfs_catalog_load(), -EBUSY. */
int bfs_catalog_change(const struct bfs_store *store, bfs_catalog_edit edit, void *context,
                       struct bfs_error *error);

#endif

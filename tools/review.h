/* SPDX-License-Identifier: Apache-2.0
 * The findings of a check, told to people and programs; and the check of what is about to be
 * packed.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_REVIEW_H
#define BFS_TOOLS_REVIEW_H

#include "accel/review/review.h"
#include "codec/pack/pack.h"
#include "tools/report.h"

/* "error licence-none: <sentence>; <advice>", harmless to a terminal; malloc'ed, NULL: no memory.
 */
char *bfs_review_line(const struct bfs_finding *finding);
/* {id, severity, sentence, advice}. */
struct json_object *bfs_review_json(const struct bfs_finding *finding, int *status);

/* For struct bfs_review_options, whose context is its own `store` and `catalog`: what the
 * statements in the store say of a bundle. Signatures are not looked at. */
struct bfs_review_place {
    const struct bfs_store *store;
    const struct bfs_catalog *catalog;
};
int bfs_review_state(void *context, const struct bfs_catalog_entry *entry,
                     enum bfs_requirement_state *ret, char **ret_reason, struct bfs_error *error);

/* The store into which something is to be packed. One that is not there, or no store, holds
 * nothing: *ret_store and *ret_catalog stay NULL, and packing will say what is wrong. Errors:
 * -ENOMEM, those of bfs_catalog_load(). */
int bfs_review_store(const char *path, struct bfs_store **ret_store,
                     struct bfs_catalog **ret_catalog, struct bfs_error *error);

/* Checks a finished scan against the store at `store_path`, which need not be there. Warnings and
 * errors are told on stderr. With `only_warn` no finding refuses it. Errors: -EINVAL (there were
 * errors), those of bfs_review(). */
int bfs_review_pack(const char *store_path, const struct bfs_pack_options *options,
                    const struct bfs_scan *scan, bool only_warn, struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What a directory says about its views: bundle.json and the view.json of each opaque view.
 *
 * THREAD SAFETY: pure functions on the file system. */
#ifndef BFS_ACCEL_VIEWS_READ_H
#define BFS_ACCEL_VIEWS_READ_H

#include "accel/view/plan_private.h"

/* Profiles that are to be made, each once. */
struct bfs_view_ids {
    const struct bfs_profile *profiles[BFS_VIEWS_MAX];
    size_t n;
};

/* `what` names the document that has the id; NULL: the caller. Errors: -EINVAL (no such profile),
 * -E2BIG. */
int bfs_view_ids_add(struct bfs_view_ids *ids, const char *id, const char *what,
                     struct bfs_error *error);
/* By id: the bundle must not depend on the order of asking. */
void bfs_view_ids_sort(struct bfs_view_ids *ids);

/* bundle.json, {"schema_version": "1.0", "views": ["cpu-q8_0", ...]}: adds what it lists. Errors:
 * -EBADMSG (other members, an id twice), -EPROTONOSUPPORT (another schema version), those above. */
int bfs_view_ids_parse(const void *text, size_t size, struct bfs_view_ids *ids,
                       struct bfs_error *error);
/* The same for the directory's; none is fine. */
int bfs_view_read_list(const struct bfs_view_directory *directory, struct bfs_view_ids *ids,
                       struct bfs_error *error);

/* views/ID/view.json. Errors: those of bfs_hardware_key_read(), -E2BIG. */
int bfs_view_read_opaque(const struct bfs_view_directory *directory, const char *id,
                         struct bfs_view_config *ret, struct bfs_error *error);

#endif

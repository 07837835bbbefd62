/* SPDX-License-Identifier: Apache-2.0
 * May a bundle of this name, from this directory, go into this store?
 *
 * THREAD SAFETY: pure functions on the file system. */
#ifndef BFS_CODEC_PLACE_H
#define BFS_CODEC_PLACE_H

#include "codec/store/catalog.h"

/* `directory` and `store_path` must lie apart, and the name must neither be taken by another place
 * of the tree nor hide a link. The name of a bundle that the catalogue holds is always good.
 * Errors: -EINVAL, -EEXIST, -ENOMEM, those of bfs_aliases_load(), errno of realpath(3). */
int bfs_place_check(const struct bfs_store *store, const struct bfs_catalog *catalog,
                    const struct bfs_reference *reference, const char *directory,
                    struct bfs_error *error);

/* The same for a store by its path, which need not exist; nothing is made. Errors: those above and
 * of bfs_catalog_load(). */
int bfs_place_check_path(const char *store_path, const struct bfs_reference *reference,
                         const char *directory, struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The directories above the bundles, as one catalogue makes them: model names, versions, "latest".
 * A new catalogue makes a new tree; whoever reads the old one keeps it alive. A tree refers to the
 * slots and numbers of all that is in it.
 *
 * THREAD SAFETY: a tree is immutable and reference-counted. */
#ifndef BFS_FS_TREE_H
#define BFS_FS_TREE_H

#include "codec/store/catalog.h"
#include "fs/bundles.h"
#include "fs/tree_numbers.h"

enum bfs_tree_kind { BFS_TREE_DIRECTORY, BFS_TREE_BUNDLE, BFS_TREE_LINK };

struct bfs_tree_node {
    uint64_t parent;
    const char *name; /* owned by the tree */
    enum bfs_tree_kind kind;
    uint64_t node;     /* of a bundle: its root */
    uint32_t slot;     /* of a bundle */
    uint32_t position; /* of a bundle, in the catalogue's order */
    char *target;      /* of a link; owned by the tree */
    bool has_links;    /* of a directory: it has those of fs/links.h too */
};

struct bfs_tree;
/* Takes ownership of the catalogue on success; the rest is borrowed. `has_policy`: each model's
 * links are those of fs/links.h. Errors: -ENOMEM, -E2BIG: no numbers are left. */
int bfs_tree_new(struct bfs_catalog *catalog, struct bfs_bundles *bundles,
                 struct bfs_tree_numbers *numbers, bool has_policy, struct bfs_tree **ret);
struct bfs_tree *bfs_tree_ref(struct bfs_tree *tree);
struct bfs_tree *bfs_tree_unref(struct bfs_tree *tree);
BFS_DEFINE_CLEANUP(bfs_tree, bfs_tree_unref)

const struct bfs_catalog *bfs_tree_catalog(const struct bfs_tree *tree);
/* NULL when there is none. */
const struct bfs_tree_node *bfs_tree_lookup(const struct bfs_tree *tree, uint64_t parent,
                                            const char *name);
/* The directory or link of that number; bundles are not found. */
const struct bfs_tree_node *bfs_tree_find(const struct bfs_tree *tree, uint64_t node);
/* The children of a directory whose names come after `after` ("": all), by name: consecutive in an
 * array; NULL when there are none. */
const struct bfs_tree_node *bfs_tree_children(const struct bfs_tree *tree, uint64_t parent,
                                              const char *after, size_t *ret_n);
/* All nodes, by parent and name. */
const struct bfs_tree_node *bfs_tree_all(const struct bfs_tree *tree, size_t *ret_n);
/* The slots of all bundles in the catalogue's order. */
const uint32_t *bfs_tree_slots(const struct bfs_tree *tree, size_t *ret_n);
/* The bundle of that slot in this tree; NULL: not any more. */
const struct bfs_tree_node *bfs_tree_bundle(const struct bfs_tree *tree, uint32_t slot);

#endif

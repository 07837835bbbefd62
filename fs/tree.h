/* SPDX-License-Identifier: Apache-2.0
 * The directories above the bundles, as one catalogue makes them: model names, versions, "latest".
 * A new catalogue makes a new tree; whoever reads the old one keeps it alive.
 *
 * THREAD SAFETY: a tree is immutable and reference-counted. Numbers are interned under a lock. */
#ifndef BFS_FS_TREE_H
#define BFS_FS_TREE_H

#include "codec/store/catalog.h"
#include "fs/bundles.h"

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
/* Remembers the numbers of paths across trees. */
struct bfs_tree_numbers;
int bfs_tree_numbers_new(struct bfs_tree_numbers **ret);
struct bfs_tree_numbers *bfs_tree_numbers_free(struct bfs_tree_numbers *numbers);
BFS_DEFINE_CLEANUP(bfs_tree_numbers, bfs_tree_numbers_free)
/* The last component of the path that has, or ever had, that number; false: none. */
bool bfs_tree_numbers_name(struct bfs_tree_numbers *numbers, uint64_t node,
                           char ret[static BFS_COMPONENT_MAX + 1]);
/* The path of a directory; false: it is none, or does not fit. */
bool bfs_tree_numbers_path(struct bfs_tree_numbers *numbers, uint64_t node, char *ret, size_t size);
/* The number of a link in a model's directory; it depends on the target, so that the kernel sees
 * another link when that changes. 0: no memory. */
uint64_t bfs_tree_numbers_link(struct bfs_tree_numbers *numbers, const char *model,
                               const char *name, const char *target);
/* Where the link of that number points, also when it does not any more; false: it is no link. */
bool bfs_tree_numbers_target(struct bfs_tree_numbers *numbers, uint64_t node,
                             char ret[static BFS_VERSION_MAX + 1]);

/* Takes ownership of the catalogue on success. `has_policy`: each model's links are those of
 * fs/links.h. Errors: -ENOMEM. */
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

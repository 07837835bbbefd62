/* SPDX-License-Identifier: Apache-2.0
 * What a set of links is made of; for the files of it.
 *
 * THREAD SAFETY: a set is immutable once it was resolved, and reference-counted. */
#ifndef BFS_FS_LINKS_PRIVATE_H
#define BFS_FS_LINKS_PRIVATE_H

#include "codec/store/trust.h"
#include "fs/links.h"

#include <stdatomic.h>

struct bfs_link_pending {
    char *path; /* owned; acme/m/production */
    uint64_t sequence;
    char version[BFS_VERSION_MAX + 1];
    char reason[BFS_VERDICT_REASON_SIZE];
};

struct bfs_link_verdict {
    uint32_t slot;
    bool is_served;
};

struct bfs_link_fork {
    char *path; /* owned; acme/m/production */
    uint64_t sequence;
};

struct bfs_link_set {
    atomic_uint references;
    struct bfs_tree_numbers *numbers; /* of the items' nodes, with a reference to each; borrowed */
    struct bfs_link *items;           /* by name */
    size_t n;
    struct bfs_link_fork *forks; /* of aliases that point to one of several bundles */
    size_t n_forks;
    struct bfs_statement_refusal *refusals;
    size_t n_refusals;
    struct bfs_link_pending *pending; /* last moves that are not in force */
    size_t n_pending;
    struct bfs_link_verdict *asked; /* verdicts that "latest" rests on */
    size_t n_asked;
};

/* Is there, by the names of statements, one that deprecates or revokes the bundle? */
bool bfs_links_is_disputed(const struct bfs_catalog *catalog, const struct bfs_digest *bundle);

/* Reads what is said about a model. `trust` is of the tree's catalogue. Errors: those of
 * bfs_links_get(). */
int bfs_links_resolve(struct bfs_fs *fs, const struct bfs_tree *tree, const struct bfs_trust *trust,
                      const char *model, struct bfs_link_set **ret, struct bfs_error *error);
/* Are the verdicts that the set rests on still the same? False also when one would have to be
 * reached first. */
bool bfs_links_stands(struct bfs_fs *fs, const struct bfs_link_set *set);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The links beside the versions of a model that depend on statements: its aliases, and "latest",
 * which skips what is deprecated or revoked. Statements are read when somebody looks into the
 * model's directory, so a mount reads none; of models without such statements, "latest" is in the
 * tree.
 *
 * THREAD SAFETY: any function from any thread; a set is immutable and reference-counted. */
#ifndef BFS_FS_LINKS_H
#define BFS_FS_LINKS_H

#include "codec/store/statements.h"
#include "fs/tree.h"

struct bfs_fs;
struct bfs_links;

struct bfs_link {
    char *name;
    char *target;  /* a version */
    uint64_t node; /* another one when the target is another */
};

struct bfs_link_set;

int bfs_links_new(struct bfs_links **ret);
struct bfs_links *bfs_links_free(struct bfs_links *links);
BFS_DEFINE_CLEANUP(bfs_links, bfs_links_free)

/* Nobody refers to the directory: forgets what was resolved for it. */
void bfs_links_drop(struct bfs_links *links, struct bfs_tree_numbers *numbers, uint64_t directory);

/* Does the model need a set: are there aliases, or is a version deprecated or revoked, as far as
 * the names of statements tell? Where a policy is in force, every model does, because "latest"
 * rests on its verdicts: bfs_tree_new() is told. */
bool bfs_links_needed(const struct bfs_catalog *catalog, const char *model);

/* The links of a model's directory, with a reference. Without `may_block`, -EWOULDBLOCK when the
 * store would have to be read. A statement that contradicts itself is left out and remembered as
 * refused; so are all where there are more than are read. Errors: those of bfs_aliases_load(), but
 * -E2BIG. */
int bfs_links_get(struct bfs_fs *fs, uint64_t directory, bool may_block, struct bfs_link_set **ret);
struct bfs_link_set *bfs_link_set_unref(struct bfs_link_set *set);
BFS_DEFINE_CLEANUP(bfs_link_set, bfs_link_set_unref)

/* By name. */
const struct bfs_link *bfs_link_set_items(const struct bfs_link_set *set, size_t *ret_n);
/* NULL: there is none. */
const struct bfs_link *bfs_link_set_find(const struct bfs_link_set *set, const char *name);

/* After the tree `before` has been replaced: resolves again what was resolved, and tells the kernel
 * what changed. For the watching thread. Errors: those of bfs_links_get(); then it is to be called
 * again. */
int bfs_links_refresh(struct bfs_fs *fs, const struct bfs_tree *before);

/* Calls `visit` for each fork that is known, of the models that somebody has looked at: PATH is the
 * model's name, a slash and the alias; the moves with that number point to different bundles. */
void bfs_links_forks(struct bfs_links *links,
                     void (*visit)(void *context, const char *path, uint64_t sequence),
                     void *context);

/* Calls `visit` for each last move of an alias that the policy does not accept, of the models that
 * somebody has looked at: PATH as above, its number, the version that it names, and why. */
void bfs_links_pending(struct bfs_links *links,
                       void (*visit)(void *context, const char *path, uint64_t sequence,
                                     const char *version, const char *reason),
                       void *context);

/* The verdict on a bundle has changed, and "latest" of its model may be another now: resolves it
 * again when somebody has looked at it, and tells the kernel. For the watching thread. Errors:
 * those of bfs_links_get(). */
int bfs_links_rejudge(struct bfs_fs *fs, uint32_t slot);

/* Calls `visit` for each refused statement that is known. */
void bfs_links_refusals(struct bfs_links *links,
                        void (*visit)(void *context, const struct bfs_statement_refusal *refusal),
                        void *context);

#endif

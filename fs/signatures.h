/* SPDX-License-Identifier: Apache-2.0
 * The directory "signatures" of a bundle: the statements about it, one file each, as they are in
 * the store. They are read when somebody looks into the directory.
 *
 * THREAD SAFETY: any function from any thread; a set is immutable and reference-counted. */
#ifndef BFS_FS_SIGNATURES_H
#define BFS_FS_SIGNATURES_H

#include "codec/store/statements.h"
#include "fs/tree.h"

#define BFS_SIGNATURES_NAME "signatures"

struct bfs_fs;
struct bfs_signatures;

struct bfs_signature {
    char name[64];  /* "<kind>-<n>-<first 12 digits of the digest>.dsse.json" */
    uint32_t inode; /* the same for the same statement, as long as the daemon lives */
    struct bfs_digest digest;
    uint64_t size;
    int64_t when; /* seconds since 1970 */
};

struct bfs_signature_set;

int bfs_signatures_new(struct bfs_signatures **ret);
struct bfs_signatures *bfs_signatures_free(struct bfs_signatures *signatures);
BFS_DEFINE_CLEANUP(bfs_signatures, bfs_signatures_free)

/* Nobody refers to the slot: forgets what was read for it. */
void bfs_signatures_drop(struct bfs_signatures *signatures, struct bfs_bundles *bundles,
                         uint32_t slot);

/* Are there statements about the bundle at present, as far as their names tell? */
bool bfs_signatures_exist(struct bfs_fs *fs, const struct bfs_digest *bundle);

/* Those of a bundle, with a reference. Without `may_block`, -EWOULDBLOCK when the store would have
 * to be read. A statement that contradicts itself is left out and remembered as refused; so are all
 * where there are more than are read. Errors: those of bfs_statements_add(), but -E2BIG. */
int bfs_signatures_get(struct bfs_fs *fs, uint32_t slot, const struct bfs_digest *bundle,
                       bool may_block, struct bfs_signature_set **ret);
struct bfs_signature_set *bfs_signature_set_unref(struct bfs_signature_set *set);
BFS_DEFINE_CLEANUP(bfs_signature_set, bfs_signature_set_unref)

/* By inode number. */
const struct bfs_signature *bfs_signature_set_items(const struct bfs_signature_set *set,
                                                    size_t *ret_n);
/* NULL: there is none. */
const struct bfs_signature *bfs_signature_set_name(const struct bfs_signature_set *set,
                                                   const char *name);
const struct bfs_signature *bfs_signature_set_inode(const struct bfs_signature_set *set,
                                                    uint32_t inode);

/* After the tree `before` has been replaced: tells the kernel what changed. For the watching
 * thread. Errors: those of bfs_signatures_get(); then it is to be called again. */
int bfs_signatures_refresh(struct bfs_fs *fs, const struct bfs_tree *before);

/* Calls `visit` for each refused statement that is known. */
void bfs_signatures_refusals(struct bfs_signatures *signatures,
                             void (*visit)(void *context,
                                           const struct bfs_statement_refusal *refusal),
                             void *context);

#endif

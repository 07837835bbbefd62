/* SPDX-License-Identifier: Apache-2.0
 * The policy at work: which bundles of this mount are served, and who may read them. A verdict is
 * reached when somebody looks at a bundle, or before, by the watching thread; it stands until the
 * policy, the statements about the bundle, or the time say otherwise.
 *
 * THREAD SAFETY: any function from any thread, but bfs_guard_refresh() from one. A NULL guard
 * serves everything. */
#ifndef BFS_FS_GUARD_H
#define BFS_FS_GUARD_H

#include "fs/access.h"
#include "fs/audit.h"
#include "fs/policy_file.h"
#include "fs/tree.h"

struct bfs_guard;
/* Everything is borrowed; `audit` may be NULL. Errors: -ENOMEM. */
int bfs_guard_new(const struct bfs_store *store, struct bfs_bundles *bundles,
                  struct bfs_policy_file *file, const struct bfs_log *log, struct bfs_audit *audit,
                  struct bfs_guard **ret);
struct bfs_guard *bfs_guard_free(struct bfs_guard *guard);

/* The catalogue has changed; takes a reference of its own. */
void bfs_guard_set_tree(struct bfs_guard *guard, struct bfs_tree *tree);
/* The policy has changed. */
void bfs_guard_set_policy(struct bfs_guard *guard);

/* Nobody refers to the slot: forgets what is known about it. */
void bfs_guard_drop(struct bfs_guard *guard, uint32_t slot);

/* 0: it is served. Without `may_block`, -EWOULDBLOCK when statements would have to be read; with it,
 * one thread reads them, and others that ask for the same bundle sleep until it has the verdict.
 * Otherwise -ENOKEY or -EKEYREJECTED, or why it could not be found out. */
int bfs_guard_admit(struct bfs_guard *guard, uint32_t slot, bool may_block);
/* Is the bundle refused, as far as is known? Copies the reason. */
bool bfs_guard_refusal(struct bfs_guard *guard, uint32_t slot,
                       char ret[static BFS_ERROR_TEXT_SIZE]);
/* How many statements about the bundle do not count because of who signed them, as far as is known;
 * copies which and why. */
unsigned bfs_guard_uncounted(struct bfs_guard *guard, uint32_t slot,
                             char ret[static BFS_VERDICT_REASON_SIZE]);
/* The bundle has so many inodes, and the kernel may know them. */
void bfs_guard_note_inodes(struct bfs_guard *guard, uint32_t slot, uint32_t n_inodes);

/* The policy in force, with a reference; NULL without a guard. */
struct bfs_policy *bfs_guard_policy(struct bfs_guard *guard);

/* What bfs_access_apply() and bfs_access_acl() say by the rule that matches the bundle; without a
 * word about access, nothing and -ENODATA. */
void bfs_guard_apply(struct bfs_guard *guard, uint32_t slot, struct stat *stat);
int bfs_guard_acl(struct bfs_guard *guard, uint32_t slot, const struct stat *stat,
                  struct bfs_buffer *ret);

/* Reaches the verdicts that are due, for as long as `budget_ms`, and tells each bundle about which
 * the kernel has been told something else. True: there is more to do. */
bool bfs_guard_refresh(struct bfs_guard *guard, unsigned budget_ms,
                       void (*changed)(void *context, uint32_t slot, uint32_t n_inodes),
                       void *context);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Who walks through the catalogue looks into one bundle after the other: the next ones are loaded
 * before they are asked for. How many follows from how long the walk has been; a bundle whose index
 * is large ends it.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_LOOKAHEAD_H
#define BFS_FS_LOOKAHEAD_H

#include "fs/bundles.h"
#include "fs/pool.h"
#include "fs/tree.h"

enum {
    /* A step so far is a walk still: other names of a directory lie between. */
    BFS_LOOKAHEAD_STEP = 16,
    BFS_LOOKAHEAD_MIN = 8, /* bundles ahead when a walk is noticed; doubled at each step */
    BFS_LOOKAHEAD_MAX = 64,
    /* An index larger than this is loaded when it is wanted, not before. */
    BFS_LOOKAHEAD_INDEX_MAX = 128 << 10,
};

struct bfs_lookahead;
/* Everything is borrowed. With fewer than two workers nothing is ever loaded ahead: it would be in
 * somebody's way. Errors: -ENOMEM. */
int bfs_lookahead_new(struct bfs_bundles *bundles, struct bfs_pool *pool,
                      struct bfs_lookahead **ret);
/* After the pool's end. */
struct bfs_lookahead *bfs_lookahead_free(struct bfs_lookahead *lookahead);

/* The catalogue has changed: lets the tree of the last walk go. Takes a reference of its own. */
void bfs_lookahead_set_tree(struct bfs_lookahead *lookahead, struct bfs_tree *tree);
/* Somebody looks at the bundle of that position of the tree's catalogue. */
void bfs_lookahead_note(struct bfs_lookahead *lookahead, struct bfs_tree *tree, uint32_t position);
/* Is somebody on a walk that has widened the window as far as it goes? */
bool bfs_lookahead_is_long(const struct bfs_lookahead *lookahead);

#endif

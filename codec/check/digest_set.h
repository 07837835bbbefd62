/* SPDX-License-Identifier: Apache-2.0
 * A set of digests with a few values each.
 *
 * THREAD SAFETY: belongs to one thread at a time. */
#ifndef BFS_CODEC_DIGEST_SET_H
#define BFS_CODEC_DIGEST_SET_H

#include "verify/cleanup.h"
#include "verify/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bfs_digest_item {
    struct bfs_digest digest;
    uint64_t size;
    uint32_t owner; /* number of the bundle that brought it */
    bool bad;
};

struct bfs_digest_set {
    struct bfs_digest_item *items; /* owned; in the order they were added */
    size_t n_items;
    size_t capacity;
    uint32_t *slots; /* owned; item number + 1, 0: free */
    size_t n_slots;  /* a power of two */
};

/* NULL when there is none. Borrowed until the next add. */
struct bfs_digest_item *bfs_digest_set_find(const struct bfs_digest_set *set,
                                            const struct bfs_digest *digest);
/* Adds an item whose digest is not there yet. Errors: -ENOMEM, -E2BIG. */
int bfs_digest_set_add(struct bfs_digest_set *set, const struct bfs_digest_item *item);
void bfs_digest_set_done(struct bfs_digest_set *set);
#define bfs_autodigests BFS_CLEANUP(bfs_digest_set_done)

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Whole files proved before they are opened: each chunk that is not remembered as proved is read,
 * proved, decoded and checked as a read would, and thrown away. So a file that opens has no chunk
 * that a later page fault could trip over, as long as nobody changes its blobs.
 *
 * A large file takes as long as reading it does, so the workers do it in small pieces between which
 * others get their turn, and the deadline of a waiting open counts from the last piece: a store
 * that hangs answers it with EIO, one that is merely slow does not. Who gives up waiting (a signal)
 * is let go with EINTR; when nobody waits any more, the rest is left.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_PROVER_H
#define BFS_FS_PROVER_H

#include "fs/cache.h"
#include "fs/call.h"
#include "fs/files.h"

/* An open that waits; embedded by its owner, and alive until done() is entered. `call` has been
 * started; done() claims it. */
struct bfs_opening {
    struct bfs_call *call;
    /* 0: all of the file is proved. -EINTR: the caller gave up. -ETIMEDOUT: it was answered at its
     * deadline. Otherwise what was wrong, which has been logged. Called without locks held. */
    void (*done)(struct bfs_opening *opening, int status);
    struct bfs_opening *next; /* the prover's */
};

struct bfs_prover;
/* Everything outlives the prover, but the pool, which is freed before it. Errors: -ENOMEM. */
int bfs_prover_new(struct bfs_pool *pool, struct bfs_cache *cache, struct bfs_proofs *proofs,
                   struct bfs_calls *calls, struct bfs_metrics *metrics, const struct bfs_log *log,
                   struct bfs_prover **ret);
struct bfs_prover *bfs_prover_free(struct bfs_prover *prover);
BFS_DEFINE_CLEANUP(bfs_prover, bfs_prover_free)

/* Calls opening->done(), now or later. Opens of one file that wait at the same time share the
 * work. The caller's reference to the file must last until then. */
void bfs_prover_start(struct bfs_prover *prover, struct bfs_file *file,
                      struct bfs_opening *opening);

#endif

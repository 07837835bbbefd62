/* SPDX-License-Identifier: Apache-2.0
 * A kernel request that is answered later, or with EIO at its deadline, whichever comes first. A
 * store that hangs so costs readers an error after a known time, not a process in D state.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_CALL_H
#define BFS_FS_CALL_H

#include "fs/clock.h"
#include "fs/fuse.h"
#include "fs/metrics.h"
#include "verify/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

/* Embedded in whatever works on the request, which outlives its claim. */
struct bfs_call {
    fuse_req_t request;
    uint64_t deadline_ms; /* CLOCK_MONOTONIC */
    bool claimed;         /* protected by the list's mutex, like the links */
    struct bfs_call *before, *after;
};

struct bfs_calls;
/* Starts the thread that watches the deadlines. Errors: -ENOMEM, -EAGAIN. */
int bfs_calls_new(unsigned timeout_ms, struct bfs_metrics *metrics, struct bfs_calls **ret);
/* Answers what is still open with EIO. */
struct bfs_calls *bfs_calls_free(struct bfs_calls *calls);
BFS_DEFINE_CLEANUP(bfs_calls, bfs_calls_free)

void bfs_call_start(struct bfs_calls *calls, struct bfs_call *call, fuse_req_t request);
/* True: the caller must answer the request, now. False: it was answered at its deadline, and may
 * not be touched any more. Exactly once for each started call, before its memory goes. */
bool bfs_call_claim(struct bfs_calls *calls, struct bfs_call *call);
/* Was it answered at its deadline? Then nobody waits for the work, and it can be left out. The call
 * is still to be claimed. */
bool bfs_call_is_answered(struct bfs_calls *calls, const struct bfs_call *call);
/* The request got nearer to its answer, so its deadline starts again. -EINTR: whoever asked has
 * given up, and should be answered soon; -ETIMEDOUT: it was answered at its deadline. In both cases
 * the call is still to be claimed. */
int bfs_call_renew(struct bfs_calls *calls, struct bfs_call *call);
/* Requests that wait, and how long the oldest has waited. */
uint64_t bfs_calls_pending(struct bfs_calls *calls, uint64_t *ret_oldest_ms);

#endif

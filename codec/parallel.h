/* SPDX-License-Identifier: Apache-2.0
 * Independent pieces of work on several threads.
 *
 * THREAD SAFETY: run() may be called from any thread; work() runs in many at once. */
#ifndef BFS_CODEC_PARALLEL_H
#define BFS_CODEC_PARALLEL_H

#include "verify/error.h"

#include <stdint.h>

struct bfs_parallel_ops {
    /* Does piece i. `worker` is below the number of threads and names scratch memory that no other
     * thread uses meanwhile. A failure lets pieces that run finish, and starts no others. */
    int (*work)(void *context, unsigned worker, uint64_t i, struct bfs_error *error);
    /* Called by the calling thread about five times a second; non-zero stops as a failure does,
     * with that code. NULL is fine. */
    int (*tick)(void *context);
};

/* Does the pieces 0 .. n - 1, started in this order. With one thread, everything runs in the
 * calling one, and tick() between the pieces. Errors: that of the failed piece with the lowest
 * number, of tick(), or of starting threads (-EAGAIN, -ENOMEM) when not even one could be started.
 */
int bfs_parallel_run(unsigned n_threads, uint64_t n, const struct bfs_parallel_ops *ops,
                     void *context, struct bfs_error *error);

#endif

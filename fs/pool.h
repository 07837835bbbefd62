/* SPDX-License-Identifier: Apache-2.0
 * Worker threads for everything that may block on the store: request threads only enqueue, so a
 * store that hangs cannot take the file system's threads with it.
 *
 * THREAD SAFETY: jobs may be submitted from any thread, also from jobs. */
#ifndef BFS_FS_POOL_H
#define BFS_FS_POOL_H

#include "codec/store/file.h"

#include <stdbool.h>
#include <stdint.h>

enum bfs_priority {
    BFS_PRIORITY_METADATA, /* somebody waits, and it is short */
    BFS_PRIORITY_DEMAND,   /* somebody waits */
    BFS_PRIORITY_AHEAD,    /* somebody may want it later */
    BFS_PRIORITY_FILL,     /* when there is nothing else to do */
    BFS_N_PRIORITIES,
};

/* One piece of work, owned by whoever embeds it: it must stay alive until run() is entered, and
 * run() may free it. `reader` is the worker's own. With `reader` NULL the pool is stopping: release
 * what is held, do nothing else. */
struct bfs_job {
    void (*run)(struct bfs_job *job, struct bfs_chunk_reader *reader);
    /* NULL, or how to run several that have the same one here; then run() is used only to stop. */
    void (*run_together)(struct bfs_job *jobs[], size_t n, struct bfs_chunk_reader *reader);
    struct bfs_job *next; /* the pool's */
};

struct bfs_pool;
/* Errors: -ENOMEM, -EAGAIN. */
int bfs_pool_new(unsigned n_workers, struct bfs_pool **ret);
/* Ends the workers after the jobs that they have; what is queued stays. False: one hangs, the
 * workers that have not ended are left after `timeout_ms`, and the object must not be freed. */
bool bfs_pool_stop(struct bfs_pool *pool, unsigned timeout_ms);
/* Ends the workers, however long it takes, and runs every job that is queued with NULL. NULL is
 * fine. */
struct bfs_pool *bfs_pool_free(struct bfs_pool *pool);
BFS_DEFINE_CLEANUP(bfs_pool, bfs_pool_free)

void bfs_pool_submit(struct bfs_pool *pool, struct bfs_job *job, enum bfs_priority priority);
/* The same for all jobs of a list that is linked by `next`; NULL is an empty one. A worker finds
 * all of them. */
void bfs_pool_submit_all(struct bfs_pool *pool, struct bfs_job *first, enum bfs_priority priority);
/* Jobs that wait for a worker, all priorities. */
uint64_t bfs_pool_queued(struct bfs_pool *pool);
/* How long the oldest piece of work has been running: long when the store hangs. */
uint64_t bfs_pool_longest_ms(struct bfs_pool *pool);
/* Has bfs_pool_stop() begun? A long job asks between its steps, and then ends early. */
bool bfs_pool_is_stopping(struct bfs_pool *pool);
unsigned bfs_pool_n_workers(const struct bfs_pool *pool);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Single-flight for requests: the first request that needs an object leads, and occupies a worker
 * while the store is read. Later requests for the same object stand in line without a worker, so
 * one slow object takes one worker and no more.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_LINES_H
#define BFS_FS_LINES_H

#include "fs/pool.h"

#include <stdbool.h>

enum bfs_line_kind {
    BFS_LINE_VERDICT, /* the verdict about a bundle; key: its slot */
    BFS_LINE_FILE,    /* an open file; key: its node number */
    BFS_LINE_USAGE,   /* the figures of statfs; key: 0 */
};

struct bfs_lines;
/* `pool` is borrowed. Errors: -ENOMEM. */
int bfs_lines_new(struct bfs_pool *pool, struct bfs_lines **ret);
/* Only after the pool was freed or is idle: nobody leads then. NULL is fine. */
struct bfs_lines *bfs_lines_free(struct bfs_lines *lines);
BFS_DEFINE_CLEANUP(bfs_lines, bfs_lines_free)

/* The place of a leader, usually on its stack. It stays alive until bfs_lines_end(). */
struct bfs_line {
    enum bfs_line_kind kind;
    uint64_t key;
    struct bfs_job *first, **last; /* protected by the mutex of the lines, like `next` */
    struct bfs_line *next;
};

/* True: the caller leads, and must call bfs_lines_end(). False: `job` stands in line; the leader's
 * bfs_lines_end() submits it to the pool, perhaps before this function returns. */
bool bfs_lines_begin(struct bfs_lines *lines, enum bfs_line_kind kind, uint64_t key,
                     struct bfs_line *line, struct bfs_job *job);
/* Submits all jobs that stand in line, in the order in which they came. */
void bfs_lines_end(struct bfs_lines *lines, struct bfs_line *line);

#endif

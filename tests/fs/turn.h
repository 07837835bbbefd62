/* SPDX-License-Identifier: Apache-2.0
 * A job that only says that a worker has come to it: jobs of one priority run in order, so those
 * that were submitted before it have been taken. */
#ifndef BFS_TESTS_TURN_H
#define BFS_TESTS_TURN_H

#include "fs/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct turn {
    struct bfs_job job;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool came; /* protected by mutex */
};

static inline void turn_run(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct turn *turn = (struct turn *)job; /* its first member */
    (void)reader;
    (void)pthread_mutex_lock(&turn->mutex);
    turn->came = true;
    (void)pthread_cond_broadcast(&turn->changed);
    (void)pthread_mutex_unlock(&turn->mutex);
}

static inline void turn_submit(struct turn *turn, struct bfs_pool *pool, enum bfs_priority priority)
{
    *turn = (struct turn){.job = {.run = turn_run}};
    (void)pthread_mutex_init(&turn->mutex, NULL);
    (void)pthread_cond_init(&turn->changed, NULL);
    bfs_pool_submit(pool, &turn->job, priority);
}

/* False: no worker came within that time; then the turn must stay alive. */
static inline bool turn_wait(struct turn *turn, unsigned timeout_s)
{
    struct timespec until;
    int r = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_s;
    (void)pthread_mutex_lock(&turn->mutex);
    while (!turn->came && r == 0)
        r = pthread_cond_timedwait(&turn->changed, &turn->mutex, &until);
    bool came = turn->came;
    (void)pthread_mutex_unlock(&turn->mutex);
    return came;
}

/* Until a pool of one worker has run all jobs that it has. */
static inline bool turn_drain(struct bfs_pool *pool)
{
    static struct turn turns[BFS_N_PRIORITIES];
    bool came = true;
    for (int i = 0; came && i < BFS_N_PRIORITIES; i++) {
        turn_submit(&turns[i], pool, (enum bfs_priority)i);
        came = turn_wait(&turns[i], 20);
    }
    return came;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/lines.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* There is at most one leader a worker, so a list is short. */
struct bfs_lines {
    struct bfs_pool *pool;
    pthread_mutex_t mutex;
    struct bfs_line *first; /* protected by mutex */
};

int bfs_lines_new(struct bfs_pool *pool, struct bfs_lines **ret)
{
    struct bfs_lines *lines = calloc(1, sizeof(*lines));
    if (!lines)
        return -ENOMEM;
    lines->pool = pool;
    (void)pthread_mutex_init(&lines->mutex, NULL);
    *ret = lines;
    return 0;
}

struct bfs_lines *bfs_lines_free(struct bfs_lines *lines)
{
    if (lines) {
        (void)pthread_mutex_destroy(&lines->mutex);
        free(lines);
    }
    return NULL;
}

bool bfs_lines_begin(struct bfs_lines *lines, enum bfs_line_kind kind, uint64_t key,
                     struct bfs_line *line, struct bfs_job *job)
{
    (void)pthread_mutex_lock(&lines->mutex);
    struct bfs_line *led = lines->first;
    while (led && (led->kind != kind || led->key != key))
        led = led->next;
    if (led) {
        job->next = NULL;
        *led->last = job;
        led->last = &job->next;
    } else {
        *line = (struct bfs_line){.kind = kind, .key = key, .next = lines->first};
        line->last = &line->first;
        lines->first = line;
    }
    (void)pthread_mutex_unlock(&lines->mutex);
    return led == NULL;
}

void bfs_lines_end(struct bfs_lines *lines, struct bfs_line *line)
{
    (void)pthread_mutex_lock(&lines->mutex);
    struct bfs_line **at = &lines->first;
    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    (void)pthread_mutex_unlock(&lines->mutex);
    bfs_pool_submit_all(lines->pool, line->first, BFS_PRIORITY_METADATA);
}

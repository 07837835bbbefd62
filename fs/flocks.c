/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/flocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>

/* A lock, or a request that waits for one. */
struct lock {
    uint64_t node, owner;
    bool exclusive;
    fuse_req_t request; /* of a waiting one; otherwise NULL */
    struct lock *next;
};

struct bfs_flocks {
    pthread_mutex_t mutex;
    struct lock *held; /* protected by mutex, like all below */
    struct lock *waiting, **last;
};

int bfs_flocks_new(struct bfs_flocks **ret)
{
    struct bfs_flocks *flocks = calloc(1, sizeof(*flocks));
    if (!flocks)
        return -ENOMEM;
    (void)pthread_mutex_init(&flocks->mutex, NULL);
    flocks->last = &flocks->waiting;
    *ret = flocks;
    return 0;
}

/* Answers each request of the list, without the mutex. */
static void answer(struct lock *list, int error)
{
    while (list) {
        struct lock *next = list->next;
        (void)fuse_reply_err(list->request, error);
        free(list);
        list = next;
    }
}

struct bfs_flocks *bfs_flocks_free(struct bfs_flocks *flocks)
{
    if (!flocks)
        return NULL;
    answer(flocks->waiting, EINTR);
    while (flocks->held) {
        struct lock *next = flocks->held->next;
        free(flocks->held);
        flocks->held = next;
    }
    (void)pthread_mutex_destroy(&flocks->mutex);
    free(flocks);
    return NULL;
}

/* The functions below want the mutex held. */

static struct lock **find_held(struct bfs_flocks *flocks, uint64_t node, uint64_t owner)
{
    struct lock **at = &flocks->held;
    while (*at && ((*at)->node != node || (*at)->owner != owner))
        at = &(*at)->next;
    return at;
}

static void drop_held(struct bfs_flocks *flocks, uint64_t node, uint64_t owner)
{
    struct lock **at = find_held(flocks, node, owner), *lock = *at;
    if (lock) {
        *at = lock->next;
        free(lock);
    }
}

static bool conflicts(const struct bfs_flocks *flocks, const struct lock *wanted)
{
    for (const struct lock *held = flocks->held; held; held = held->next)
        if (held->node == wanted->node && held->owner != wanted->owner &&
            (held->exclusive || wanted->exclusive))
            return true;
    return false;
}

static void hold(struct bfs_flocks *flocks, struct lock *lock)
{
    drop_held(flocks, lock->node,
              lock->owner); /* duplicates of one descriptor may both have waited */
    lock->request = NULL;
    lock->next = flocks->held;
    flocks->held = lock;
}

static void take_waiting(struct bfs_flocks *flocks, struct lock **at)
{
    struct lock *lock = *at;
    *at = lock->next;
    if (!lock->next)
        flocks->last = at;
    lock->next = NULL;
}

/* Grants, in order, what no lock conflicts with; who is to be answered, as a list of copies. */
static struct lock *grant(struct bfs_flocks *flocks)
{
    struct lock *granted = NULL;
    for (struct lock **at = &flocks->waiting; *at;) {
        struct lock *lock = *at;
        struct lock *reply = conflicts(flocks, lock) ? NULL : malloc(sizeof(*reply));
        if (!reply) { /* without memory it waits for the next unlock */
            at = &lock->next;
            continue;
        }
        take_waiting(flocks, at);
        *reply = *lock;
        reply->next = granted;
        granted = reply;
        hold(flocks, lock);
    }
    return granted;
}

/* Called by libfuse when the process that waits gets a signal. */
static void on_interrupt(fuse_req_t request, void *data)
{
    struct bfs_flocks *flocks = data;
    (void)pthread_mutex_lock(&flocks->mutex);
    struct lock **at = &flocks->waiting;
    while (*at && (*at)->request != request)
        at = &(*at)->next;
    struct lock *lock = *at;
    if (lock)
        take_waiting(flocks, at);
    (void)pthread_mutex_unlock(&flocks->mutex);
    answer(lock, EINTR);
}

void bfs_flock_release(struct bfs_flocks *flocks, uint64_t node, uint64_t owner)
{
    (void)pthread_mutex_lock(&flocks->mutex);
    drop_held(flocks, node, owner);
    struct lock *granted = grant(flocks);
    (void)pthread_mutex_unlock(&flocks->mutex);
    answer(granted, 0);
}

void bfs_flock(struct bfs_flocks *flocks, fuse_req_t request, uint64_t node, uint64_t owner,
               int operation)
{
    struct lock *granted, *lock = NULL;
    int error = 0;
    bool waits = false;
    if (operation & LOCK_UN) {
        bfs_flock_release(flocks, node, owner);
        (void)fuse_reply_err(request, 0);
        return;
    }
    lock = malloc(sizeof(*lock));
    if (!lock) {
        (void)fuse_reply_err(request, ENOMEM);
        return;
    }
    *lock = (struct lock){
        .node = node, .owner = owner, .exclusive = (operation & LOCK_EX) != 0, .request = request};
    /* Before the request can be found, for then another thread may answer it. */
    if (!(operation & LOCK_NB))
        fuse_req_interrupt_func(request, on_interrupt, flocks);
    (void)pthread_mutex_lock(&flocks->mutex);
    const struct lock *had = *find_held(flocks, node, owner);
    if (had && had->exclusive != lock->exclusive)
        drop_held(flocks, node, owner);
    if (!conflicts(flocks, lock)) {
        hold(flocks, lock);
    } else if (operation & LOCK_NB) {
        error = EWOULDBLOCK;
    } else if (fuse_req_interrupted(request)) {
        error = EINTR;
    } else {
        *flocks->last = lock;
        flocks->last = &lock->next;
        waits = true;
    }
    granted = grant(flocks); /* a conversion may have made room */
    (void)pthread_mutex_unlock(&flocks->mutex);
    answer(granted, 0);
    if (error)
        free(lock);
    if (!waits)
        (void)fuse_reply_err(request, error);
}

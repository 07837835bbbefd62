/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/lookahead.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct bfs_lookahead {
    struct bfs_job job; /* the one that loads; queued or running while is_busy */
    struct bfs_bundles *bundles;
    struct bfs_pool *pool;
    pthread_mutex_t mutex;
    struct bfs_tree *tree; /* a reference; protected by mutex, like all below; NULL: none yet */
    uint32_t last;         /* position that was looked at */
    uint32_t next;         /* the first that is not loaded ahead */
    uint32_t end;          /* of what is to be */
    uint32_t window;
    bool is_busy;
    atomic_bool is_long; /* the window is the widest; for those without the mutex */
};

/* The slot to load now; false: there is none, and the job ends. */
static bool take(struct bfs_lookahead *lookahead, uint32_t *ret)
{
    size_t n;
    (void)pthread_mutex_lock(&lookahead->mutex);
    const uint32_t *slots = bfs_tree_slots(lookahead->tree, &n);
    bool is_wanted = lookahead->next < lookahead->end;
    if (is_wanted)
        *ret = slots[lookahead->next++];
    else
        lookahead->is_busy = false;
    (void)pthread_mutex_unlock(&lookahead->mutex);
    return is_wanted;
}

static void end_walk(struct bfs_lookahead *lookahead)
{
    (void)pthread_mutex_lock(&lookahead->mutex);
    lookahead->end = lookahead->next;
    lookahead->window = 0;
    atomic_store_explicit(&lookahead->is_long, false, memory_order_relaxed);
    (void)pthread_mutex_unlock(&lookahead->mutex);
}

static void load(struct bfs_lookahead *lookahead, uint32_t slot)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    if (bfs_bundles_begin(lookahead->bundles, slot, NULL) != BFS_TURN_LEADS)
        return;
    int r = bfs_bundles_get(lookahead->bundles, slot, true, &bundle);
    bfs_pool_submit_all(lookahead->pool, bfs_bundles_end(lookahead->bundles, slot),
                        BFS_PRIORITY_METADATA);
    if (r || bfs_bundle_memory(bundle) > BFS_LOOKAHEAD_INDEX_MAX)
        end_walk(lookahead);
}

static void run(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    enum { AT_ONCE = 8 }; /* then whatever is more urgent has its turn */
    struct bfs_lookahead *lookahead = (struct bfs_lookahead *)job; /* its first member */
    uint32_t slot;
    if (!reader)
        return;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        if (!take(lookahead, &slot))
            return;
        load(lookahead, slot);
    }
    bfs_pool_submit(lookahead->pool, job, BFS_PRIORITY_AHEAD);
}

int bfs_lookahead_new(struct bfs_bundles *bundles, struct bfs_pool *pool,
                      struct bfs_lookahead **ret)
{
    struct bfs_lookahead *lookahead = calloc(1, sizeof(*lookahead));
    if (!lookahead)
        return -ENOMEM;
    lookahead->job.run = run;
    lookahead->bundles = bundles;
    lookahead->pool = pool;
    (void)pthread_mutex_init(&lookahead->mutex, NULL);
    *ret = lookahead;
    return 0;
}

struct bfs_lookahead *bfs_lookahead_free(struct bfs_lookahead *lookahead)
{
    if (lookahead) {
        (void)bfs_tree_unref(lookahead->tree);
        (void)pthread_mutex_destroy(&lookahead->mutex);
        free(lookahead);
    }
    return NULL;
}

void bfs_lookahead_set_tree(struct bfs_lookahead *lookahead, struct bfs_tree *tree)
{
    (void)pthread_mutex_lock(&lookahead->mutex);
    struct bfs_tree *before = lookahead->tree;
    lookahead->tree = bfs_tree_ref(tree);
    lookahead->window = 0; /* positions are other ones now */
    lookahead->last = lookahead->next = lookahead->end = UINT32_MAX;
    (void)pthread_mutex_unlock(&lookahead->mutex);
    (void)bfs_tree_unref(before);
}

/* With the mutex held. */
static void follow(struct bfs_lookahead *lookahead, uint32_t position)
{
    bool goes_on = position > lookahead->last && position - lookahead->last <= BFS_LOOKAHEAD_STEP;
    if (position == lookahead->last)
        return;
    if (!goes_on)
        lookahead->window = 0;
    else if (lookahead->window < BFS_LOOKAHEAD_MAX)
        lookahead->window = lookahead->window ? lookahead->window * 2 : BFS_LOOKAHEAD_MIN;
    atomic_store_explicit(&lookahead->is_long, lookahead->window >= BFS_LOOKAHEAD_MAX,
                          memory_order_relaxed);
    lookahead->last = position;
    if (!goes_on || lookahead->next <= position)
        lookahead->next = position + 1;
    size_t n;
    (void)bfs_tree_slots(lookahead->tree, &n);
    lookahead->end = position + 1 + lookahead->window;
    if (lookahead->end > n)
        lookahead->end = (uint32_t)n;
}

void bfs_lookahead_note(struct bfs_lookahead *lookahead, struct bfs_tree *tree, uint32_t position)
{
    struct bfs_tree *before = NULL;
    (void)pthread_mutex_lock(&lookahead->mutex);
    if (lookahead->tree != tree) {
        before = lookahead->tree;
        lookahead->tree = bfs_tree_ref(tree);
        lookahead->window = 0; /* positions are other ones now */
        lookahead->last = lookahead->next = lookahead->end = position;
    }
    follow(lookahead, position);
    /* Woken for a good piece of work, not for each. */
    bool wakes = bfs_pool_n_workers(lookahead->pool) >= 2 && !lookahead->is_busy &&
                 lookahead->end > lookahead->next &&
                 lookahead->end - lookahead->next > lookahead->window / 2;
    if (wakes)
        lookahead->is_busy = true;
    (void)pthread_mutex_unlock(&lookahead->mutex);
    (void)bfs_tree_unref(before);
    if (wakes)
        bfs_pool_submit(lookahead->pool, &lookahead->job, BFS_PRIORITY_AHEAD);
}

bool bfs_lookahead_is_long(const struct bfs_lookahead *lookahead)
{
    return atomic_load_explicit(&lookahead->is_long, memory_order_relaxed);
}

/* SPDX-License-Identifier: Apache-2.0
 * Going through all bundles for verdicts that are due, and for what the kernel is to be told. */
#include "fs/guard_private.h"

#include "fs/clock.h"

#include <stdio.h>
#include <time.h>

enum { LOOKED_AT_ONCE = 256 }; /* entries, while requests wait */

static int64_t now(void)
{
    return (int64_t)time(NULL);
}

enum found { FOUND_DUE, FOUND_NONE_YET, FOUND_END };

/* The next bundle of the tree whose verdict is due, or has changed. */
static enum found next_due(struct bfs_guard *guard, uint32_t *ret)
{
    enum found found = FOUND_NONE_YET;
    size_t n = 0;
    (void)pthread_mutex_lock(&guard->mutex);
    const struct bfs_tree_node *nodes = guard->tree ? bfs_tree_all(guard->tree, &n) : NULL;
    if (guard->next == 0)
        guard->next_due = INT64_MAX;
    for (unsigned i = 0; found == FOUND_NONE_YET && i < LOOKED_AT_ONCE; i++) {
        if (guard->next >= n) {
            found = FOUND_END;
            break;
        }
        const struct bfs_tree_node *node = &nodes[guard->next++];
        struct bfs_guard_entry *entry =
            node->kind == BFS_TREE_BUNDLE ? bfs_guard_entry_at(guard, node->slot) : NULL;
        if (!entry)
            continue;
        bool good = bfs_guard_entry_is_good(guard, entry, node->slot);
        if (good && entry->until < guard->next_due)
            guard->next_due = entry->until;
        /* The thread that judges notes the news; this function then begins anew. */
        if (entry->to_tell || (!good && !bfs_guard_is_judging(guard, entry)))
            found = FOUND_DUE;
        *ret = node->slot;
    }
    (void)pthread_mutex_unlock(&guard->mutex);
    return found;
}

/* Begins anew when a verdict has run out, or the kernel is to be told again. */
static void rewind_when_due(struct bfs_guard *guard)
{
    (void)pthread_mutex_lock(&guard->mutex);
    if (now() >= guard->next_due || guard->tells_again)
        guard->next = 0;
    guard->tells_again = false;
    (void)pthread_mutex_unlock(&guard->mutex);
}

/* Is the kernel to be told about the bundle? */
static bool take_news(struct bfs_guard *guard, uint32_t slot, uint32_t *ret_n_inodes)
{
    (void)pthread_mutex_lock(&guard->mutex);
    struct bfs_guard_entry *entry = bfs_guard_entry_at(guard, slot);
    bool news = entry && entry->to_tell;
    if (news) {
        *ret_n_inodes = entry->n_inodes;
        entry->to_tell--;
        guard->tells_again = guard->tells_again || entry->to_tell;
    }
    (void)pthread_mutex_unlock(&guard->mutex);
    return news;
}

bool bfs_guard_refresh(struct bfs_guard *guard, unsigned budget_ms,
                       void (*changed)(void *context, uint32_t slot, uint32_t n_inodes),
                       void *context)
{
    uint64_t start = bfs_now_ms();
    uint32_t slot, n_inodes;
    if (!guard)
        return false;
    rewind_when_due(guard);
    while (bfs_now_ms() - start < budget_ms) {
        enum found found = next_due(guard, &slot);
        if (found == FOUND_END)
            return false;
        if (found == FOUND_NONE_YET)
            continue;
        (void)bfs_guard_admit(guard, slot, true);
        if (take_news(guard, slot, &n_inodes))
            changed(context, slot, n_inodes);
    }
    return true;
}

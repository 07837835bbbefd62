/* SPDX-License-Identifier: Apache-2.0
 * What a guard is made of; for the files of it.
 *
 * THREAD SAFETY: see the fields. */
#ifndef BFS_FS_GUARD_PRIVATE_H
#define BFS_FS_GUARD_PRIVATE_H

#include "codec/store/trust.h"
#include "fs/guard.h"

#include <pthread.h>

enum { BFS_GUARD_TELL_TWICE = 2 };

/* What is known about one slot. A verdict is good while nothing that it depends on has changed. */
struct bfs_guard_entry {
    uint32_t slot;
    bool is_judged;
    /* How often the kernel is still to be told that it may know what is true no more: at once, and
     * again when answers that were on their way then have arrived. */
    uint8_t to_tell;
    uint64_t judging;     /* the generation that a thread judges for now; 0: none */
    int code;             /* 0: served */
    char *reason;         /* owned; of a refusal */
    char *uncounted;      /* owned; which statements do not count, and why; NULL: all do */
    unsigned n_uncounted; /* how many */
    int64_t until;
    uint64_t generation;             /* of the guard when it was last known to be good */
    uint64_t policy;                 /* generation of the policy that judged */
    struct bfs_needs needs;          /* models that the verdict depends on besides its own */
    struct bfs_xxh128 fingerprint;   /* of the statements that were judged, and of the needs */
    struct bfs_xxh128 access_print;  /* of what the kernel was told */
    const struct bfs_access *access; /* borrowed from the policy of that generation */
    uint32_t n_inodes;
};

struct bfs_guard {
    const struct bfs_store *store;
    struct bfs_bundles *bundles;
    struct bfs_policy_file *file;
    const struct bfs_log *log;
    struct bfs_audit *audit;
    pthread_mutex_t mutex;
    pthread_cond_t judged;     /* a judgement has ended */
    struct bfs_tree *tree;     /* protected by mutex, like all below; NULL: none yet */
    struct bfs_policy *policy; /* what the entries borrow from */
    uint64_t generation;       /* counts the changes of tree and policy */
    uint64_t policy_generation;
    void *entries;    /* tsearch(3) tree of struct bfs_guard_entry, by slot; of live slots alone */
    uint32_t next;    /* where bfs_guard_refresh() goes on */
    bool tells_again; /* and then begins anew: some entry has something to tell */
    int64_t next_due; /* when time alone may change the first verdict */
};

/* Of these, the caller holds the mutex. */

/* The kernel may know what is true no more. */
static inline void bfs_guard_note_news(struct bfs_guard *guard, struct bfs_guard_entry *entry)
{
    entry->to_tell = BFS_GUARD_TELL_TWICE;
    guard->tells_again = true;
}
/* Is another thread reaching the verdict of the present generation? */
static inline bool bfs_guard_is_judging(const struct bfs_guard *guard,
                                        const struct bfs_guard_entry *entry)
{
    return entry->judging && entry->judging == guard->generation;
}
/* Made if need be. NULL: no memory, or nobody refers to the slot. Valid while the mutex is held. */
struct bfs_guard_entry *bfs_guard_entry_at(struct bfs_guard *guard, uint32_t slot);
/* Is the verdict still good, though the catalogue may have changed? */
bool bfs_guard_entry_is_good(const struct bfs_guard *guard, struct bfs_guard_entry *entry,
                             uint32_t slot);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the cache share: blocks that are there (cache.c), blocks that are being loaded
 * (cache_load.c), and memory that is made ready for more (cache_spare.c).
 *
 * THREAD SAFETY: the functions here want the cache's mutex held, unless they say otherwise. */
#ifndef BFS_FS_CACHE_PRIVATE_H
#define BFS_FS_CACHE_PRIVATE_H

#include "fs/cache.h"
#include "fs/decoded.h"
#include "fs/slab.h"

#include <pthread.h>
#include <stdatomic.h>

enum bfs_block_state {
    BFS_BLOCK_LOADING,
    BFS_BLOCK_READY,
    BFS_BLOCK_DROPPED, /* not in the hash any more: it failed, or was evicted */
};

struct bfs_block_job {
    struct bfs_job job;
    struct bfs_block *block;
};

struct bfs_block {
    struct bfs_cache *cache;
    struct bfs_chunk chunk; /* its identity, and where this file has it */
    struct bfs_file *file;  /* a reference until the block is settled */
    uint32_t index;

    /* All below is protected by the cache's mutex. */
    enum bfs_block_state state;
    bool started;        /* a worker is or was on it */
    unsigned references; /* of users and the loading worker */
    unsigned n_jobs; /* queued or running: they keep this object, but not the memory of the chunk */
    uint8_t *raw;
    uint64_t delivered; /* bytes that are in the kernel's page cache; more when read twice */
    bool is_passed;     /* all who read it directly have left it behind */
    struct bfs_waiter *waiters;
    struct bfs_block *hash_next;
    struct bfs_block *older, *newer; /* while READY and unreferenced */

    /* A prefetch that waits in its queue is overtaken by a second job when somebody asks. */
    struct bfs_block_job job;
    struct bfs_block_job urgent_job;
    bool urgent;
};

struct bfs_cache {
    size_t limit;
    atomic_size_t bound; /* while memory is tight; SIZE_MAX: none */
    size_t passed_room; /* bytes; beyond, chunks that direct readers have passed go before growth */
    size_t together; /* stored bytes that a worker may have in memory at once, but for one chunk */
    struct bfs_pool *pool;
    struct bfs_metrics *metrics;
    struct bfs_decoded *decoded;
    const struct bfs_log *log;
    struct bfs_proofs *proofs;             /* NULL: every chunk is proved each time */
    const struct bfs_cache_copies *copies; /* NULL: there are none */
    void *copies_context;
    uint64_t keys[2]; /* secret, so that no chunk table can fill one bucket */
    pthread_mutex_t mutex;
    struct bfs_block **buckets; /* protected by mutex, like all below */
    size_t n_buckets;           /* a power of two */
    struct bfs_block *oldest, *newest;
    struct bfs_slab slab;
    pthread_t spare_maker;
    bool has_spare_maker;
    pthread_cond_t spare_wanted; /* or stopping */
    bool stopping;
};

/* Takes a block out of the hash, so that nobody finds it any more. */
void bfs_cache_unhash(struct bfs_cache *cache, struct bfs_block *block);
/* Frees a block that nobody can reach any more. */
void bfs_cache_collect(struct bfs_block *block);
/* Drops one reference. */
void bfs_cache_unreference(struct bfs_cache *cache, struct bfs_block *block);
/* Room for a chunk. Demand may go over the limit when everything is in use: the readers that are
 * admitted at once are bounded elsewhere, and must not wait for each other. NULL: no memory, or
 * none for what nobody waits for. */
uint8_t *bfs_cache_allocate(struct bfs_cache *cache, uint32_t size, bool demanded);

/* Starts the thread that makes the spare area of the slab, without the mutex. Errors: -EAGAIN. */
int bfs_cache_start_spare_maker(struct bfs_cache *cache);
/* Ends it, if it was started. Without the mutex. */
void bfs_cache_stop_spare_maker(struct bfs_cache *cache);
/* Wakes it when a spare area is of use. */
void bfs_cache_ask_for_spare(struct bfs_cache *cache);

/* What the jobs of a block do: load it. */
extern const struct bfs_job bfs_cache_loading;

#endif

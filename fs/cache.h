/* SPDX-License-Identifier: Apache-2.0
 * Decoded chunks, within one memory budget for the whole daemon. However many readers want a chunk,
 * it is decoded once; chunks that are the same in several files or bundles are one entry.
 *
 * An entry is found by all that its chunk record says (digest of the stored bytes, XXH3 of the raw
 * ones, sizes, encoding), never by place: a hostile table that calls the bytes of another bundle
 * something else finds, and spoils, nothing of that bundle.
 *
 * Chunk tables of open files beyond BFS_CACHE_TABLES_FREE are taken from the budget: the cache
 * gives up as much, down to BFS_CACHE_SIZE_MIN.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_CACHE_H
#define BFS_FS_CACHE_H

#include "codec/store/file.h"
#include "fs/log.h"
#include "fs/metrics.h"
#include "fs/pool.h"
#include "fs/proofs.h"

enum {
    BFS_CACHE_SIZE_DEFAULT = 256 << 20, /* where memory allows it */
    BFS_CACHE_SIZE_MIN = 16 << 20,      /* three of the largest chunks before a transform */
    BFS_CACHE_TABLES_FREE = 16 << 20,   /* 50 GB of chunks of 256 KiB */
};

/* A decoded chunk. Immutable while referenced. */
struct bfs_block;
const uint8_t *bfs_block_bytes(const struct bfs_block *block);
uint32_t bfs_block_size(const struct bfs_block *block);

/* Somebody who waits for a chunk; embedded by its owner, and alive until done() is entered. */
struct bfs_waiter {
    /* status 0: the block is given with a reference. Otherwise a negative errno, and NULL. Called
     * from a worker without locks held. */
    void (*done)(struct bfs_waiter *waiter, int status, struct bfs_block *block);
    /* False: the waiter needs no answer. A chunk that no waiter needs when a worker comes to it is
     * not decoded, and done() gets -ETIMEDOUT. Called with the cache's mutex held; takes no mutex
     * but that of the calls. NULL: always true. */
    bool (*is_needed)(const struct bfs_waiter *waiter);
    struct bfs_waiter *next; /* the cache's */
};

struct bfs_cache;
/* The pool, metrics and log outlive the cache; the pool is freed (or idle) before it.
 * Errors: -ENOMEM, -EAGAIN (its thread cannot be started). */
int bfs_cache_new(size_t limit, struct bfs_pool *pool, struct bfs_metrics *metrics,
                  const struct bfs_log *log, struct bfs_cache **ret);
struct bfs_cache *bfs_cache_free(struct bfs_cache *cache);
BFS_DEFINE_CLEANUP(bfs_cache, bfs_cache_free)

/* Chunks whose proof is remembered there are not proved again, and those that are proved are
 * remembered. Before the first chunk; `proofs` outlives the cache. */
void bfs_cache_set_proofs(struct bfs_cache *cache, struct bfs_proofs *proofs);

/* Where decoded chunks are kept outside the cache's memory. All are called from workers, without
 * locks held. */
struct bfs_cache_copies {
    bool (*has)(void *context, const struct bfs_file *file, uint32_t i);
    /* Reads chunk i into its raw_size bytes at `raw`; an error: it is decoded. */
    int (*read)(void *context, const struct bfs_file *file, uint32_t i, uint8_t *raw);
    /* Chunk i was decoded just now, for whomever. The block lasts until it returns. */
    void (*decoded)(void *context, struct bfs_file *file, uint32_t i, struct bfs_block *block);
};
/* Before the first chunk; both outlive the cache's last use. */
void bfs_cache_set_copies(struct bfs_cache *cache, const struct bfs_cache_copies *copies,
                          void *context);

/* The decoded chunk i of a file: 1 and a reference in *ret when it is there; 0 when the waiter will
 * be called; -ENOMEM. */
int bfs_cache_get(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                  struct bfs_waiter *waiter, struct bfs_block **ret);
/* The same for what nobody waits for: decoded after all that somebody does. Counts neither as hit
 * nor as miss. */
int bfs_cache_get_later(struct bfs_cache *cache, struct bfs_file *file, uint32_t i,
                        struct bfs_waiter *waiter, struct bfs_block **ret);
/* One more reference, to a block of which the caller has one. */
struct bfs_block *bfs_cache_ref(struct bfs_cache *cache, struct bfs_block *block);
void bfs_cache_put(struct bfs_cache *cache, struct bfs_block *block);
/* The same, after `bytes` of the block went into the kernel's page cache. Once all of it did, the
 * block is the first to be reused: its memory is still in the processor's cache then, and nobody
 * will ask for it again soon. */
void bfs_cache_put_delivered(struct bfs_cache *cache, struct bfs_block *block, size_t bytes);
/* Chunks [first, first + n) of the file are the next to be reused, unless somebody has them: all
 * who were reading them have passed. */
void bfs_cache_let_go(struct bfs_cache *cache, const struct bfs_file *file, uint32_t first,
                      uint32_t n);
/* Decodes n chunks that may be wanted soon, unless the memory is taken by chunks in use. Those that
 * are given at once may be proved together. `priority` is AHEAD or FILL. */
void bfs_cache_prefetch(struct bfs_cache *cache, struct bfs_file *file, const uint32_t chunks[],
                        size_t n, enum bfs_priority priority);
bool bfs_cache_has(struct bfs_cache *cache, const struct bfs_chunk *chunk);
/* The chunk with a reference when it is decoded, else NULL. Counts neither as hit nor as miss. */
struct bfs_block *bfs_cache_peek(struct bfs_cache *cache, const struct bfs_chunk *chunk);
/* Memory of the cache for `size` bytes of somebody else; NULL: all of it is in use. */
uint8_t *bfs_cache_take_room(struct bfs_cache *cache, uint32_t size);
void bfs_cache_give_room(struct bfs_cache *cache, uint8_t *room, uint32_t size);
/* Gives back what tables, or the bound, have taken since the last chunk came or went. */
void bfs_cache_shrink(struct bfs_cache *cache);
/* Bounds the memory for chunks below the limit while the host's memory is tight; SIZE_MAX: no
 * bound. BFS_CACHE_SIZE_MIN always remains. */
void bfs_cache_bound(struct bfs_cache *cache, size_t bound);
/* Bytes of memory for chunks: in use, free, and made ready for the next. */
size_t bfs_cache_size(struct bfs_cache *cache);
size_t bfs_cache_limit(const struct bfs_cache *cache);
/* What is left of that beside chunk tables, and of the bound. */
size_t bfs_cache_limit_now(const struct bfs_cache *cache);
/* Counts a chunk that somebody has decoded beside the cache, as those that it decodes itself. */
void bfs_cache_count_decoded(struct bfs_cache *cache, const struct bfs_chunk *chunk,
                             bool was_proved);
/* Stored bytes that one worker may have in memory at once, but for a chunk that is larger. */
size_t bfs_cache_together(const struct bfs_cache *cache);

#endif

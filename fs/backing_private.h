/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the table of backing files share: the table (backing_table.c); what is decided
 * about its files (backing.c); how one is filled (backing_fill.c) with chunks that were decoded for
 * others (backing_offer.c) or are in the kernel's page cache (backing_retrieve.c); how one serves
 * before it is full (backing_copy.c); and the thread that does what takes long (backing_keeper.c).
 *
 * THREAD SAFETY: "locked" in a name: with the table's mutex held. */
#ifndef BFS_FS_BACKING_PRIVATE_H
#define BFS_FS_BACKING_PRIVATE_H

#include "fs/backing.h"
#include "fs/pool.h"

#include <pthread.h>

enum {
    BFS_FILL_PARTS = 64,              /* chunks of one file that are asked for at once */
    BFS_FILL_AHEAD_MAX = 16 << 20,    /* their bytes */
    BFS_FILL_RETRIEVED_MAX = 4 << 20, /* when the kernel is asked: it takes memory of the cache */
};

struct bfs_backed;

/* A chunk that a fill waits for. */
struct bfs_fill_part {
    struct bfs_waiter waiter;
    struct bfs_job job; /* judges what the kernel gave */
    struct bfs_backed *backed;
    uint32_t index;
    uint32_t size;
    bool is_asked;
    uint8_t *kept; /* memory of the cache for what the kernel gives; NULL: it was not asked */
    size_t n_kept;
    struct bfs_fill_part *next_free;
};

/* The filling of one file. Protected by the table's mutex. */
struct bfs_fill {
    struct bfs_file *source; /* a reference */
    uint32_t next;           /* the first chunk that was not asked for */
    bool complete;           /* what nobody reads is decoded for it */
    bool was_read;           /* the kernel may have some of it */
    uint64_t asked;          /* bytes of chunks that are asked for */
    unsigned n_work;         /* chunks asked for or offered: they use the file */
    bool asking;             /* a thread is in bfs_fill_go_on() */
    bool is_paused;          /* it asks for no more while memory is tight */
    int error;
    struct bfs_fill_part parts[BFS_FILL_PARTS];
    struct bfs_fill_part *free;
};

enum bfs_backed_state {
    BFS_BACKED_NONE,
    BFS_BACKED_WANTED,  /* the keeper will make room and the file */
    BFS_BACKED_FILLING, /* there is a file and a fill */
    BFS_BACKED_ENDING,  /* the keeper will make it READY or FAILED */
    BFS_BACKED_READY,
    BFS_BACKED_DAMAGED, /* was READY; the keeper says so, and the last who has it open drops it */
    BFS_BACKED_DROPPED, /* the keeper will take it away */
    BFS_BACKED_FAILED,
};

/* What is known of one file. Protected by the table's mutex. */
struct bfs_backed {
    struct bfs_backing *backing;
    uint64_t node;   /* its first number */
    uint64_t parent; /* its directory */
    char *name;      /* owned; in that directory; NULL before it was wanted */
    uint64_t size;
    uint64_t served; /* bytes that were given to readers */
    bool has_content;
    struct bfs_digest content; /* digest of its chunk table: the same for the same bytes */
    enum bfs_backed_state state;
    int error;          /* FAILED, DAMAGED: why */
    uint64_t failed_ms; /* FAILED: when */
    uint64_t kept_ms;   /* when somebody last waited for it; 0: never */
    uint64_t reserved;  /* of the budget */
    struct bfs_backing_file *file;
    struct bfs_fill *fill;
    int32_t id;           /* READY, DAMAGED: of the kernel */
    unsigned opens;       /* in the kernel */
    unsigned plain_opens; /* of the second number, through us */
    bool is_queued;       /* for the keeper */
    bool is_kept;         /* READY, and the keeper still works on it: not to be dropped yet */
    struct bfs_backed *bucket_next, *content_next, *queue_next;
    struct bfs_backed *older, *newer; /* by last use */
};

enum { BFS_BACKED_BUCKETS = 1024 };

struct bfs_backing {
    struct bfs_cache *cache;
    struct bfs_pool *pool;
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    struct bfs_backing_kernel kernel;
    struct bfs_backing_place place;
    enum bfs_backing_fill fill;
    atomic_bool started;            /* all above is set */
    atomic_uint n_ready;            /* so that most lookups take no lock */
    atomic_uint n_files;            /* being filled or ready: so that most decoding takes no lock */
    _Atomic uint64_t slow_until_ms; /* the disk does not keep up */

    pthread_mutex_t mutex;
    pthread_cond_t work; /* for the keeper */
    bool stopping;       /* protected by mutex, like all below */
    bool is_tight;       /* memory is */
    bool has_keeper;
    pthread_t keeper;
    struct bfs_backed *buckets[BFS_BACKED_BUCKETS];
    struct bfs_backed *contents[BFS_BACKED_BUCKETS];
    struct bfs_backed *oldest, *newest;
    unsigned n_backed;
    struct bfs_backed *queue, **queue_last;
    uint64_t reserved; /* of place.limit */
    uint64_t offered;  /* bytes of chunks that wait to be written */
};

void bfs_backed_free(struct bfs_backed *backed);
struct bfs_backed *bfs_backed_find_locked(struct bfs_backing *backing, uint64_t node);
/* NULL: no memory. */
struct bfs_backed *bfs_backed_get_locked(struct bfs_backing *backing, uint64_t node);
void bfs_backing_queue_locked(struct bfs_backing *backing, struct bfs_backed *backed);
/* The first of those with that content; the next ones follow by content_next. */
struct bfs_backed *bfs_backed_content_locked(struct bfs_backing *backing,
                                             const struct bfs_digest *content);
/* The file's content is its own from then on. */
void bfs_backed_set_content_locked(struct bfs_backed *backed, const struct bfs_file *file);
/* The keeper will take it away; it is READY or DAMAGED, or a fill on which nobody works. */
void bfs_backed_drop_locked(struct bfs_backed *backed);
/* Takes the least recently used files that nobody has open out of use, until `size` more fits
 * within the limit; false, with none taken, when that cannot be. They are DROPPED, and queued. */
bool bfs_backing_make_room_locked(struct bfs_backing *backing, uint64_t size);
void bfs_backing_count_locked(struct bfs_backing *backing);
/* Gives up: what was reserved is free, and the reason is remembered. */
void bfs_backed_fail_locked(struct bfs_backed *backed, int error);
/* Its file is not what was written: it does not become READY, or is DAMAGED from now on. */
void bfs_backed_damage_locked(struct bfs_backed *backed, int error);
/* Drops what is DAMAGED once nobody has it open in the kernel, and the keeper has it not in line.
 */
void bfs_backed_let_go_locked(struct bfs_backed *backed);

/* The digest of the file's chunk table. */
struct bfs_digest bfs_backing_content(const struct bfs_file *file);

/* Somebody waits until it is there. */
bool bfs_backed_is_awaited(const struct bfs_backed *backed);
/* It would take memory that is tight, and nobody waits for it: nothing is written into it. */
bool bfs_fill_must_wait_locked(const struct bfs_backed *backed);

/* Asks for chunks, up to so many at once. Not locked. */
void bfs_fill_go_on(struct bfs_backed *backed);
/* Hands it to the keeper when nobody works on it any more and nothing is missing, or it failed. */
void bfs_fill_end_locked(struct bfs_backed *backed);
/* Writes chunk i, which is claimed, proved and decoded. Where blocking is fine. Errors: those of
 * bfs_backing_file_write(). */
int bfs_fill_write(struct bfs_backed *backed, uint32_t i, const uint8_t *raw);
/* The same for a chunk that is not claimed; 0, too, when somebody else writes it. */
int bfs_fill_claim_and_write(struct bfs_backed *backed, uint32_t i, const uint8_t *raw);
/* Work on the fill ends: with what status. */
void bfs_fill_work_done(struct bfs_backed *backed, int status);
/* Has the fill asked for chunk i, and waits? */
bool bfs_fill_is_asked_locked(const struct bfs_fill *fill, uint32_t i);
/* Has the chunk decoded, where nobody else has it. */
void bfs_fill_decode(struct bfs_fill_part *part);
void bfs_fill_part_done(struct bfs_fill_part *part, int status);
/* Asks the kernel for a chunk that it was given. Errors: -ENOMEM (the cache is in use), others (it
 * cannot be asked). */
int bfs_fill_retrieve(struct bfs_fill_part *part);

/* What the cache is told to call. */
extern const struct bfs_cache_copies bfs_backing_copies;
void bfs_backing_decoded(void *context, struct bfs_file *file, uint32_t i, struct bfs_block *block);
/* NULL: no memory. */
struct bfs_fill *bfs_fill_new(struct bfs_backed *backed, struct bfs_file *source, bool complete);
struct bfs_fill *bfs_fill_free(struct bfs_fill *fill);

/* A fill that lived on what was read decodes the rest by itself from now on. */
void bfs_backing_complete(struct bfs_backing *backing, uint64_t node);

void *bfs_backing_run_keeper(void *argument);

#endif

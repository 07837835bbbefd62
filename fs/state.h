/* SPDX-License-Identifier: Apache-2.0
 * Everything that one mount is made of. */
#ifndef BFS_FS_STATE_H
#define BFS_FS_STATE_H

#include "accel/host.h"
#include "fs/backing.h"
#include "fs/advice.h"
#include "fs/bundles.h"
#include "fs/cache.h"
#include "fs/call.h"
#include "fs/files.h"
#include "fs/flocks.h"
#include "fs/guard.h"
#include "fs/lines.h"
#include "fs/links.h"
#include "fs/lookahead.h"
#include "fs/negotiated.h"
#include "fs/options.h"
#include "fs/passthrough_io.h"
#include "fs/prover.h"
#include "fs/reads.h"
#include "fs/signatures.h"
#include "fs/tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

struct bfs_control_texts;

/* Sums over all bundles of the tree, as of the last time that one was judged (fs/control.c). */
struct bfs_counted {
    bool is_set;
    uint64_t judgements; /* bfs_bundles_judgements() then */
    uint64_t n_refused, n_uncounted;
};

struct bfs_fs {
    struct bfs_passthrough_io passthrough;   /* the first member: see bfs_passthrough_install() */
    const struct bfs_mount_options *options; /* borrowed, like store and log */
    const struct bfs_store *store;
    const struct bfs_log *log;
    struct bfs_host host;
    struct bfs_view_rules view_rules;
    struct bfs_counted counted;
    atomic_bool is_view_found; /* a bundle that was looked at has the view of -o view */
    struct bfs_metrics metrics;
    struct bfs_readahead_limits ahead;
    struct bfs_pool *pool;
    struct bfs_proofs *proofs; /* NULL: nothing is remembered */
    struct bfs_cache *cache;
    struct bfs_calls *calls;
    struct bfs_backing *backing;
    struct bfs_files *files;
    struct bfs_flocks *flocks;
    struct bfs_lines *lines; /* requests that wait for what another request reads */
    struct bfs_reads *reads;
    struct bfs_prover
        *prover; /* NULL: files are opened unproved, and their chunks proved by reads */
    struct bfs_advice *advice;
    struct bfs_trace *trace;   /* NULL: none */
    struct bfs_replay *replay; /* NULL: it is off */
    struct bfs_bundles *bundles;
    struct bfs_lookahead *lookahead;
    struct bfs_tree_numbers *numbers;
    struct bfs_links *links;
    struct bfs_signatures *signatures;
    struct bfs_control_texts *control_texts;
    struct bfs_policy_file *policy_file; /* NULL: no policy, like guard */
    struct bfs_guard *guard;
    struct bfs_audit *audit;      /* NULL: none */
    struct fuse_session *session; /* NULL in tests that mount nothing */
    uid_t uid;                    /* whose everything is: the daemon's */
    gid_t gid;
    uint64_t incarnation;   /* of node numbers: another one in each mount */
    struct stat index_seen; /* index.json before it was first read; zeros when it was not */
    bool needs_opendir;     /* the kernel cannot do without; set before the first request */
    /* When somebody last wanted to know more of a name than that it is there, as bfs_now_ms(); 0:
     * nobody yet. See BFS_CURIOUS_MS. */
    atomic_uint_fast64_t curious_ms;

    pthread_mutex_t mutex;
    struct bfs_tree *tree; /* protected by mutex, like all below */
    struct bfs_negotiated negotiated;
    struct timespec tree_time;         /* when it was read: the time of its directories */
    uint64_t checked_ms;               /* when index.json was last seen to be fine */
    char trouble[BFS_ERROR_TEXT_SIZE]; /* what the last look at it found wrong; "" for nothing */
    bool is_exposed;                   /* the policy limits readers, and all can read the store */
    char no_passthrough[BFS_ERROR_TEXT_SIZE]; /* why there is none; "": there is */
    uint64_t generation;    /* counts changes of the bundles and statements in the catalogue */
    uint64_t usage_logical; /* for statfs, of usage_generation */
    uint64_t usage_stored;
    uint64_t usage_generation;
};

/* Starts the threads and reads the catalogue; mounts nothing. Errors: those of bfs_catalog_load(),
 * -ENOMEM, -EAGAIN. */
int bfs_fs_new(const struct bfs_store *store, const struct bfs_mount_options *options,
               const struct bfs_log *log, struct bfs_fs **ret, struct bfs_error *error);
struct bfs_fs *bfs_fs_free(struct bfs_fs *fs);
BFS_DEFINE_CLEANUP(bfs_fs, bfs_fs_free)
/* No request comes any more: writes what the trace and the audit log have still to say, for what
 * else ends may wait for the store for ever. Each gets so long. */
bool bfs_fs_write_out(struct bfs_fs *fs, unsigned timeout_ms);
/* Then: ends the threads that may hang in the store, or in the disk of backing files. Each gets so
 * long. False, of both: threads hang and are left; the object must not be freed. */
bool bfs_fs_stop(struct bfs_fs *fs, unsigned timeout_ms);

/* Sets how far to read ahead, as memory permits. Reads a few small files of the kernel. */
void bfs_fs_look_at_memory(struct bfs_fs *fs);

/* The tree of index.json as it is now. Errors: those of bfs_catalog_load(), -ENOMEM. */
int bfs_fs_read_tree(struct bfs_fs *fs, struct bfs_tree **ret, struct bfs_error *error);
/* The present tree, with a reference. */
struct bfs_tree *bfs_fs_tree(struct bfs_fs *fs);
/* Is the bundle of the slot refused at present, by the policy or because it is damaged? Copies the
 * reason. */
bool bfs_fs_refusal(struct bfs_fs *fs, uint32_t slot, char ret[static BFS_ERROR_TEXT_SIZE]);
/* Puts a new tree in place; takes the reference over and gives the old one back. */
struct bfs_tree *bfs_fs_set_tree(struct bfs_fs *fs, struct bfs_tree *tree);

#endif

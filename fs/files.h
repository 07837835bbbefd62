/* SPDX-License-Identifier: Apache-2.0
 * Files that somebody has open: one object for all opens of an inode, with its read-ahead.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_FILES_H
#define BFS_FS_FILES_H

#include "codec/store/file.h"
#include "fs/metrics.h"
#include "fs/pool.h"
#include "fs/readahead.h"

#include <stdatomic.h>

struct bfs_open_file {
    uint64_t node;
    struct bfs_file *file;           /* set once, before anybody else sees the object */
    struct bfs_readahead *readahead; /* likewise */
    /* Of a file with many chunks: how much of it the cache held, when that was last counted. */
    atomic_uint_fast64_t resident;
    atomic_uint_fast64_t resident_ms; /* bfs_now_ms(); 0: never */
    atomic_flag is_counting;
    unsigned references;             /* protected by the table's mutex */
    struct bfs_open_file *next;
    struct bfs_job closing; /* once nobody has it */
};

struct bfs_files;
/* All outlive the object, but for the pool, which closes files; NULL: who drops one closes it.
 * Errors: -ENOMEM. */
int bfs_files_new(struct bfs_readahead_limits *limits, struct bfs_pool *pool,
                  struct bfs_metrics *metrics, struct bfs_files **ret);
/* The pool has been freed. NULL is fine. */
void bfs_files_lose_pool(struct bfs_files *files);
struct bfs_files *bfs_files_free(struct bfs_files *files);
BFS_DEFINE_CLEANUP(bfs_files, bfs_files_free)

/* With a reference; NULL when nobody has it open. */
struct bfs_open_file *bfs_files_find(struct bfs_files *files, uint64_t node);
/* Reads the chunk table and opens the blobs, so it may block. A second caller for the same node
 * sleeps until the first has ended: tables are large. Requests stand in a line of fs/lines.h before
 * they call it, so that they sleep without a worker. Errors: those of bfs_file_open(). */
int bfs_files_open(struct bfs_files *files, uint64_t node, struct bfs_bundle *bundle,
                   uint32_t inode, struct bfs_open_file **ret, struct bfs_error *error);
/* The same for a file that somebody else has opened already; reads nothing, and takes the reference
 * over, also when it fails. Errors: -ENOMEM. */
int bfs_files_share(struct bfs_files *files, uint64_t node, struct bfs_file *file,
                    struct bfs_open_file **ret);
struct bfs_open_file *bfs_files_ref(struct bfs_files *files, struct bfs_open_file *open);
/* Never blocks: a worker closes what nobody has any more, for close(2) may wait for the store. */
void bfs_files_unref(struct bfs_files *files, struct bfs_open_file *open);

#endif

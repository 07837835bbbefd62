/* SPDX-License-Identifier: Apache-2.0
 * Answers read requests from decoded chunks, straight from the cache's memory.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_READS_H
#define BFS_FS_READS_H

#include "fs/advice.h"
#include "fs/backing.h"
#include "fs/cache.h"
#include "fs/call.h"
#include "fs/files.h"
#include "fs/replay.h"
#include "fs/trace.h"

struct bfs_reads;
/* All arguments outlive the object. Errors: -ENOMEM. */
int bfs_reads_new(struct bfs_cache *cache, struct bfs_calls *calls, struct bfs_files *files,
                  struct bfs_backing *backing, struct bfs_metrics *metrics, struct bfs_reads **ret);
struct bfs_reads *bfs_reads_free(struct bfs_reads *reads);
BFS_DEFINE_CLEANUP(bfs_reads, bfs_reads_free)

/* Who is told of reads, and of what they will need; NULL: nobody. Before the first read. */
void bfs_reads_watch(struct bfs_reads *reads, struct bfs_advice *advice, struct bfs_trace *trace,
                     struct bfs_replay *replay);

/* Answers `request` now or later with all of [offset, offset + size) that is in the file, or with
 * EIO when any of it cannot be proved. `is_direct`: the answer passes by the page cache (O_DIRECT),
 * so other readers will ask for the same chunks again. Never blocks on the store. The caller's
 * reference to `open` must last until the answer. */
void bfs_reads_start(struct bfs_reads *reads, fuse_req_t request, struct bfs_open_file *open,
                     uint64_t offset, size_t size, bool is_direct);

#endif

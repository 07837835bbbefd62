/* SPDX-License-Identifier: Apache-2.0
 * Decodes ahead in the order of a recorded load, for as long as a runtime follows it: the order
 * that a bundle brings, or that of a trace, which then takes its place.
 *
 * It begins when the file that the order of a bundle starts with is opened, and goes on as reads
 * advance along it: always a window ahead of the furthest one, also into files that nobody has
 * opened yet; further ahead, the stored bytes are asked of the kernel. Who reads in another order
 * loses nothing but that work. A thread of its own does what may block.
 *
 * What a bundle brings is a hint of a stranger: it is validated like an index, its chunks are
 * decoded when there is nothing else to do, all loads share one window, and what their orders take
 * is bounded.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_REPLAY_H
#define BFS_FS_REPLAY_H

#include "fs/bundles.h"
#include "fs/cache.h"
#include "fs/files.h"

/* What a replay works with: all borrowed, and outlives it. */
struct bfs_replay_setup {
    const char *path; /* of a trace; NULL: there is none */
    struct bfs_bundles *bundles;
    struct bfs_files *files;
    struct bfs_cache *cache;
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    const struct bfs_readahead_limits *limits; /* smaller than the windows: memory is tight */
    uint64_t stored_window; /* raw bytes beyond the decoded ones that are asked for as stored */
};

struct bfs_replay;
/* Errors: those of bfs_trace_read(), -EAGAIN. */
int bfs_replay_new(const struct bfs_replay_setup *setup, struct bfs_replay **ret,
                   struct bfs_error *error);
/* Ends the thread, and so what it gives to workers. False: it hangs in the store, is left after
 * `timeout_ms`, and the object must not be freed. NULL is fine. */
bool bfs_replay_stop(struct bfs_replay *replay, unsigned timeout_ms);
/* After everybody who opens or reads files has ended. */
struct bfs_replay *bfs_replay_free(struct bfs_replay *replay);
BFS_DEFINE_CLEANUP(bfs_replay, bfs_replay_free)

/* A file was opened, or opened again. Never waits. */
void bfs_replay_opened(struct bfs_replay *replay, const struct bfs_open_file *open);
/* The file's bytes [offset, end) are being read. Does that follow the order? Then what comes next
 * is known, and nobody needs to guess. */
bool bfs_replay_note(struct bfs_replay *replay, const struct bfs_open_file *open, uint64_t offset,
                     uint64_t end);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Decodes ahead in the order of a recorded trace, for as long as a runtime follows it.
 *
 * It begins when the file that the trace of a bundle starts with is opened, and goes on as reads
 * advance along the trace: always a window ahead of the furthest one, also into files that nobody
 * has opened yet; further ahead, the stored bytes are asked of the kernel. Who reads in another
 * order loses nothing but that work. A thread of its own does what may block.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_REPLAY_H
#define BFS_FS_REPLAY_H

#include "fs/bundles.h"
#include "fs/cache.h"
#include "fs/files.h"

struct bfs_replay;
/* What is borrowed outlives the replay. `window` is bytes of decoded chunks; `stored_window` is raw
 * bytes beyond it whose stored bytes are asked for. Errors: those of bfs_trace_read(), -EAGAIN. */
int bfs_replay_new(const char *path, struct bfs_bundles *bundles, struct bfs_files *files,
                   struct bfs_cache *cache, struct bfs_metrics *metrics, uint64_t window,
                   uint64_t stored_window, struct bfs_replay **ret, struct bfs_error *error);
/* Ends the thread, and so what it gives to workers. May wait for the store. NULL is fine. */
void bfs_replay_stop(struct bfs_replay *replay);
/* After everybody who opens or reads files has ended. */
struct bfs_replay *bfs_replay_free(struct bfs_replay *replay);
BFS_DEFINE_CLEANUP(bfs_replay, bfs_replay_free)

/* A file was opened, or opened again. */
void bfs_replay_opened(struct bfs_replay *replay, struct bfs_open_file *open);
/* The file's bytes [offset, end) are being read. Does that follow the trace? Then what comes next
 * is known, and nobody needs to guess. */
bool bfs_replay_note(struct bfs_replay *replay, const struct bfs_open_file *open, uint64_t offset,
                     uint64_t end);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Writes down in which order a runtime touches files: for each part of a file the first touch, as
 * one line of JSON. docs/operations.md has the fields. A request only leaves a note in a ring; a
 * thread of its own does the rest, and when the ring is full the note is lost and counted.
 *
 * THREAD SAFETY: bfs_trace_note() from any thread; the rest from the owner. */
#ifndef BFS_FS_TRACE_H
#define BFS_FS_TRACE_H

#include "codec/store/file.h"
#include "fs/log.h"
#include "fs/metrics.h"

struct bfs_trace;
/* What is at `path` is replaced when there is something to write. Errors: -ENOMEM, -EAGAIN, errno
 * of open(2). */
int bfs_trace_new(const char *path, struct bfs_metrics *metrics, const struct bfs_log *log,
                  struct bfs_trace **ret, struct bfs_error *error);
/* Writes what is noted, and ends the thread: nothing may be noted any more. False: not within
 * `timeout_ms`. */
bool bfs_trace_stop(struct bfs_trace *trace, unsigned timeout_ms);
/* After that: the thread ends by itself, and nobody waits for it. The object must not be freed. */
void bfs_trace_leave(struct bfs_trace *trace);
/* Stops it, however long that takes. */
struct bfs_trace *bfs_trace_free(struct bfs_trace *trace);
BFS_DEFINE_CLEANUP(bfs_trace, bfs_trace_free)

/* Chunks first..last of the file are being read. Never waits for the disk. */
void bfs_trace_note(struct bfs_trace *trace, struct bfs_file *file, uint32_t first, uint32_t last);

#endif

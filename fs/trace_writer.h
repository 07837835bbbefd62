/* SPDX-License-Identifier: Apache-2.0
 * The file that a trace is written to. What is there stays until there are lines to take its place,
 * and is exchanged for them at once; whenever the writer dies, the path names the old trace or a
 * new one, of which only the last line may be cut off.
 *
 * THREAD SAFETY: one thread at a time. */
#ifndef BFS_FS_TRACE_WRITER_H
#define BFS_FS_TRACE_WRITER_H

#include "verify/cleanup.h"
#include "verify/error.h"

#include <stddef.h>

struct bfs_trace_writer;
/* Creates an empty file where there is none. Errors: -ENOMEM, errno of open(2). */
int bfs_trace_writer_open(const char *path, struct bfs_trace_writer **ret, struct bfs_error *error);
struct bfs_trace_writer *bfs_trace_writer_free(struct bfs_trace_writer *writer);
BFS_DEFINE_CLEANUP(bfs_trace_writer, bfs_trace_writer_free)

/* Adds whole lines. After a failure the file has those that were added before, and must be given no
 * more; when they were the first, it is still the old one, where it could be exchanged. Errors:
 * errno of write(2) and fdatasync(2). */
int bfs_trace_writer_add(struct bfs_trace_writer *writer, const void *lines, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The log line and the count of a chunk that could not be read or proved.
 *
 * THREAD SAFETY: any thread. */
#ifndef BFS_FS_CHUNK_LOG_H
#define BFS_FS_CHUNK_LOG_H

#include "codec/store/file.h"
#include "fs/log.h"
#include "fs/metrics.h"

/* `status` and `error` are what reading a chunk of the file gave. */
void bfs_log_chunk(const struct bfs_log *log, struct bfs_metrics *metrics,
                   const struct bfs_file *file, int status, const struct bfs_error *error);

#endif

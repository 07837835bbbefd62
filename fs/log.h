/* SPDX-License-Identifier: Apache-2.0
 * Where the daemon's one-line messages go: the program decides, the file system only calls.
 *
 * THREAD SAFETY: the sink is set before any thread starts and must itself be callable from any. */
#ifndef BFS_FS_LOG_H
#define BFS_FS_LOG_H

#include <stdint.h>

enum bfs_log_level { BFS_LOG_ERROR, BFS_LOG_WARNING, BFS_LOG_INFO };

struct bfs_log {
    void (*write)(void *context, enum bfs_log_level level, const char *line);
    void *context;
};

/* At most a few hundred lines a minute get through, and the first after a flood says how many did
 * not: a damaged disk must not fill another one with messages. */
void bfs_log(const struct bfs_log *log, enum bfs_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

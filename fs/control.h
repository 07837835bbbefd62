/* SPDX-License-Identifier: Apache-2.0
 * The files under .bundlefs: the daemon about itself. They never touch the store.
 *
 * THREAD SAFETY: any function from any thread, but bfs_control_write() by one at a time, which
 * fs/control_text.h sees to. */
#ifndef BFS_FS_CONTROL_H
#define BFS_FS_CONTROL_H

#include "fs/state.h"

/*   X(ID, "name") : consecutive node numbers after BFS_NODE_CONTROL */
#define BFS_CONTROL_LIST(X)                                                                        \
    X(METRICS, "metrics")                                                                          \
    X(HEALTH, "health.json")                                                                       \
    X(HOST, "host.json")                                                                           \
    X(REFUSED, "refused.json")                                                                     \
    X(SESSION, "session.json")                                                                     \
    X(OPENMETRICS, "metrics.openmetrics")

enum bfs_control {
#define BFS_CONTROL_ENUM(ID, name) BFS_CONTROL_##ID,
    BFS_CONTROL_LIST(BFS_CONTROL_ENUM)
#undef BFS_CONTROL_ENUM
        BFS_N_CONTROLS,
};

const char *bfs_control_name(enum bfs_control control);
/* Appends the file's text as it is now. Errors: -ENOMEM. */
int bfs_control_write(struct bfs_fs *fs, enum bfs_control control, struct bfs_buffer *ret);

#endif

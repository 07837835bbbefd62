/* SPDX-License-Identifier: Apache-2.0
 * Takes over changes of index.json while mounted: inotify for speed, and polling because stores lie
 * on network file systems too.
 *
 * THREAD SAFETY: a thread of its own, which is the only one that tells the kernel what became
 * invalid: doing so inside a request can deadlock. */
#ifndef BFS_FS_WATCH_H
#define BFS_FS_WATCH_H

#include "fs/state.h"

struct bfs_watch;
/* Errors: -ENOMEM, -EAGAIN, errno of eventfd(2). */
int bfs_watch_start(struct bfs_fs *fs, struct bfs_watch **ret);
/* Waits at most a second for the thread, which may hang with the store. False: it does, and goes on
 * using the file system's state, which must then not be freed. */
bool bfs_watch_stop(struct bfs_watch *watch);

/* Reads the catalogue and puts a new tree in place when it differs; tells the kernel. For the
 * thread, and for tests. Errors: those of bfs_catalog_load(). */
int bfs_fs_reload(struct bfs_fs *fs, struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Passthrough of one mount: asked for when it is mounted, begun when the kernel has agreed. Where
 * something is missing, files are read as without it; what, is in the log and in health.json.
 *
 * THREAD SAFETY: each is called once. */
#ifndef BFS_FS_PASSTHROUGH_H
#define BFS_FS_PASSTHROUGH_H

#include "fs/state.h"

/* When the session is mounted and does not run yet. */
void bfs_passthrough_prepare(struct bfs_fs *fs);
/* After the first request: what the kernel agreed to is known then. */
void bfs_passthrough_start(struct bfs_fs *fs);

#endif

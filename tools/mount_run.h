/* SPDX-License-Identifier: Apache-2.0
 * Running a mount, for the verb and for the mount helper. */
#ifndef BFS_TOOLS_MOUNT_RUN_H
#define BFS_TOOLS_MOUNT_RUN_H

#include "fs/options.h"

#include <stdbool.h>

/* Mounts and, in the foreground, serves until the end; otherwise returns once a daemon serves.
 * Messages go to stderr. Returns an exit status of the program. */
int bfs_mount_run(const char *store, const char *mount_point,
                  const struct bfs_mount_options *options, bool foreground);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The program under the name that mount(8) calls: mount.bundlefs STORE MOUNTPOINT [-o OPT,...]. */
#ifndef BFS_TOOLS_MOUNT_HELPER_H
#define BFS_TOOLS_MOUNT_HELPER_H

/* argv as main() gets it. Returns an exit status. */
int bfs_mount_helper_main(int argc, char **argv);

#endif

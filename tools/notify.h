/* SPDX-License-Identifier: Apache-2.0
 * What the daemon tells its service manager: sd_notify(3)'s protocol, one datagram a message to the
 * socket that NOTIFY_SOCKET names ('@' first: in the abstract name space).
 *
 * THREAD SAFETY: as getenv(3). */
#ifndef BFS_TOOLS_NOTIFY_H
#define BFS_TOOLS_NOTIFY_H

/* "READY=1", or several such lines; nothing where nobody asked to be told, or the manager is gone. */
void bfs_notify(const char *message);

#endif

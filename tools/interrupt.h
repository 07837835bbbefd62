/* SPDX-License-Identifier: Apache-2.0
 * Stopping cleanly: SIGINT, SIGTERM and SIGHUP set a flag that long work asks for. A second signal
 * ends the program at once, for when the work does not ask soon enough. */
#ifndef BFS_TOOLS_INTERRUPT_H
#define BFS_TOOLS_INTERRUPT_H

#include <stdbool.h>

void bfs_interrupt_install(void);
/* Async-signal-safe, and from any thread. */
bool bfs_interrupted(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A store that hangs: while the gate is closed, reads of blobs stop in it. The program is linked
 * with -Wl,--wrap=bfs_pread_exact.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_TESTS_GATE_H
#define BFS_TESTS_GATE_H

#include <stdint.h>

void gate_close(void);
void gate_open(void);
/* Until `n` reads at least stand before the closed gate. */
void gate_await(unsigned n);
/* Reads that went through since the last call. */
uint64_t gate_count(void);

#endif

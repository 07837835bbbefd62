/* SPDX-License-Identifier: Apache-2.0
 * What a policy makes of a bundle, step by step.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_EXPLAIN_H
#define BFS_TOOLS_EXPLAIN_H

#include <stdbool.h>

/* Prints the steps and the verdict. `policy` NULL: the default one. Returns an exit status: a
 * bundle that would be refused is FAILED. */
int bfs_explain(const char *store, const char *reference, const char *policy, bool json);

#endif

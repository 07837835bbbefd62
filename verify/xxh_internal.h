/* SPDX-License-Identifier: Apache-2.0
 * libxxhash, in its widest form that this CPU can run: the header puts dispatching functions in the
 * place of XXH3_*. Distributions that build the library without them have the plain ones, which are
 * SSE2 on x86-64: 19 GB/s where AVX-512 gives 44. */
#ifndef BFS_VERIFY_XXH_INTERNAL_H
#define BFS_VERIFY_XXH_INTERNAL_H

#ifdef BFS_XXH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

/* Before the first use by any thread: the library chooses at its first call, and not atomically. */
void bfs_xxh_choose(void);

#endif

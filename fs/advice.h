/* SPDX-License-Identifier: Apache-2.0
 * Asks the kernel for stored bytes before a worker reads them, so that the disk is at work while
 * the workers prove and decode. Asking may block like reading, so a thread of its own does it; what
 * does not fit into its short queue is not asked for.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_ADVICE_H
#define BFS_FS_ADVICE_H

#include "codec/store/file.h"

struct bfs_advice;
/* Errors: -ENOMEM, -EAGAIN. */
int bfs_advice_new(struct bfs_advice **ret);
/* Ends the thread. False: it hangs in the store, is left after `timeout_ms`, and the object must not
 * be freed. NULL is fine. */
bool bfs_advice_stop(struct bfs_advice *advice, unsigned timeout_ms);
/* Ends the thread, however long it takes. */
struct bfs_advice *bfs_advice_free(struct bfs_advice *advice);
BFS_DEFINE_CLEANUP(bfs_advice, bfs_advice_free)

/* The stored bytes of n chunks from `first` on will be read. Never waits. */
void bfs_advice_ask(struct bfs_advice *advice, struct bfs_file *file, uint32_t first, uint32_t n);
/* The same at once, in this thread. */
void bfs_advice_ask_now(const struct bfs_file *file, uint32_t first, uint32_t n);

#endif

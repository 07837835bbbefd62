/* SPDX-License-Identifier: Apache-2.0
 * Counting what was decoded, and what of it had been decoded before. The last 65,536 chunks or so
 * are known by 64 bits each, which takes half a MiB.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_DECODED_H
#define BFS_FS_DECODED_H

#include "codec/index/chunk_table.h"
#include "fs/metrics.h"
#include "verify/cleanup.h"

#include <stdbool.h>

struct bfs_decoded;
/* `metrics` outlives the object. Errors: -ENOMEM. */
int bfs_decoded_new(struct bfs_metrics *metrics, struct bfs_decoded **ret);
struct bfs_decoded *bfs_decoded_free(struct bfs_decoded *decoded);
BFS_DEFINE_CLEANUP(bfs_decoded, bfs_decoded_free)

/* The chunk was decoded, and proved by SHA-256 unless that was remembered. */
void bfs_decoded_count(struct bfs_decoded *decoded, const struct bfs_chunk *chunk, bool was_proved);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * From hashes to the numbers of elements that have them, in memory that is bounded by a spill: 8
 * bytes for each element in pages that are between three and six eighths full.
 *
 * THREAD SAFETY: as codec/pack/spill.h. */
#ifndef BFS_CODEC_SPILL_INDEX_H
#define BFS_CODEC_SPILL_INDEX_H

#include "codec/pack/spill.h"

#define BFS_SPILL_INDEX_NONE UINT32_MAX

struct bfs_spill_index;
/* As bfs_spill_new(). */
int bfs_spill_index_new(const char *folder, size_t memory, struct bfs_spill_index **ret);
struct bfs_spill_index *bfs_spill_index_free(struct bfs_spill_index *index);
BFS_DEFINE_CLEANUP(bfs_spill_index, bfs_spill_index_free)

/* Adds an element that is not there; `number` is not BFS_SPILL_INDEX_NONE. `hash` must be as good
 * as random: when far more elements than can happen by chance would come into one page, they are
 * quietly not added. Errors: those of a spill. */
int bfs_spill_index_add(struct bfs_spill_index *index, uint32_t hash, uint32_t number);

/* Is this element the one that is looked for? Must not use the index. Errors stop the search. */
typedef int bfs_spill_index_match(void *context, uint32_t number, bool *ret);
/* An element that was added with this hash and matches; BFS_SPILL_INDEX_NONE: there is none. Of
 * several, which one depends on what was added alone. Errors: those of a spill and of `match`. */
int bfs_spill_index_find(struct bfs_spill_index *index, uint32_t hash, bfs_spill_index_match *match,
                         void *context, uint32_t *ret);

#endif

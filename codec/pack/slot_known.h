/* SPDX-License-Identifier: Apache-2.0
 * Which known chunk a slot may share, and the record that comes of it.
 *
 * A slot with a transform shares stored bytes that decode to its bytes before the transform: those
 * of a chunk without any, which is the source's, or those of a chunk that went through the same
 * transform. A slot without shares any chunk with its bytes.
 *
 * THREAD SAFETY: as codec/pack/dedup.h; a slot belongs to one thread. */
#ifndef BFS_CODEC_SLOT_KNOWN_H
#define BFS_CODEC_SLOT_KNOWN_H

#include "codec/pack/dedup.h"
#include "codec/pack/pipeline.h"

/* By hash, once both hashes of the slot are set. Errors: those of bfs_dedup_find(). */
int bfs_slot_find(const struct bfs_slot *slot, struct bfs_dedup *dedup, struct bfs_chunk *ret,
                  bool *ret_found);
/* Reads that chunk back, with the thread's tools, and compares. Errors: those of
 * bfs_dedup_confirm(). */
int bfs_slot_confirm(const struct bfs_slot *slot, const struct bfs_pipeline_tools *tools,
                     struct bfs_dedup *dedup, const struct bfs_chunk *found, bool *ret);
/* The record of the slot's piece of its file, when it is stored as `chunk` says. */
struct bfs_chunk bfs_slot_record(const struct bfs_slot *slot, struct bfs_chunk chunk);

#endif

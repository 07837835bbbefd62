/* SPDX-License-Identifier: Apache-2.0
 * XXH3-128 of bytes that come in pieces.
 *
 * THREAD SAFETY: a stream belongs to one thread. */
#ifndef BFS_VERIFY_XXH_STREAM_H
#define BFS_VERIFY_XXH_STREAM_H

#include "verify/digest.h"

struct bfs_xxh_stream;
/* Errors: -ENOMEM. */
int bfs_xxh_stream_new(struct bfs_xxh_stream **ret);
void bfs_xxh_stream_update(struct bfs_xxh_stream *stream, const void *bytes, size_t size);
/* bfs_xxh128() of all so far; the stream then starts anew. */
struct bfs_xxh128 bfs_xxh_stream_finish(struct bfs_xxh_stream *stream);
struct bfs_xxh_stream *bfs_xxh_stream_free(struct bfs_xxh_stream *stream);
BFS_DEFINE_CLEANUP(bfs_xxh_stream, bfs_xxh_stream_free)

#endif

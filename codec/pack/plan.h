/* SPDX-License-Identifier: Apache-2.0
 * Where a file is cut into chunks. Chunks follow tensors: none crosses from one large tensor into
 * the next, small neighbours of one type share one, and what is between tensors stands alone.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_PLAN_H
#define BFS_CODEC_PLAN_H

#include "codec/chunk/transform.h"
#include "codec/container/tensor.h"

enum {
    BFS_CHUNK_SIZE_MIN = 64 << 10,
    BFS_CHUNK_SIZE_DEFAULT = 256 << 10,
    BFS_CHUNK_SIZE_MAX = 4 << 20,
};

struct bfs_plan_chunk {
    uint32_t size;          /* bytes in the file, after the transform; before it, at most a quarter
                               above the chunk size */
    enum bfs_layout layout; /* before the transform */
    enum bfs_transform transform; /* bfs_plan_make() plans none */
};

struct bfs_plan {
    struct bfs_plan_chunk *chunks; /* owned; their sizes add up to the file's */
    size_t n_chunks;
};

/* `chunk_size` is a power of two within the limits above. Errors: -ENOMEM. */
int bfs_plan_make(const struct bfs_tensor_map *map, uint64_t file_size, uint32_t chunk_size,
                  struct bfs_plan *ret);
void bfs_plan_done(struct bfs_plan *plan);
#define bfs_autoplan BFS_CLEANUP(bfs_plan_done)

#endif

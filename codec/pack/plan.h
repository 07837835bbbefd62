/* SPDX-License-Identifier: Apache-2.0
 * Where a file is cut into chunks. Chunks follow tensors: none crosses from one large tensor into
 * the next, small neighbours of one type share one, and what is between tensors stands alone.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_PLAN_H
#define BFS_CODEC_PLAN_H

#include "codec/chunk/transform.h"
#include "codec/container/tensor.h"

#include <stdbool.h>

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

/* Bytes that are cut by themselves, into chunks of the plan's size; a rest below a quarter of it
 * joins the chunk before. */
struct bfs_plan_run {
    uint64_t size; /* before the transform; not 0 */
    enum bfs_layout layout;
    enum bfs_transform transform;
};

/* Grows with the tensors of a file, not with its bytes. */
struct bfs_plan {
    struct bfs_plan_run *runs; /* owned; with their transforms they add up to the file */
    size_t n_runs;
    uint32_t chunk_size; /* before transforms */
};

/* `chunk_size` is a power of two within the limits above. Errors: -ENOMEM. */
int bfs_plan_make(const struct bfs_tensor_map *map, uint64_t file_size, uint32_t chunk_size,
                  struct bfs_plan *ret);
/* Adds a run at the end. Errors: -ENOMEM. */
int bfs_plan_add(struct bfs_plan *plan, const struct bfs_plan_run *run);
void bfs_plan_done(struct bfs_plan *plan);
#define bfs_autoplan BFS_CLEANUP(bfs_plan_done)

/* A place in a plan, which it borrows; begins as {.plan = ...}. */
struct bfs_plan_cursor {
    const struct bfs_plan *plan;
    size_t run;
    uint64_t done; /* bytes of that run */
};
/* The next chunk; false after the last one. */
bool bfs_plan_next(struct bfs_plan_cursor *cursor, struct bfs_plan_chunk *ret);

#endif

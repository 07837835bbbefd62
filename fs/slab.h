/* SPDX-License-Identifier: Apache-2.0
 * Memory for decoded chunks: few sizes, mapped once, handed around without system calls. malloc()
 * would map, fault in, zero and unmap a quarter of a megabyte for each chunk.
 *
 * THREAD SAFETY: none; the cache calls it under its lock. */
#ifndef BFS_FS_SLAB_H
#define BFS_FS_SLAB_H

#include <stddef.h>
#include <stdint.h>

enum { BFS_SLAB_N_CLASSES = 19 };

struct bfs_slab_free;

struct bfs_slab {
    size_t mapped; /* bytes, in use and free */
    size_t in_use;
    struct bfs_slab_free *free[BFS_SLAB_N_CLASSES];
};

/* Bytes that a request of `size` takes; 0 when no class is large enough. */
size_t bfs_slab_round(size_t size);
/* Maps or reuses a buffer. To stay within `limit` mapped bytes, free buffers of other sizes are
 * given back first. NULL when the limit leaves no room (or there is no memory). */
void *bfs_slab_alloc(struct bfs_slab *slab, size_t size, size_t limit);
/* `size` as it was asked for. */
void bfs_slab_release(struct bfs_slab *slab, void *buffer, size_t size);
/* Unmaps all free buffers. */
void bfs_slab_trim(struct bfs_slab *slab);

#endif

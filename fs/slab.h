/* SPDX-License-Identifier: Apache-2.0
 * Memory for decoded chunks: few sizes, mapped once, handed around without system calls. malloc()
 * would map, fault in, zero and unmap a quarter of a megabyte for each chunk.
 *
 * Buffers of one size share areas of 2 MiB (fs/area.h), or a little less where the size does not
 * divide that: those have no huge pages. An area whose buffers are all free is unmapped when its
 * memory is needed otherwise. Where that is not enough, free buffers of other areas lose their
 * pages. So the bound holds to the byte, whatever sizes come.
 *
 * One spare area may be ready before it is needed; its pages are made outside of the lock.
 *
 * THREAD SAFETY: none; the cache calls it under its lock. */
#ifndef BFS_FS_SLAB_H
#define BFS_FS_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BFS_SLAB_N_CLASSES = 19 };

struct bfs_slab_area;
struct bfs_slab_buffer;

/* Zeroed: empty. After bfs_slab_trim(slab, 0), without buffers in use, nothing is left to free. */
struct bfs_slab {
    size_t mapped; /* bytes that have pages, or get them: in use, free, and the spare area */
    size_t in_use; /* bytes */
    struct bfs_slab_area **areas; /* by address */
    size_t n_areas, capacity;
    size_t n_empty;                                   /* areas without a buffer in use */
    struct bfs_slab_buffer *kept[BFS_SLAB_N_CLASSES]; /* free, with pages; the last freed first */
    struct bfs_slab_buffer *bare[BFS_SLAB_N_CLASSES]; /* free, without pages */
    void *spare;         /* BFS_AREA_SIZE bytes for any size that divides them, or NULL */
    bool spare_reserved; /* counted in `mapped`, and being made */
    bool has_grown;      /* by such an area since the spare was last made */
};

/* Bytes that a request of `size` takes; 0 when no class is large enough. */
size_t bfs_slab_round(size_t size);
/* Maps or reuses a buffer. To stay within `limit` mapped bytes, free memory is given back first.
 * NULL when the limit leaves no room (or there is no memory). */
void *bfs_slab_alloc(struct bfs_slab *slab, size_t size, size_t limit);
/* `size` as it was asked for. */
void bfs_slab_release(struct bfs_slab *slab, void *buffer, size_t size);
/* Gives free memory back until no more than `limit` bytes are mapped: the spare, areas, and then
 * single buffers. */
void bfs_slab_trim(struct bfs_slab *slab, size_t limit);

/* Is a spare area of use, and within the limit? Only while the slab grows, and when no more than
 * one area of it is free. */
bool bfs_slab_wants_spare(const struct bfs_slab *slab, size_t limit);
/* Counts an area that is being made. bfs_slab_set_spare() ends that. */
void bfs_slab_reserve_spare(struct bfs_slab *slab);
/* The spare, BFS_AREA_SIZE bytes by bfs_area_map(); NULL: it could not be made. */
void bfs_slab_set_spare(struct bfs_slab *slab, void *area);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Anonymous memory in areas that huge pages fit into: one fault instead of 512.
 *
 * THREAD SAFETY: pure functions on the caller's memory and the system's state. */
#ifndef BFS_FS_AREA_H
#define BFS_FS_AREA_H

#include <stdbool.h>
#include <stddef.h>

enum { BFS_AREA_SIZE = 2 << 20 }; /* bytes; the huge pages of x86-64 and of most arm64 kernels */

/* Does the kernel give this process huge pages where it asks? */
bool bfs_area_has_huge(void);
/* Maps `size` bytes, a multiple of 4096; from BFS_AREA_SIZE on, at a multiple of that if there is
 * room to find one.
 * `huge`: with huge pages where the kernel has them; otherwise never with huge pages, so that pages
 * exist only where the memory was touched. NULL: no memory. */
void *bfs_area_map(size_t size, bool huge);
void bfs_area_unmap(void *area, size_t size);
/* Has the kernel give all pages now. Without effect before Linux 5.14 and where memory is short:
 * then the pages come when they are touched. */
void bfs_area_populate(void *area, size_t size);
/* From now on the area gets no huge page. Those that it has remain. */
void bfs_area_forbid_huge(void *area, size_t size);
/* Gives the pages of a part back; its bytes are lost. A huge page is split, so that the kernel has
 * this part at once. */
void bfs_area_give_back(void *part, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Bytes at offsets, like an array that grows, of which only so many are kept in memory: the others
 * are in a file without a name, made in `folder` when it is first needed. What never grows beyond
 * its memory touches no file system.
 *
 * It is read and written through pages of its own rather than mapped, so that the process never
 * holds more than it says, a full disk is an error code instead of a signal, and what of the file
 * stays in memory is for the kernel to decide.
 *
 * THREAD SAFETY: belongs to one thread at a time, reading included. */
#ifndef BFS_CODEC_SPILL_H
#define BFS_CODEC_SPILL_H

#include "verify/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BFS_SPILL_PAGE_SIZE = 4096 };

struct bfs_spill;
/* `memory`: bytes to keep in memory at most, rounded down to whole pages and at least eight of
 * them. `folder` is an existing folder that outlives the object, as a string too.
 * Errors: -ENOMEM. */
int bfs_spill_new(const char *folder, size_t memory, struct bfs_spill **ret);
struct bfs_spill *bfs_spill_free(struct bfs_spill *spill);
BFS_DEFINE_CLEANUP(bfs_spill, bfs_spill_free)

/* What was never written reads as zeros. Errors: -ENOMEM, errno of open(2), pread(2) and pwrite(2):
 * reading may have to make room too. */
int bfs_spill_read(struct bfs_spill *spill, uint64_t offset, void *ret, size_t size);
/* Errors: likewise; -ENOSPC when the file system of the folder is full. */
int bfs_spill_write(struct bfs_spill *spill, uint64_t offset, const void *bytes, size_t size);

/* A whole page in memory, borrowed until the next call; `number` is its offset in pages. With
 * `change`, what the caller writes to it is kept. Errors: as above. */
int bfs_spill_page(struct bfs_spill *spill, uint64_t number, bool change, void **ret);

/* Bytes of the file; 0 while all is in memory. */
uint64_t bfs_spill_file_size(const struct bfs_spill *spill);

#endif

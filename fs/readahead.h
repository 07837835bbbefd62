/* SPDX-License-Identifier: Apache-2.0
 * What to decode next, from the tensors of a file rather than from one descriptor's history: ranks,
 * threads and page faults of one loader all read the same file through many.
 *
 * Each file remembers a few streams. A read that continues a stream doubles its window; one that
 * starts at a tensor opens a stream with a small window; any other is random and prefetches
 * nothing. Loaders that go by tensor name, not by file order, are recognized after two steps, and
 * then the window goes on at the next tensor by name. When tensors are read in no order that can be
 * told, a stream ends with its tensor.
 *
 * Beyond a window that has grown, stored bytes are asked of the kernel: from 8 MiB on, twice as far
 * each time that half of it is used up.
 *
 * All streams of all files together are bounded: what is decoded ahead of one must not push out of
 * the cache what is decoded ahead of another.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_READAHEAD_H
#define BFS_FS_READAHEAD_H

#include "codec/store/file.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { BFS_READAHEAD_RUNS_MAX = 4 };

/* Chunks [first, first + n) of the file. */
struct bfs_readahead_run {
    uint32_t first;
    uint32_t n;
};

/* Bytes of raw chunks; of all files, and may change at any time. */
struct bfs_readahead_limits {
    _Atomic size_t decoded;  /* how far ahead of a reader chunks are decoded */
    _Atomic size_t stored;   /* how far beyond that the kernel is asked for stored bytes */
    _Atomic size_t together; /* ahead of all readers of all files */

    /* What is ahead of streams that were read in this round, and of those that were in the one
     * before and not since. Of what nobody goes on reading, nothing is counted any more. */
    atomic_uint round;
    atomic_llong ahead[2]; /* by round, modulo 2 */
};
/* The next round begins: about once a second. One thread at a time. */
void bfs_readahead_next_round(struct bfs_readahead_limits *limits);

struct bfs_readahead;
/* The limits outlive it. Errors: -ENOMEM. */
int bfs_readahead_new(const struct bfs_file *file, struct bfs_readahead_limits *limits,
                      struct bfs_readahead **ret);
struct bfs_readahead *bfs_readahead_free(struct bfs_readahead *readahead);
BFS_DEFINE_CLEANUP(bfs_readahead, bfs_readahead_free)

/* Chunks first..last are being read; `is_direct`: the kernel will not keep them, so who comes after
 * may have them decoded ahead again. What should be decoded ahead? Returns the number of runs; no
 * chunk is named twice for one stream. *ret_stored is what the kernel should be asked for, chunks
 * beyond those; n is 0 when there is nothing. */
size_t bfs_readahead_note(struct bfs_readahead *readahead, uint32_t first, uint32_t last,
                          bool is_direct,
                          struct bfs_readahead_run ret[static BFS_READAHEAD_RUNS_MAX],
                          struct bfs_readahead_run *ret_stored);
/* Chunks that every reader of late has left well behind him, each once; n is 0 when there are none.
 * Of what is read directly, these are the ones that nobody is expected to want again. */
struct bfs_readahead_run bfs_readahead_passed(struct bfs_readahead *readahead);
/* Chunks first..last are being read directly: how many bytes of them have not been so before, whole
 * chunks counted. */
uint64_t bfs_readahead_first_read(struct bfs_readahead *readahead, uint32_t first, uint32_t last);
/* Has the chunk been read meanwhile, by somebody else? Then decoding it ahead would be waste. */
bool bfs_readahead_is_late(struct bfs_readahead *readahead, uint32_t chunk);

#endif

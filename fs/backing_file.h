/* SPDX-License-Identifier: Apache-2.0
 * One unnamed file that gets the proved content of a file of a bundle, chunk by chunk: in a folder
 * on disk (O_TMPFILE) or in memory (memfd). It has no name, so a daemon that is killed leaves
 * nothing; only its own descriptor leads to it, and only its owner may open that again.
 *
 * THREAD SAFETY: chunks may be written and read, and references taken and dropped, from any threads
 * at once; the other functions want the caller's lock. */
#ifndef BFS_FS_BACKING_FILE_H
#define BFS_FS_BACKING_FILE_H

#include "codec/index/chunk_table.h"
#include "verify/error.h"

#include <stdatomic.h>
#include <stdbool.h>

/* -o backing=memory; anything else is a folder. */
#define BFS_BACKING_MEMORY "memory"
/* Made for root, readable for nobody else, when no folder is named. */
#define BFS_BACKING_FOLDER "/var/cache/bundlefs"

struct bfs_backing_place {
    const char *folder; /* borrowed; NULL: in memory */
    uint64_t limit;     /* bytes that all files may take */
};
/* What -o backing= and backing_size= say; without a size, a quarter of what is free there. Makes
 * the default folder. Errors: errno of the file system, -ENOTDIR. */
int bfs_backing_place_find(const char *backing, uint64_t size, struct bfs_backing_place *ret,
                           struct bfs_error *error);

struct bfs_backing_file;
/* For content of `size` bytes in `n_chunks` chunks. Errors: -ENOSPC (it would not fit), -EOPNOTSUPP
 * (no unnamed files there), -ENOMEM, errno of the file system. */
int bfs_backing_file_new(const struct bfs_backing_place *place, uint64_t size, uint32_t n_chunks,
                         struct bfs_backing_file **ret, struct bfs_error *error);
struct bfs_backing_file *bfs_backing_file_ref(struct bfs_backing_file *file);
struct bfs_backing_file *bfs_backing_file_unref(struct bfs_backing_file *file);
BFS_DEFINE_CLEANUP(bfs_backing_file, bfs_backing_file_unref)

int bfs_backing_file_fd(const struct bfs_backing_file *file);
/* All of chunk i was written: whoever sees this may read it. */
bool bfs_backing_file_has(const struct bfs_backing_file *file, uint32_t i);
/* The caller will write chunk i; false: it is there, or somebody else will. */
bool bfs_backing_file_claim(struct bfs_backing_file *file, uint32_t i);
bool bfs_backing_file_is_claimed(const struct bfs_backing_file *file, uint32_t i);
/* Bytes of the chunks that are there. */
uint64_t bfs_backing_file_present(const struct bfs_backing_file *file);
/* All chunks are there. */
bool bfs_backing_file_is_full(const struct bfs_backing_file *file);
/* Writes chunk i, whose proved and decoded bytes are given. Errors: -ENOSPC, errno of pwrite(2). */
int bfs_backing_file_write(struct bfs_backing_file *file, uint32_t i, const struct bfs_chunk *chunk,
                           const uint8_t *raw);
/* Reads chunk i, which is there, into raw_size bytes at `raw`. A disk may lose what it was given,
 * so the bytes are checked by the chunk's XXH3. Errors: -EIO (they are not what was written), errno
 * of pread(2). */
int bfs_backing_file_read(const struct bfs_backing_file *file, const struct bfs_chunk *chunk,
                          uint8_t *raw);
/* When it is full: nothing changes it any more, and what the disk could not take is known. May take
 * as long as the disk. Errors: -EIO, -ENOSPC, -EINVAL (it is not full). */
int bfs_backing_file_seal(struct bfs_backing_file *file);

#endif

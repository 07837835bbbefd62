/* SPDX-License-Identifier: Apache-2.0
 * What this daemon has proved: chunks whose stored bytes matched their SHA-256, for as long as the
 * blob that holds them is what it was (device, inode, size, times of its content and of its inode).
 * Such a chunk may be read again with XXH3 of the decoded bytes as the only check.
 *
 * A proof belongs to one chunk table, found by the table's digest: a table that says something else
 * of the same bytes has another digest, and so proofs of its own.
 *
 * A blob that changed a moment ago may change again without its times showing it, so nothing is
 * remembered of one whose inode was younger than `settle_ms` when its state was taken, has no time,
 * or one in the future.
 *
 * THREAD SAFETY: any function from any thread. They call fstat(2) of blobs, so only where blocking
 * on the store is fine. */
#ifndef BFS_FS_PROOFS_H
#define BFS_FS_PROOFS_H

#include "codec/store/file.h"

enum {
    BFS_PROOFS_MEMORY = 8 << 20, /* 16 TB of chunks of 256 KiB; the least recent tables go first */
    BFS_PROOFS_SETTLE_MS = 2000, /* the coarsest times of a file system in use, FAT's */
};

struct bfs_proofs;
/* Errors: -ENOMEM. */
int bfs_proofs_new(size_t memory, unsigned settle_ms, struct bfs_proofs **ret);
struct bfs_proofs *bfs_proofs_free(struct bfs_proofs *proofs);
BFS_DEFINE_CLEANUP(bfs_proofs, bfs_proofs_free)

/* Is chunk i of the file proved, in its blob as it is now? *ret_state is how the blob is, for
 * bfs_proofs_add(), without an inode when nothing is to be remembered of it; a blob that cannot be
 * looked at has nothing proved. */
bool bfs_proofs_has(struct bfs_proofs *proofs, const struct bfs_file *file, uint32_t i,
                    struct bfs_blob_state *ret_state);
/* Chunk i was proved. `state` was given by bfs_proofs_has() before its bytes were read. Without
 * memory for it, it is merely proved again. */
void bfs_proofs_add(struct bfs_proofs *proofs, const struct bfs_file *file, uint32_t i,
                    const struct bfs_blob_state *state);

#endif

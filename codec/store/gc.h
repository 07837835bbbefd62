/* SPDX-License-Identifier: Apache-2.0
 * Mark and sweep: removes blobs that no manifest in index.json reaches, and files that killed
 * packers left behind.
 *
 * THREAD SAFETY: runs alone on a store: it holds the CONTENT lock exclusively, so no packer runs.
 */
#ifndef BFS_CODEC_GC_H
#define BFS_CODEC_GC_H

#include "codec/store/store.h"

struct bfs_gc_report {
    uint64_t n_blobs;       /* blobs that stay */
    uint64_t n_removed;     /* blobs removed, or that would be */
    uint64_t removed_size;  /* their bytes */
    uint64_t n_temporaries; /* leftovers removed, or that would be */
    uint64_t temporaries_size;
};

/* Marks through every manifest that index.json names, whoever wrote it: OCI indexes, image
 * manifests, ours. One that cannot be read stops everything with nothing removed: what it needs is
 * unknown. With `dry_run` nothing is removed. `wait_ms` bounds the wait for running packers.
 * Errors: -EBUSY, -EBADMSG, -E2BIG, -ENOENT, -ENOMEM, errno of the file system. */
int bfs_store_gc(const struct bfs_store *store, bool dry_run, unsigned wait_ms,
                 struct bfs_gc_report *ret, struct bfs_error *error);

#endif

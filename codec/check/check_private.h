/* SPDX-License-Identifier: Apache-2.0
 * The state of one check, shared by its steps. */
#ifndef BFS_CODEC_CHECK_PRIVATE_H
#define BFS_CODEC_CHECK_PRIVATE_H

#include "codec/check/check.h"
#include "codec/check/digest_set.h"
#include "codec/store/bundle.h"

#include <pthread.h>
#include <stdatomic.h>

struct bfs_check {
    const struct bfs_store *store;
    const struct bfs_catalog_entry *entries;
    size_t n_entries;
    const struct bfs_check_options *options;
    struct bfs_check_report report;
    uint64_t *n_problems;        /* of each entry */
    pthread_mutex_t mutex;       /* guards both counts and problem() */
    struct bfs_digest_set files; /* by table and content: what was read, or will be */
    struct bfs_digest_set blobs;
    uint64_t total; /* bytes to read */
    uint64_t done;
    atomic_uint_fast64_t blob_bytes; /* hashed since the last progress() */
};

void bfs_check_problem(struct bfs_check *check, enum bfs_check_kind kind, uint32_t entry,
                       const char *path, const uint32_t *chunk, const struct bfs_error *error);
/* Adds to what is done; -EINTR when the caller wants to stop. */
int bfs_check_progress(struct bfs_check *check, uint64_t bytes);

/* What makes two files' chunk tables and contents the same to the check. */
int bfs_check_file_key(const struct bfs_inode *inode, struct bfs_digest *ret);

/* The files of one bundle that no bundle before it had. Reads their tables, and, unless it is a
 * quick check, their chunks. */
int bfs_check_files(struct bfs_check *check, uint32_t entry, struct bfs_bundle *bundle,
                    struct bfs_error *error);
/* Every blob that the bundles need: is it there, with its size, and its digest? */
int bfs_check_blobs(struct bfs_check *check, struct bfs_error *error);
/* The statements about the bundles; they are small, so a quick check reads them as well. */
int bfs_check_statements(struct bfs_check *check, const struct bfs_catalog *catalog,
                         struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Is everything in a store what it should be? Reads it all, goes on after errors, changes nothing.
 *
 * THREAD SAFETY: bfs_check_store() starts threads of its own; problem() is never called by two of
 * them at once. */
#ifndef BFS_CODEC_CHECK_H
#define BFS_CODEC_CHECK_H

#include "codec/store/catalog.h"

enum bfs_check_kind {
    BFS_CHECK_CATALOG, /* an entry of index.json that is no bundle */
    BFS_CHECK_BUNDLE,  /* manifest, manifest.json or index */
    BFS_CHECK_FILE,    /* chunk table or content of one file */
    BFS_CHECK_CHUNK,   /* one chunk of a file */
    BFS_CHECK_BLOB,    /* a blob as a whole */
    BFS_CHECK_STATEMENT,
};
/* "catalog", "bundle", "file", "chunk", "blob", "statement". */
const char *bfs_check_kind_name(enum bfs_check_kind kind);

struct bfs_check_problem {
    enum bfs_check_kind kind;
    const char *bundle; /* NAME:VERSION; of a blob, the first that needs it; of a statement or the
                           catalogue, the entry's name in index.json */
    const char *path;   /* of the file, or NULL */
    bool has_chunk;
    uint32_t chunk;
    const struct bfs_error *error;
};

struct bfs_check_options {
    const struct bfs_catalog_entry *entry; /* this bundle alone; NULL: the whole store */
    unsigned n_jobs;                       /* at least 1 */
    bool quick; /* structure, existence and sizes; neither chunks nor whole blobs are read */
    void (*problem)(void *context, const struct bfs_check_problem *problem);
    /* At the end, for each bundle: how many problems named it. NULL is fine. */
    void (*verdict)(void *context, const struct bfs_catalog_entry *entry, uint64_t n_problems);
    /* From the calling thread; non-zero stops with -EINTR. NULL is fine. */
    int (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct bfs_check_report {
    uint64_t n_problems;
    uint64_t n_bundles;
    uint64_t n_files;      /* regular files of all bundles */
    uint64_t n_files_read; /* different ones: what bundles share is read once */
    uint64_t content_size; /* bytes of those */
    uint64_t n_blobs;      /* different blobs that the bundles need */
    uint64_t blobs_size;
    uint64_t n_statements; /* about the bundles; of a whole store, all that it lists */
    /* What "gc" would remove; only known for a whole store that nobody packs into. */
    bool has_garbage;
    uint64_t n_unreferenced;
    uint64_t unreferenced_size;
    uint64_t n_temporaries;
    uint64_t temporaries_size;
};

/* Checks each bundle down to its chunks (stored digest, decoding, check of the raw bytes), each
 * file's SHA-256, each blob's SHA-256 against its name, and each statement's blobs and content (not
 * its signatures, which takes the keys of a policy). Returns 0 when everything could be
 * looked at, whatever was found: ret->n_problems tells. Errors: -EINTR, -ENOMEM, -EBUSY (gc runs).
 */
int bfs_check_store(const struct bfs_store *store, const struct bfs_catalog *catalog,
                    const struct bfs_check_options *options, struct bfs_check_report *ret,
                    struct bfs_error *error);

#endif

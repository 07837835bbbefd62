/* SPDX-License-Identifier: Apache-2.0
 * What laying out chunks and writing tables share. */
#ifndef BFS_CODEC_LAYOUT_PRIVATE_H
#define BFS_CODEC_LAYOUT_PRIVATE_H

#include "codec/pack/file_chunks.h"
#include "codec/pack/layout_writer.h"
#include "codec/store/blob_writer.h"

#include <stdatomic.h>

/* Blobs are numbered in two ranges: fresh ones of this pack, and known ones of the store. */
#define BFS_LAYOUT_KNOWN UINT32_C(0x80000000)

struct bfs_open_blob {
    struct bfs_blob_writer *writer; /* NULL: none open */
    uint32_t number;                /* fresh number */
};

struct bfs_layout_writer {
    const struct bfs_store *store; /* borrowed */
    struct bfs_dedup *known;       /* borrowed */
    struct bfs_dedup *fresh;
    struct bfs_open_blob own;    /* of the current large file */
    struct bfs_open_blob shared; /* of the small files of this section */
    uint32_t n_fresh;

    bool large;
    struct bfs_file_chunks *chunks; /* of the current file; .blob is a number as above */
    uint32_t n_appended;            /* of them, how many are new */
    struct bfs_xxh_stream *places;  /* of them, as what is known has them */

    uint32_t *used; /* known blobs that the bundle needs, in order of first use */
    uint32_t n_used;
    uint64_t new_size;
    uint64_t known_size;
    _Atomic uint64_t written;
};

/* Makes sure that `blob` can take `size` more bytes. */
int bfs_layout_prepare(struct bfs_layout_writer *writer, struct bfs_open_blob *blob, size_t size,
                       struct bfs_error *error);

/* The current file's chunks were all known: is the file itself, with its table? */
int bfs_layout_reuse_table(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                           struct bfs_laid_file *ret, bool *ret_found, struct bfs_error *error);
/* Appends the current file's table to its blob. */
int bfs_layout_write_table(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                           struct bfs_laid_file *ret, struct bfs_error *error);

#endif

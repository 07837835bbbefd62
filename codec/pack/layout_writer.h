/* SPDX-License-Identifier: Apache-2.0
 * Lays chunks and chunk tables out in blobs: one or more blobs for each large file, shared ones for
 * the small files, nothing for what is known already.
 *
 * Every chunk table lies in the blob that its file's last new chunk went to, so that an unchanged
 * file costs a later bundle no table either, and a host that fetches one file's blobs has its
 * table. A table names every other blob by its digest, which an open blob does not have: so large
 * files are written before small ones, and the small ones of each section (the model, a view) have
 * a blob that is closed before the next section begins. A host that wants one view fetches the
 * blobs of that view and those that it shares.
 *
 * THREAD SAFETY: belongs to one thread, but for bfs_layout_writer_written(). */
#ifndef BFS_CODEC_LAYOUT_WRITER_H
#define BFS_CODEC_LAYOUT_WRITER_H

#include "codec/pack/dedup.h"
#include "codec/pack/pipeline.h"

/* Registries and object stores refuse larger blobs, or make them slow. */
#define BFS_BLOB_SIZE_MAX (UINT64_C(4) << 30)

/* Where a file ended up. */
struct bfs_laid_file {
    struct bfs_digest digest;
    uint64_t size;
    uint32_t layer; /* of the table, in bfs_layout_writer_layers(); 0 for an empty file */
    uint64_t table_off;
    uint32_t table_size;
    struct bfs_digest table_digest;
    uint64_t stored_size;
};

struct bfs_layout_writer;
/* `known` is what the store holds; both outlive the writer. Errors: -ENOMEM. */
int bfs_layout_writer_new(const struct bfs_store *store, struct bfs_dedup *known,
                          struct bfs_layout_writer **ret);
/* Drops what was not committed. */
struct bfs_layout_writer *bfs_layout_writer_free(struct bfs_layout_writer *writer);
BFS_DEFINE_CLEANUP(bfs_layout_writer, bfs_layout_writer_free)

/* The next file belongs to another section than those before. */
int bfs_layout_writer_section(struct bfs_layout_writer *writer, struct bfs_error *error);
/* The next file's chunks follow; `large` ones get blobs of their own. */
void bfs_layout_writer_begin(struct bfs_layout_writer *writer, bool large);
/* An encoded chunk of it. */
int bfs_layout_writer_chunk(struct bfs_layout_writer *writer,
                            const struct bfs_pipeline_tools *tools, struct bfs_slot *slot,
                            struct bfs_error *error);
/* Its end. The layer is not known yet: ret->layer is an internal number until resolved. */
int bfs_layout_writer_end(struct bfs_layout_writer *writer, const struct bfs_digest *digest,
                          struct bfs_laid_file *ret, struct bfs_error *error);

/* Commits the last blobs; no more files after this. */
int bfs_layout_writer_finish(struct bfs_layout_writer *writer, struct bfs_error *error);
/* Then: the data layers in the order of the manifest (the first is layers[1]), malloc'ed. */
int bfs_layout_writer_layers(struct bfs_layout_writer *writer, struct bfs_descriptor **ret,
                             uint32_t *ret_n, struct bfs_error *error);
/* Turns the internal number of a laid file into its layer number. */
void bfs_layout_writer_resolve(const struct bfs_layout_writer *writer, struct bfs_laid_file *file);

/* Bytes appended to new blobs so far; from any thread. */
uint64_t bfs_layout_writer_written(const struct bfs_layout_writer *writer);
/* Bytes of new blobs, and of raw content that was found to be known. */
uint64_t bfs_layout_writer_new_size(const struct bfs_layout_writer *writer);
uint64_t bfs_layout_writer_known_size(const struct bfs_layout_writer *writer);

#endif

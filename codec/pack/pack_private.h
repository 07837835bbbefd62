/* SPDX-License-Identifier: Apache-2.0
 * The state of one pack, shared by its steps: reading, laying out, publishing. */
#ifndef BFS_CODEC_PACK_PRIVATE_H
#define BFS_CODEC_PACK_PRIVATE_H

#include "codec/pack/layout_writer.h"
#include "codec/pack/pack.h"
#include "codec/pack/scan.h"
#include "codec/store/catalog.h"
#include "codec/trace/order_make.h"

struct bfs_pack {
    const struct bfs_store *store;
    const struct bfs_pack_options *options;
    struct bfs_scan scan;
    /* One for each entry, and a last one for the generated contract. */
    struct bfs_tensor_map *maps;
    struct bfs_laid_file *laid; /* filled by the writing thread; not those of SAME */
    struct bfs_buffer contract; /* empty when the model brings its own */
    struct bfs_bundle_config config;

    struct bfs_digest *damaged; /* owned; layers of the bundle that is packed again */
    size_t n_damaged;
    struct bfs_pack_options as_packed; /* then: the caller's, with that bundle's size of chunks */

    struct bfs_dedup *known;
    struct bfs_layout_writer *writer;
    uint32_t current;         /* the file whose chunks the writing thread gets; UINT32_MAX: none */
    uint32_t current_section; /* of that file */

    struct bfs_pipeline *pipeline;
    struct bfs_sha256_stream *sha256;
    uint64_t done; /* bytes read or made */
    uint64_t last_progress_ms;
    const char *section; /* id of the view that is being fed; NULL: the model */
};

/* Files at least this large get blobs of their own. */
#define BFS_PACK_LARGE_SIZE (UINT64_C(1) << 20)

static inline bool bfs_pack_is_large(const struct bfs_pack *pack, uint32_t file)
{
    return file < pack->scan.n_entries && pack->scan.entries[file].size >= BFS_PACK_LARGE_SIZE;
}

static inline uint32_t bfs_pack_section(const struct bfs_pack *pack, uint32_t file)
{
    return file < pack->scan.n_entries ? pack->scan.entries[file].section : 0;
}

/* Feeds every file to the pipeline: those of the model, then those of each view; of each, large
 * ones first, then small ones, and of the model the contract last. */
int bfs_pack_feed(struct bfs_pack *pack, struct bfs_error *error);
/* One file of it, not SAME, by its source. */
int bfs_pack_feed_file(struct bfs_pack *pack, uint32_t file, struct bfs_error *error);
/* The generated contract, which has the number after the last entry. */
int bfs_pack_feed_contract(struct bfs_pack *pack, struct bfs_error *error);
/* The pipeline's two callbacks; the context is the pack. */
extern const struct bfs_pipeline_ops bfs_pack_pipeline_ops;
/* Writes index, manifest.json and OCI manifest, and names the bundle in index.json. */
int bfs_pack_publish(struct bfs_pack *pack, struct bfs_pack_report *ret, struct bfs_error *error);

/* That last step alone, for a bundle whose blobs are all there. */
int bfs_pack_name(const struct bfs_pack *pack, const struct bfs_descriptor *manifest,
                  struct bfs_error *error);

/* Tells how far it is, at most a few times a second. Errors: -EINTR, when the caller wants to stop.
 */
int bfs_pack_progress(struct bfs_pack *pack, struct bfs_error *error);

/* Is there anything in the directory that the trace names? Errors: -EINVAL, -ENOMEM. */
int bfs_pack_check_trace(const struct bfs_pack_options *options, const struct bfs_scan *scan,
                         struct bfs_error *error);
/* Appends the trace as the bundle with this index will carry it. Errors: -EINVAL (nothing of it
 * fits), -ENOMEM. */
int bfs_pack_write_trace(const struct bfs_pack *pack, const struct bfs_index *index,
                         struct bfs_order_report *ret_report, struct bfs_buffer *ret,
                         struct bfs_error *error);

/* A time as it is stored: capped by SOURCE_DATE_EPOCH. */
struct timespec bfs_pack_time(const struct bfs_pack *pack, struct timespec time);
/* Seconds of the bundle's creation time. */
int64_t bfs_pack_created(const struct bfs_pack *pack);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * manifest.json: what a bundle says about itself. It is the config of the OCI manifest, and names
 * the index by digest, so its bytes alone determine the whole bundle.
 *
 * THREAD SAFETY: plain data, that may be shared while nobody changes it. */
#ifndef BFS_CODEC_BUNDLE_CONFIG_H
#define BFS_CODEC_BUNDLE_CONFIG_H

#include "codec/store/view_config.h"
#include "verify/buffer.h"
#include "verify/digest.h"
#include "verify/error.h"
#include "verify/name.h"

enum {
    BFS_CONFIG_SIZE_MAX = 1 << 20, /* bytes of manifest.json */
    BFS_CONFIG_WORD_MAX = 63,
    BFS_TIME_TEXT_SIZE = 32, /* RFC 3339 in UTC with seconds is 20 characters */
};

struct bfs_bundle_config {
    struct bfs_reference reference; /* the name it was packed under */
    char created[BFS_TIME_TEXT_SIZE];
    /* CNCF ModelPack's config fields, of the model without its views; "" when not known */
    char architecture[BFS_CONFIG_WORD_MAX + 1];
    char format[BFS_CONFIG_WORD_MAX + 1];
    char param_size[BFS_CONFIG_WORD_MAX + 1];
    char precision[BFS_CONFIG_WORD_MAX + 1];
    char quantization[BFS_CONFIG_WORD_MAX + 1];
    struct bfs_digest index_digest;
    uint64_t index_size;
    bool has_trace; /* then the next two: the order of a load (codec/trace/order.h) */
    struct bfs_digest trace_digest;
    uint64_t trace_size;
    uint64_t n_files; /* these five: of the whole tree, views included */
    uint64_t n_directories;
    uint64_t n_symlinks;
    uint64_t n_tensors;
    uint64_t content_size; /* bytes of all files */
    uint64_t chunk_size;
    char packer_version[BFS_CONFIG_WORD_MAX + 1];
    struct bfs_view_config *views; /* owned; sorted by id */
    uint32_t n_views;
};

/* Strict: unknown fields outside "annotations" are refused, and another major schema version.
 * *ret is to be released. Errors: -EBADMSG, -EPROTONOSUPPORT, -E2BIG, -ENOMEM. */
int bfs_bundle_config_parse(const void *bytes, size_t size, struct bfs_bundle_config *ret,
                            struct bfs_error *error);
/* Deterministic. Errors: -E2BIG (over BFS_CONFIG_SIZE_MAX), and those of bfs_json_publish(). */
int bfs_bundle_config_write(const struct bfs_bundle_config *config, struct bfs_buffer *ret);

/* Copies a view into its place. Errors: -EINVAL (an illegal view), -EEXIST (the id is there),
 * -E2BIG, -ENOMEM. */
int bfs_bundle_config_add_view(struct bfs_bundle_config *config, const struct bfs_view_config *view,
                               struct bfs_error *error);
/* Borrowed; NULL: no such view. */
const struct bfs_view_config *bfs_bundle_config_view(const struct bfs_bundle_config *config,
                                                     const char *id);

/* Releases the contents and leaves an empty one. */
void bfs_bundle_config_done(struct bfs_bundle_config *config);
#define bfs_autoconfig BFS_CLEANUP(bfs_bundle_config_done)

/* "2026-01-31T12:00:00Z". `seconds` since the epoch, in years 1970 to 9999. Errors: -EINVAL. */
int bfs_time_text(int64_t seconds, char ret[static BFS_TIME_TEXT_SIZE]);

#endif

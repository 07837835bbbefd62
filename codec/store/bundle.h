/* SPDX-License-Identifier: Apache-2.0
 * One bundle, opened and proved down to its index: manifest digest, then config and index by the
 * digests that the manifest names.
 *
 * THREAD SAFETY: a bundle is immutable and reference-counted; share it freely. */
#ifndef BFS_CODEC_BUNDLE_H
#define BFS_CODEC_BUNDLE_H

#include "codec/index/index.h"
#include "codec/store/bundle_config.h"
#include "codec/store/store.h"
#include "codec/trace/order.h"

struct bfs_bundle;

/* `store` must outlive the bundle. Errors: -ENOENT (a blob is missing), -EBADMSG, -EINVAL (an OCI
 * artifact that is no bundle), -EPROTONOSUPPORT, -E2BIG, -ENOMEM, errno of the file system. */
int bfs_bundle_open(const struct bfs_store *store, const struct bfs_digest *manifest,
                    uint64_t manifest_size, struct bfs_bundle **ret, struct bfs_error *error);
struct bfs_bundle *bfs_bundle_ref(struct bfs_bundle *bundle);
struct bfs_bundle *bfs_bundle_unref(struct bfs_bundle *bundle);
BFS_DEFINE_CLEANUP(bfs_bundle, bfs_bundle_unref)

const struct bfs_store *bfs_bundle_store(const struct bfs_bundle *bundle);
const struct bfs_digest *bfs_bundle_id(const struct bfs_bundle *bundle);
uint64_t bfs_bundle_manifest_size(const struct bfs_bundle *bundle); /* bytes */
const struct bfs_index *bfs_bundle_index(const struct bfs_bundle *bundle);
const struct bfs_bundle_config *bfs_bundle_config(const struct bfs_bundle *bundle);
/* The bytes of manifest.json, borrowed. */
const uint8_t *bfs_bundle_config_bytes(const struct bfs_bundle *bundle, size_t *ret_size);
const struct bfs_digest *bfs_bundle_config_digest(const struct bfs_bundle *bundle);
uint32_t bfs_bundle_n_layers(const struct bfs_bundle *bundle);
const struct bfs_descriptor *bfs_bundle_layer(const struct bfs_bundle *bundle, uint32_t i);
/* The order of a load that the bundle carries, read from the store; without steps when there is
 * none. Errors: those of bfs_order_parse(), -ENOENT (the blob is missing), errno of the file
 * system.
 */
int bfs_bundle_trace(const struct bfs_bundle *bundle, struct bfs_order *ret,
                     struct bfs_error *error);
/* The layer that is this blob, with that size; false when there is none. */
bool bfs_bundle_find_blob(const struct bfs_bundle *bundle, const struct bfs_digest *digest,
                          uint64_t size, uint32_t *ret);
/* Is the blob among the layers, with that size? */
bool bfs_bundle_has_blob(const struct bfs_bundle *bundle, const struct bfs_digest *digest,
                         uint64_t size);
/* Bytes that the bundle keeps in memory, about. */
size_t bfs_bundle_memory(const struct bfs_bundle *bundle);
/* Bytes of all its blobs, manifest and config included: what it occupies on disk when it shares
 * nothing. */
uint64_t bfs_bundle_stored_size(const struct bfs_bundle *bundle);

/* Appends what `sha256sum -c` reads: every regular file of the tree in path order, and
 * manifest.json; without the views whose bits are set in `hidden_views` (bit i: the i-th entry of
 * the directory `views`). Errors: -ENOMEM. */
int bfs_bundle_sums(const struct bfs_bundle *bundle, uint64_t hidden_views, struct bfs_buffer *ret);
/* How many bytes that is. */
uint64_t bfs_bundle_sums_size(const struct bfs_bundle *bundle, uint64_t hidden_views);

#endif

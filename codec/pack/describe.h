/* SPDX-License-Identifier: Apache-2.0
 * What a packed directory says about itself: the words of manifest.json and the generated contract,
 * both of the model without its views, and the counts of everything.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_DESCRIBE_H
#define BFS_CODEC_DESCRIBE_H

#include "codec/container/tensor.h"
#include "codec/pack/scan.h"
#include "codec/store/bundle_config.h"

/* `maps` has one entry for each of the scan's; those of other than tensor files are empty.
 * `directory` is read for config.json (its "model_type"). Sets the config words of *ret and leaves
 * the rest. Errors: -ENOMEM. */
int bfs_describe_config(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                        const char *directory, struct bfs_bundle_config *ret);
/* Sets the counts of files, directories, links and tensors. */
void bfs_describe_counts(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                         struct bfs_bundle_config *ret);
/* Appends contract.json. Errors: -ENOMEM. */
int bfs_describe_contract(const struct bfs_scan *scan, const struct bfs_tensor_map *maps,
                          const struct bfs_bundle_config *config, struct bfs_buffer *ret);

#endif

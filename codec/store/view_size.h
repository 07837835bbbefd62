/* SPDX-License-Identifier: Apache-2.0
 * How large the views of a bundle are, and what they take on disk.
 *
 * THREAD SAFETY: as the bundle. */
#ifndef BFS_CODEC_VIEW_SIZE_H
#define BFS_CODEC_VIEW_SIZE_H

#include "codec/store/bundle.h"

struct bfs_view_size {
    uint64_t n_files;
    uint64_t content_size; /* bytes of its files */
    uint64_t own_size; /* bytes of the blobs that nothing else of the bundle uses: what the bundle
                          would lose without the view, but for manifest and index */
    uint64_t stored_size; /* bytes of all blobs that reading it takes, shared ones included */
};

/* One for each of the config's views, in their order. Reads the chunk table of every file. Errors:
 * those of bfs_file_open(). */
int bfs_bundle_view_sizes(struct bfs_bundle *bundle, struct bfs_view_size *ret,
                          struct bfs_error *error);

#endif

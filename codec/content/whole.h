/* SPDX-License-Identifier: Apache-2.0
 * One small file of a bundle, whole.
 *
 * THREAD SAFETY: as the bundle. */
#ifndef BFS_CODEC_WHOLE_H
#define BFS_CODEC_WHOLE_H

#include "codec/store/bundle.h"

/* Reads a regular file of at most `limit` bytes, every chunk proved; malloc'ed. Errors: -E2BIG,
 * -ENOMEM, those of bfs_file_open() and bfs_file_read_chunk(). */
int bfs_content_whole(struct bfs_bundle *bundle, uint32_t inode, uint64_t limit, uint8_t **ret,
                      size_t *ret_size, struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Writing an index: add inodes parents first, each directory's children in the byte order of their
 * names, then serialize.
 *
 * THREAD SAFETY: a builder belongs to one thread. */
#ifndef BFS_CODEC_INDEX_BUILDER_H
#define BFS_CODEC_INDEX_BUILDER_H

#include "codec/index/index.h"
#include "verify/buffer.h"

struct bfs_index_builder;
/* The root is inode 0 and takes mode and times from `root`. Errors: -ENOMEM. */
int bfs_index_builder_new(const struct bfs_inode *root, struct bfs_index_builder **ret);
struct bfs_index_builder *bfs_index_builder_free(struct bfs_index_builder *builder);
BFS_DEFINE_CLEANUP(bfs_index_builder, bfs_index_builder_free)

/* Adds `inode` under the directory `parent`. Of *inode the fields parent, first_dirent, n_dirents,
 * target_off, first_tensor and n_tensors are set by the builder. `target` is NULL unless it is a
 * link. Errors: -E2BIG, -ENOMEM. */
int bfs_index_builder_add(struct bfs_index_builder *builder, uint32_t parent, const char *name,
                          const struct bfs_inode *inode, const char *target, uint32_t *ret);
/* Gives a file its tensors, once per file; the map outlives the builder. Errors: -E2BIG. */
int bfs_index_builder_tensors(struct bfs_index_builder *builder, uint32_t file,
                              const struct bfs_tensor_map *map);
/* Appends the index's bytes. Errors: -ENOMEM. */
int bfs_index_builder_write(struct bfs_index_builder *builder, struct bfs_buffer *ret);

#endif

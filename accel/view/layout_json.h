/* SPDX-License-Identifier: Apache-2.0
 * layout.json: where each tensor is in weights.bin, and in which order its elements are. The schema
 * is in docs/views.md.
 *
 * THREAD SAFETY: a list belongs to one thread. */
#ifndef BFS_ACCEL_LAYOUT_JSON_H
#define BFS_ACCEL_LAYOUT_JSON_H

#include "accel/profile.h"
#include "verify/buffer.h"
#include "verify/cleanup.h"

struct bfs_layout_entry {
    const char *name; /* borrowed until the list is written, like the words below */
    const char *dtype;
    const char *layout; /* "row-major", "t8x128-2x1", "vnni-2", "vnni-4" */
    uint32_t n_dims;
    uint64_t shape[BFS_TENSOR_DIMS_MAX];
    uint32_t n_padded;
    uint64_t padded[BFS_TENSOR_DIMS_MAX]; /* of the array that the file holds */
    uint64_t offset;
    uint64_t size;
    uint64_t scales_offset; /* of f32, one for each row; with scales_size 0: there are none */
    uint64_t scales_size;
};

struct bfs_layout_list {
    struct bfs_layout_entry *entries; /* owned */
    size_t n_entries;
};

/* Errors: -ENOMEM. */
int bfs_layout_list_add(struct bfs_layout_list *list, const struct bfs_layout_entry *entry);
void bfs_layout_list_done(struct bfs_layout_list *list);

/* Is no name there twice, and are all numbers exact in JSON? Errors: -EINVAL, -E2BIG, -ENOMEM. */
int bfs_layout_list_check(const struct bfs_layout_list *list, const char *what,
                          struct bfs_error *error);
/* Appends the document: one tensor a line, in the order of the file. */
void bfs_layout_list_write(const struct bfs_layout_list *list, const struct bfs_profile *profile,
                           const char *data, uint64_t size, struct bfs_buffer *ret);

#endif

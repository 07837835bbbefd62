/* SPDX-License-Identifier: Apache-2.0
 * The kinds of views that the packer can make. One row of accel/profile_list.h each; docs/views.md
 * says how to add one.
 *
 * THREAD SAFETY: constant data. */
#ifndef BFS_ACCEL_PROFILE_H
#define BFS_ACCEL_PROFILE_H

#include "codec/container/dtype.h"
#include "codec/container/tensor.h"
#include "verify/error.h"
#include "verify/hardware_key.h"

#include <stdbool.h>
#include <stdint.h>

struct bfs_view_plan;

struct bfs_profile {
    const char *id;
    struct bfs_hardware_key key; /* with layout id and version */
    const char *container;       /* of the files that are made: "gguf", "safetensors", "bin" */
    const struct bfs_dtype_info *dtype; /* that most of the tensors get */
    uint32_t alignment;                 /* of tensors in the file, in bytes; 0: none promised */
    bool is_lossless;                   /* whatever the source */
    const char *source;                 /* what it is made from: "safetensors F16 BF16" */
    const char *summary;
    int (*plan)(struct bfs_view_plan *plan, struct bfs_error *error);
};

/* i-th row, NULL past the last; sorted as the list is. */
const struct bfs_profile *bfs_profile_at(unsigned i);
/* NULL: no such profile. */
const struct bfs_profile *bfs_profile_find(const char *id);

#endif

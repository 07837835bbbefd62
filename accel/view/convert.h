/* SPDX-License-Identifier: Apache-2.0
 * The converters of safetensors views: each function appends one tensor to a part list. What comes
 * out, bit by bit, is in docs/views.md.
 *
 * A source is F32, F16 or BF16 (bfs_convert_takes()); `from` says which. Errors of all: -ENOMEM,
 * -E2BIG (a size that does not fit).
 *
 * THREAD SAFETY: as part lists. */
#ifndef BFS_ACCEL_CONVERT_H
#define BFS_ACCEL_CONVERT_H

#include "accel/view/part.h"

#include <stdbool.h>

/* Can it be converted: F32, F16 or BF16? Sets *ret then. */
bool bfs_convert_takes(enum bfs_dtype dtype, enum bfs_float_type *ret);
/* Can something get lost from one to the other? */
bool bfs_convert_is_lossy(enum bfs_dtype from, enum bfs_dtype to);

/* A tensor as matrices: n_matrices times rows x cols, row-major. */
struct bfs_convert_tensor {
    struct bfs_part_source source;
    enum bfs_dtype from;
    uint64_t n_matrices;
    uint64_t rows;
    uint64_t cols;
    unsigned tensor_class;
};

/* Every element cast to F32, F16 or BF16, in the same order; equal types are copied. */
int bfs_convert_cast(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor,
                     enum bfs_dtype to);

/* How a matrix in 8 bits is scaled. */
enum bfs_scaling {
    BFS_SCALING_FP8_TENSOR, /* F8_E4M3, one scale */
    BFS_SCALING_FP8_BLOCK,  /* F8_E4M3, one for each 128 x 128 elements, row-major */
    BFS_SCALING_INT8_ROW,   /* I8, one for each row */
};
enum { BFS_SCALING_BLOCK = 128 };

/* One matrix in 8 bits, row-major. Its scales are bfs_scaling_count() f32, to be appended with
 * bfs_part_list_add_scales() before or after it. */
int bfs_convert_scaled(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor,
                       enum bfs_scaling scaling);
uint64_t bfs_scaling_count(enum bfs_scaling scaling, uint64_t rows, uint64_t cols);
/* I8 or F8_E4M3. */
enum bfs_dtype bfs_scaling_dtype(enum bfs_scaling scaling);

/* Each matrix BF16 in XLA's T(8,128)(2,1), one after the other. */
int bfs_convert_tiles(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor);

/* One matrix in VNNI order as BF16 in pairs, or as I8 in fours with one scale for each row. */
int bfs_convert_vnni(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor,
                     enum bfs_dtype to);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * What the converters share. */
#ifndef BFS_ACCEL_CONVERT_PRIVATE_H
#define BFS_ACCEL_CONVERT_PRIVATE_H

#include "accel/view/convert.h"

/* Which scratch memory holds what. */
enum {
    BFS_SCRATCH_SOURCE,
    BFS_SCRATCH_FLOATS,
    BFS_SCRATCH_BACK,
    BFS_SCRATCH_RESULT,
    BFS_SCRATCH_TILE,
};

/* Reads n elements of the source from number `first` on, as f32; *ret is in the scratch memory
 * until the next call. */
int bfs_convert_read(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t first, size_t n, const float **ret, struct bfs_error *error);
/* The same for a block of a matrix: n_rows x n_cols elements from (row, col) on of matrix number
 * `matrix`, packed row after row. */
int bfs_convert_read_block(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                           uint64_t matrix, uint64_t row, size_t n_rows, uint64_t col,
                           size_t n_cols, const float **ret, struct bfs_error *error);
/* Adds n elements that were cast to 2-byte floats to the measure. */
int bfs_convert_measure(const struct bfs_part *part, struct bfs_part_scratch *scratch,
                        const float *source, const void *made, size_t n,
                        struct bfs_measure *measure, struct bfs_error *error);

/* Fills the fields that follow from the tensor; the caller adds ops and sizes. */
struct bfs_part bfs_convert_part(const struct bfs_convert_tensor *tensor, enum bfs_dtype to);

/* prepare() of one scale for each row, with n_pieces for a tensor of this shape. */
int bfs_convert_prepare_rows(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                             uint64_t piece, struct bfs_error *error);
uint64_t bfs_convert_row_pieces(uint64_t rows, uint64_t cols);

static inline uint64_t bfs_divide_up(uint64_t n, uint64_t by)
{
    return n / by + (n % by != 0);
}

static inline int bfs_convert_no_memory(struct bfs_error *error)
{
    return bfs_fail(error, -ENOMEM, "out of memory");
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Matrices in VNNI order, as bf16 or as int8 with a scale for each row. */
#include "accel/view/convert_private.h"

#include "accel/tile/tile.h"

#include <errno.h>
#include <string.h>

enum {
    LANE = 4, /* bytes that one row has in one group of columns */
    /* Columns are read in runs of at least about so many elements, when memory allows: the source
     * is row-major, so that each run is a read of its own. */
    RUN_MIN = 256,
};

static size_t group_of(const struct bfs_part *part)
{
    return LANE / part->to->block_bytes;
}

/* Rounds a block of n_rows x n_cols to the target type, in the scratch memory. */
static int round_block(const struct bfs_part *part, struct bfs_part_scratch *scratch,
                       const float *floats, uint64_t row, size_t n_rows, size_t n_cols,
                       const uint8_t **ret, struct bfs_measure *measure, struct bfs_error *error)
{
    size_t n = n_rows * n_cols;
    uint8_t *rounded = bfs_part_scratch_get(scratch, BFS_SCRATCH_RESULT, n * part->to->block_bytes);
    float *back = bfs_part_scratch_get(scratch, BFS_SCRATCH_BACK, n * sizeof(*back));
    if (!rounded || !back)
        return bfs_convert_no_memory(error);
    *ret = rounded;
    if (part->to->id == BFS_DTYPE_BF16) {
        bfs_cast(BFS_FLOAT_F32, floats, BFS_FLOAT_BF16, rounded, n);
        return bfs_convert_measure(part, scratch, floats, rounded, n, measure, error);
    }
    for (size_t i = 0; i < n_rows; i++) {
        int8_t *made = (int8_t *)rounded + i * n_cols;
        bfs_cast_int8(floats + i * n_cols, part->scales[row + i], made, n_cols);
        bfs_cast_int8_back(made, part->scales[row + i], back + i * n_cols, n_cols);
    }
    bfs_measure_add(measure, floats, back, n);
    return 0;
}

/* A block of rows of the band's columns, to its places in the band. */
static int make_rows(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t row, size_t n_rows, uint64_t col, size_t n_cols, uint8_t *to,
                     struct bfs_measure *measure, struct bfs_error *error)
{
    size_t group = group_of(part), n_groups = (n_cols + group - 1) / group;
    const uint8_t *rounded = NULL;
    const float *floats;
    int r;
    if ((r = bfs_convert_read_block(part, fd, scratch, 0, row, n_rows, col, n_cols, &floats,
                                    error)) ||
        (r = round_block(part, scratch, floats, row, n_rows, n_cols, &rounded, measure, error)))
        return r;
    size_t run = n_rows * LANE;
    uint8_t *tile = bfs_part_scratch_get(scratch, BFS_SCRATCH_TILE, n_groups * run);
    if (!tile)
        return bfs_convert_no_memory(error);
    bfs_vnni_band(rounded, n_rows, (uint32_t)n_cols, n_cols * part->to->block_bytes,
                  part->to->block_bytes, tile);
    for (size_t i = 0; i < n_groups; i++)
        memcpy(to + (i * part->rows + row) * LANE, tile + i * run, run);
    return 0;
}

static int make(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                struct bfs_error *error)
{
    size_t group = group_of(part), n_groups = size / (part->rows * LANE);
    uint64_t col = offset / (part->rows * LANE) * group, left = part->cols - col;
    size_t n_cols = left < n_groups * group ? (size_t)left : n_groups * group;
    size_t step = BFS_PART_STEP / n_cols ? BFS_PART_STEP / n_cols : 1;
    for (uint64_t row = 0; row < part->rows; row += step) {
        size_t n_rows = part->rows - row < step ? (size_t)(part->rows - row) : step;
        int r = make_rows(part, fd, scratch, row, n_rows, col, n_cols, to, measure, error);
        if (r)
            return r;
    }
    return 0;
}

static const struct bfs_part_ops bf16_ops = {.name = "vnni-2", .make = make};
static const struct bfs_part_ops int8_ops = {
    .name = "vnni-4", .prepare = bfs_convert_prepare_rows, .make = make};

/* Bytes of a band: whole groups of columns. */
static uint64_t band_size(uint64_t line, size_t group)
{
    uint64_t n = BFS_BAND_SIZE / line, most = BFS_BAND_SIZE_MAX / line;
    n = n < RUN_MIN / group ? RUN_MIN / group : n;
    n = n > BFS_PART_STEP / group ? BFS_PART_STEP / group : n;
    return (n > most ? most : n) * line;
}

int bfs_convert_vnni(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor,
                     enum bfs_dtype to)
{
    struct bfs_part part = bfs_convert_part(tensor, to);
    part.size = bfs_vnni_size(tensor->rows, tensor->cols, part.to->block_bytes);
    if (part.size == UINT64_MAX || tensor->rows > BFS_BAND_SIZE_MAX / LANE)
        return -E2BIG;
    part.ops = &bf16_ops;
    if (part.size)
        part.band_size = band_size(tensor->rows * LANE, group_of(&part));
    if (to == BFS_DTYPE_I8) {
        part.ops = &int8_ops;
        part.n_scales = tensor->rows;
        part.n_pieces = bfs_convert_row_pieces(tensor->rows, tensor->cols);
    }
    return bfs_part_list_add(list, &part);
}

/* SPDX-License-Identifier: Apache-2.0
 * Matrices in tiles of 8 x 128, as bf16. */
#include "accel/view/convert_private.h"

#include "accel/tile/tile.h"
#include "verify/checked.h"

#include <errno.h>

enum {
    TILE_ROWS = 8,
    TILE_COLS = 128,
    TILE_SIZE = TILE_ROWS * TILE_COLS * 2,
    STEP_TILES = BFS_PART_STEP / (TILE_ROWS * TILE_COLS),
};

/* `n` tiles of one row of tiles, from tile number `at` of the tensor on. */
static int make_run(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                    uint64_t at, size_t n, uint8_t *to, struct bfs_measure *measure,
                    struct bfs_error *error)
{
    uint64_t wide = bfs_divide_up(part->cols, TILE_COLS),
             high = bfs_divide_up(part->rows, TILE_ROWS);
    uint64_t matrix = at / wide / high, row = at / wide % high * TILE_ROWS;
    uint64_t col = at % wide * TILE_COLS, cols_left = part->cols - col;
    size_t n_rows = part->rows - row < TILE_ROWS ? (size_t)(part->rows - row) : TILE_ROWS;
    size_t n_cols = cols_left < n * TILE_COLS ? (size_t)cols_left : n * TILE_COLS;
    const float *floats;
    int r =
        bfs_convert_read_block(part, fd, scratch, matrix, row, n_rows, col, n_cols, &floats, error);
    if (r)
        return r;
    uint8_t *rounded = bfs_part_scratch_get(scratch, BFS_SCRATCH_RESULT, n_rows * n_cols * 2);
    if (!rounded)
        return bfs_convert_no_memory(error);
    bfs_cast(BFS_FLOAT_F32, floats, BFS_FLOAT_BF16, rounded, n_rows * n_cols);
    bfs_tile_8x128_band(rounded, (uint32_t)n_rows, n_cols, n_cols * 2, to);
    return bfs_convert_measure(part, scratch, floats, rounded, n_rows * n_cols, measure, error);
}

static int make(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                struct bfs_error *error)
{
    uint64_t wide = bfs_divide_up(part->cols, TILE_COLS), at = offset / TILE_SIZE;
    for (size_t left = size / TILE_SIZE, n; left > 0; left -= n) {
        uint64_t in_row = wide - at % wide;
        n = left < STEP_TILES ? left : STEP_TILES;
        n = in_row < n ? (size_t)in_row : n;
        int r = make_run(part, fd, scratch, at, n, to, measure, error);
        if (r)
            return r;
        at += n;
        to += n * TILE_SIZE;
    }
    return 0;
}

static const struct bfs_part_ops ops = {.name = "t8x128", .make = make};

int bfs_convert_tiles(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor)
{
    struct bfs_part part = bfs_convert_part(tensor, BFS_DTYPE_BF16);
    uint64_t size = bfs_tile_8x128_size(tensor->rows, tensor->cols);
    part.ops = &ops;
    if (size == UINT64_MAX || !bfs_mul_u64(size, tensor->n_matrices, &part.size))
        return -E2BIG;
    return bfs_part_list_add(list, &part);
}

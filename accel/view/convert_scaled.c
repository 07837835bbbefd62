/* SPDX-License-Identifier: Apache-2.0
 * Matrices in 8 bits with scales. */
#include "accel/view/convert_private.h"

#include "verify/checked.h"

#include <errno.h>

/* Elements of one piece of prepare(), about. */
#define PIECE_ELEMENTS (UINT64_C(1) << 20)

uint64_t bfs_scaling_count(enum bfs_scaling scaling, uint64_t rows, uint64_t cols)
{
    switch (scaling) {
    case BFS_SCALING_FP8_TENSOR:
        return 1;
    case BFS_SCALING_FP8_BLOCK:
        /* Each factor is at most an element count / 128 that fitted in 64 bits. */
        return bfs_divide_up(rows, BFS_SCALING_BLOCK) * bfs_divide_up(cols, BFS_SCALING_BLOCK);
    case BFS_SCALING_INT8_ROW:
        return rows;
    }
    return 0;
}

enum bfs_dtype bfs_scaling_dtype(enum bfs_scaling scaling)
{
    return scaling == BFS_SCALING_INT8_ROW ? BFS_DTYPE_I8 : BFS_DTYPE_F8_E4M3;
}

/* The largest |x| of n elements from number `first` on. */
static int find_amax(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t first, uint64_t n, float *ret, struct bfs_error *error)
{
    *ret = 0;
    for (uint64_t done = 0; done < n;) {
        const float *floats;
        size_t step = n - done < BFS_PART_STEP ? (size_t)(n - done) : BFS_PART_STEP;
        int r = bfs_convert_read(part, fd, scratch, first + done, step, &floats, error);
        if (r)
            return r;
        float amax = bfs_amax(BFS_FLOAT_F32, floats, step);
        *ret = amax > *ret ? amax : *ret;
        done += step;
    }
    return 0;
}

static int prepare_tensor(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                          uint64_t piece, struct bfs_error *error)
{
    uint64_t first = piece * PIECE_ELEMENTS, left = part->size - first;
    return find_amax(part, fd, scratch, first, left < PIECE_ELEMENTS ? left : PIECE_ELEMENTS,
                     &part->scales[piece], error);
}

static void settle_tensor(struct bfs_part *part)
{
    float amax = 0;
    for (uint64_t i = 0; i < part->n_pieces; i++)
        amax = part->scales[i] > amax ? part->scales[i] : amax;
    part->scales[0] = bfs_fp8_scale(amax);
}

/* One piece is one row of blocks. */
static int prepare_blocks(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                          uint64_t piece, struct bfs_error *error)
{
    uint64_t n_blocks = bfs_divide_up(part->cols, BFS_SCALING_BLOCK);
    uint64_t row = piece * BFS_SCALING_BLOCK, left = part->rows - row;
    uint64_t end = left < BFS_SCALING_BLOCK ? part->rows : row + BFS_SCALING_BLOCK;
    float *scales = part->scales + piece * n_blocks;
    for (; row < end; row++) {
        for (uint64_t col = 0; col < part->cols;) {
            const float *floats;
            uint64_t rest = part->cols - col;
            size_t step = rest < BFS_PART_STEP ? (size_t)rest : BFS_PART_STEP;
            int r =
                bfs_convert_read(part, fd, scratch, row * part->cols + col, step, &floats, error);
            if (r)
                return r;
            for (size_t i = 0; i < step; i += BFS_SCALING_BLOCK) {
                size_t n = step - i < BFS_SCALING_BLOCK ? step - i : BFS_SCALING_BLOCK;
                float amax = bfs_amax(BFS_FLOAT_F32, floats + i, n);
                float *into = &scales[(col + i) / BFS_SCALING_BLOCK];
                *into = amax > *into ? amax : *into;
            }
            col += step;
        }
    }
    for (uint64_t i = 0; i < n_blocks; i++)
        scales[i] = bfs_fp8_scale(scales[i]);
    return 0;
}

static uint64_t rows_of_piece(uint64_t cols)
{
    uint64_t rows = cols ? PIECE_ELEMENTS / cols : PIECE_ELEMENTS;
    return rows ? rows : 1;
}

uint64_t bfs_convert_row_pieces(uint64_t rows, uint64_t cols)
{
    return bfs_divide_up(rows, rows_of_piece(cols));
}

static int scale_row(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t *row, struct bfs_error *error)
{
    float amax;
    int r = find_amax(part, fd, scratch, *row * part->cols, part->cols, &amax, error);
    if (r == 0)
        part->scales[(*row)++] = bfs_int8_scale(amax);
    return r;
}

/* As many as are read at a time: a read for each row would cost more than the rows. */
static int scale_short_rows(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                            uint64_t *row, uint64_t end, struct bfs_error *error)
{
    size_t cols = (size_t)part->cols, n = BFS_PART_STEP / cols;
    const float *floats;
    n = end - *row < n ? (size_t)(end - *row) : n;
    int r = bfs_convert_read(part, fd, scratch, *row * cols, n * cols, &floats, error);
    for (size_t i = 0; r == 0 && i < n; i++)
        part->scales[(*row)++] = bfs_int8_scale(bfs_amax(BFS_FLOAT_F32, floats + i * cols, cols));
    return r;
}

int bfs_convert_prepare_rows(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                             uint64_t piece, struct bfs_error *error)
{
    uint64_t step = rows_of_piece(part->cols), row = piece * step;
    uint64_t end = part->rows - row < step ? part->rows : row + step;
    while (row < end) {
        int r = part->cols > 0 && part->cols <= BFS_PART_STEP / 2
                    ? scale_short_rows(part, fd, scratch, &row, end, error)
                    : scale_row(part, fd, scratch, &row, error);
        if (r)
            return r;
    }
    return 0;
}

/* The scale of element `at`, and how many from it on in its row have the same; at most n. */
typedef size_t (*run_function)(const struct bfs_part *part, uint64_t at, size_t n, float *ret);

static size_t run_tensor(const struct bfs_part *part, uint64_t at, size_t n, float *ret)
{
    (void)at;
    *ret = part->scales[0];
    return n;
}

static size_t run_row(const struct bfs_part *part, uint64_t at, size_t n, float *ret)
{
    uint64_t left = part->cols - at % part->cols;
    *ret = part->scales[at / part->cols];
    return left < n ? (size_t)left : n;
}

static size_t run_block(const struct bfs_part *part, uint64_t at, size_t n, float *ret)
{
    uint64_t row = at / part->cols, col = at % part->cols, left = part->cols - col;
    uint64_t n_blocks = bfs_divide_up(part->cols, BFS_SCALING_BLOCK);
    uint64_t run = BFS_SCALING_BLOCK - col % BFS_SCALING_BLOCK;
    *ret = part->scales[row / BFS_SCALING_BLOCK * n_blocks + col / BFS_SCALING_BLOCK];
    run = left < run ? left : run;
    return run < n ? (size_t)run : n;
}

static int make_scaled(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                       uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                       struct bfs_error *error, run_function run)
{
    bool is_int8 = part->to->id == BFS_DTYPE_I8;
    float *back = bfs_part_scratch_get(scratch, BFS_SCRATCH_BACK, BFS_PART_STEP * sizeof(*back));
    if (!back)
        return bfs_convert_no_memory(error);
    for (size_t done = 0, step; done < size; done += step) {
        const float *floats;
        step = size - done < BFS_PART_STEP ? size - done : BFS_PART_STEP;
        int r = bfs_convert_read(part, fd, scratch, offset + done, step, &floats, error);
        if (r)
            return r;
        for (size_t i = 0, n; i < step; i += n) {
            uint8_t *made = to + done + i;
            float scale;
            n = run(part, offset + done + i, step - i, &scale);
            if (is_int8) {
                bfs_cast_int8(floats + i, scale, (int8_t *)made, n);
                bfs_cast_int8_back((const int8_t *)made, scale, back + i, n);
            } else {
                bfs_cast_fp8(floats + i, scale, made, n);
                bfs_cast_fp8_back(made, scale, back + i, n);
            }
        }
        bfs_measure_add(measure, floats, back, step);
    }
    return 0;
}

#define MAKE(name, run)                                                                            \
    static int name(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,         \
                    uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,        \
                    struct bfs_error *error)                                                       \
    {                                                                                              \
        return make_scaled(part, fd, scratch, offset, size, to, measure, error, run);              \
    }
MAKE(make_tensor, run_tensor)
MAKE(make_blocks, run_block)
MAKE(make_rows, run_row)
#undef MAKE

static const struct bfs_part_ops scaled_ops[] = {
    [BFS_SCALING_FP8_TENSOR] = {.name = "fp8-tensor",
                                .prepare = prepare_tensor,
                                .settle = settle_tensor,
                                .make = make_tensor},
    [BFS_SCALING_FP8_BLOCK] = {.name = "fp8-block128",
                               .prepare = prepare_blocks,
                               .make = make_blocks},
    [BFS_SCALING_INT8_ROW] = {.name = "int8-row",
                              .prepare = bfs_convert_prepare_rows,
                              .make = make_rows},
};

static uint64_t count_pieces(enum bfs_scaling scaling, uint64_t rows, uint64_t cols)
{
    switch (scaling) {
    case BFS_SCALING_FP8_TENSOR:
        return bfs_divide_up(rows * cols, PIECE_ELEMENTS);
    case BFS_SCALING_FP8_BLOCK:
        return bfs_divide_up(rows, BFS_SCALING_BLOCK);
    case BFS_SCALING_INT8_ROW:
        return bfs_convert_row_pieces(rows, cols);
    }
    return 0;
}

int bfs_convert_scaled(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor,
                       enum bfs_scaling scaling)
{
    struct bfs_part part = bfs_convert_part(tensor, bfs_scaling_dtype(scaling));
    part.ops = &scaled_ops[scaling];
    if (!bfs_mul_u64(tensor->rows, tensor->cols, &part.size))
        return -E2BIG;
    part.n_scales = bfs_scaling_count(scaling, tensor->rows, tensor->cols);
    part.n_pieces = count_pieces(scaling, tensor->rows, tensor->cols);
    return bfs_part_list_add(list, &part);
}

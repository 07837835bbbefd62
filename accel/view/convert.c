/* SPDX-License-Identifier: Apache-2.0
 * Reading sources as floats, and the plain cast. */
#include "accel/view/convert_private.h"

#include "verify/checked.h"

#include <errno.h>

bool bfs_convert_takes(enum bfs_dtype dtype, enum bfs_float_type *ret)
{
    if (dtype == BFS_DTYPE_F32)
        *ret = BFS_FLOAT_F32;
    else if (dtype == BFS_DTYPE_F16)
        *ret = BFS_FLOAT_F16;
    else if (dtype == BFS_DTYPE_BF16)
        *ret = BFS_FLOAT_BF16;
    else
        return false;
    return true;
}

bool bfs_convert_is_lossy(enum bfs_dtype from, enum bfs_dtype to)
{
    return from != to && to != BFS_DTYPE_F32;
}

static enum bfs_float_type float_type(const struct bfs_dtype_info *dtype)
{
    enum bfs_float_type type = BFS_FLOAT_F32;
    (void)bfs_convert_takes(dtype->id, &type);
    return type;
}

struct bfs_part bfs_convert_part(const struct bfs_convert_tensor *tensor, enum bfs_dtype to)
{
    return (struct bfs_part){
        .band_size = BFS_BAND_SIZE,
        .scales_from = BFS_PART_NONE,
        .source = tensor->source,
        .from = bfs_dtype_info(tensor->from),
        .to = bfs_dtype_info(to),
        .n_matrices = tensor->n_matrices,
        .rows = tensor->rows,
        .cols = tensor->cols,
        .tensor_class = tensor->tensor_class,
    };
}

/* f32 sources are used where they were read. */
static int as_floats(const struct bfs_part *part, struct bfs_part_scratch *scratch, size_t n,
                     const void *source, const float **ret, struct bfs_error *error)
{
    if (part->from->id == BFS_DTYPE_F32) {
        *ret = source;
        return 0;
    }
    float *floats = bfs_part_scratch_get(scratch, BFS_SCRATCH_FLOATS, n * sizeof(*floats));
    if (!floats)
        return bfs_convert_no_memory(error);
    bfs_cast(float_type(part->from), source, BFS_FLOAT_F32, floats, n);
    *ret = floats;
    return 0;
}

int bfs_convert_read(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t first, size_t n, const float **ret, struct bfs_error *error)
{
    size_t element = part->from->block_bytes;
    uint8_t *source = bfs_part_scratch_get(scratch, BFS_SCRATCH_SOURCE, n * element);
    if (!source)
        return bfs_convert_no_memory(error);
    int r = bfs_part_read(part, fd, first * element, source, n * element, error);
    return r ? r : as_floats(part, scratch, n, source, ret, error);
}

int bfs_convert_read_block(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                           uint64_t matrix, uint64_t row, size_t n_rows, uint64_t col,
                           size_t n_cols, const float **ret, struct bfs_error *error)
{
    uint64_t first = (matrix * part->rows + row) * part->cols + col;
    if (n_cols == part->cols)
        return bfs_convert_read(part, fd, scratch, first, n_rows * n_cols, ret, error);
    size_t element = part->from->block_bytes, n = n_rows * n_cols;
    uint8_t *source = bfs_part_scratch_get(scratch, BFS_SCRATCH_SOURCE, n * element);
    if (!source)
        return bfs_convert_no_memory(error);
    for (size_t i = 0; i < n_rows; i++) {
        int r = bfs_part_read(part, fd, (first + i * part->cols) * element,
                              source + i * n_cols * element, n_cols * element, error);
        if (r)
            return r;
    }
    return as_floats(part, scratch, n, source, ret, error);
}

int bfs_convert_measure(const struct bfs_part *part, struct bfs_part_scratch *scratch,
                        const float *source, const void *made, size_t n,
                        struct bfs_measure *measure, struct bfs_error *error)
{
    if (!bfs_convert_is_lossy(part->from->id, part->to->id))
        return 0;
    float *back = bfs_part_scratch_get(scratch, BFS_SCRATCH_BACK, n * sizeof(*back));
    if (!back)
        return bfs_convert_no_memory(error);
    bfs_cast(float_type(part->to), made, BFS_FLOAT_F32, back, n);
    bfs_measure_add(measure, source, back, n);
    return 0;
}

static int cast_make(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                     uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                     struct bfs_error *error)
{
    size_t element = part->to->block_bytes;
    uint64_t first = offset / element;
    for (size_t left = size / element, n; left > 0; left -= n) {
        const float *floats;
        int r;
        n = left < BFS_PART_STEP ? left : BFS_PART_STEP;
        if ((r = bfs_convert_read(part, fd, scratch, first, n, &floats, error)))
            return r;
        bfs_cast(BFS_FLOAT_F32, floats, float_type(part->to), to, n);
        if ((r = bfs_convert_measure(part, scratch, floats, to, n, measure, error)))
            return r;
        first += n;
        to += n * element;
    }
    return 0;
}

static const struct bfs_part_ops cast_ops = {.name = "cast", .make = cast_make};

int bfs_convert_cast(struct bfs_part_list *list, const struct bfs_convert_tensor *tensor,
                     enum bfs_dtype to)
{
    if (tensor->from == to)
        return bfs_part_list_add_copy(list, tensor->source);
    struct bfs_part part = bfs_convert_part(tensor, to);
    part.ops = &cast_ops;
    if (!bfs_mul_u64(tensor->source.size / part.from->block_bytes, part.to->block_bytes,
                     &part.size))
        return -E2BIG;
    return bfs_part_list_add(list, &part);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/gguf_convert.h"

#include "accel/quant/quant.h"

enum { SCRATCH_SOURCE, SCRATCH_FLOATS, SCRATCH_BACK };

/* Whole blocks of every type at each step. */
_Static_assert(BFS_PART_STEP % 256 == 0, "a step is whole blocks");

static enum bfs_float_type float_type(enum bfs_dtype dtype)
{
    return dtype == BFS_DTYPE_F16    ? BFS_FLOAT_F16
           : dtype == BFS_DTYPE_BF16 ? BFS_FLOAT_BF16
                                     : BFS_FLOAT_F32;
}

/* Reads n elements from number `first` on as f32. NULL: failed, with *ret_code set. */
static const float *read_floats(const struct bfs_part *part, int fd,
                                struct bfs_part_scratch *scratch, uint64_t first, size_t n,
                                int *ret_code, struct bfs_error *error)
{
    size_t element = part->from->block_bytes;
    void *source = bfs_part_scratch_get(scratch, SCRATCH_SOURCE, n * element);
    float *floats = bfs_part_scratch_get(scratch, SCRATCH_FLOATS, n * sizeof(float));
    if (!source || !floats) {
        *ret_code = bfs_fail(error, -ENOMEM, "out of memory");
        return NULL;
    }
    *ret_code = bfs_part_read(part, fd, first * element, source, n * element, error);
    if (*ret_code)
        return NULL;
    bfs_cast(float_type(part->from->id), source, BFS_FLOAT_F32, floats, n);
    return floats;
}

/* One step; n is whole blocks. */
static int convert(const struct bfs_part *part, const float *floats, size_t n, uint8_t *to,
                   struct bfs_part_scratch *scratch, struct bfs_measure *measure,
                   struct bfs_error *error)
{
    bool is_quantized = bfs_quant_has(part->to->id);
    enum bfs_float_type type = float_type(part->to->id);
    if (is_quantized)
        bfs_quantize(part->to->id, floats, to, n);
    else
        bfs_cast(BFS_FLOAT_F32, floats, type, to, n);
    if (part->to->id == BFS_DTYPE_F32)
        return 0; /* exact */
    float *back = bfs_part_scratch_get(scratch, SCRATCH_BACK, n * sizeof(float));
    if (!back)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (is_quantized)
        bfs_dequantize(part->to->id, to, back, n);
    else
        bfs_cast(type, to, BFS_FLOAT_F32, back, n);
    bfs_measure_add(measure, floats, back, n);
    return 0;
}

static int make(const struct bfs_part *part, int fd, struct bfs_part_scratch *scratch,
                uint64_t offset, size_t size, uint8_t *to, struct bfs_measure *measure,
                struct bfs_error *error)
{
    size_t block_bytes = part->to->block_bytes, block_elements = part->to->block_elements;
    uint64_t first = offset / block_bytes * block_elements;
    for (size_t left = size / block_bytes * block_elements; left > 0;) {
        size_t n = left < BFS_PART_STEP ? left : BFS_PART_STEP;
        int r;
        const float *floats = read_floats(part, fd, scratch, first, n, &r, error);
        if (!floats || (r = convert(part, floats, n, to, scratch, measure, error)))
            return r;
        to += n / block_elements * block_bytes;
        first += n;
        left -= n;
    }
    return 0;
}

static const struct bfs_part_ops ops = {.name = "gguf", .make = make};

struct bfs_part bfs_gguf_convert_part(const struct bfs_tensor *tensor,
                                      const struct bfs_source_file *file, enum bfs_dtype to,
                                      uint64_t size)
{
    const struct bfs_dtype_info *from = bfs_dtype_info(tensor->dtype), *into = bfs_dtype_info(to);
    uint64_t cols = tensor->n_dims ? tensor->shape[tensor->n_dims - 1] : 1;
    return (struct bfs_part){
        .ops = &ops,
        .size = size,
        .band_size = BFS_BAND_SIZE / into->block_bytes * into->block_bytes,
        .scales_from = BFS_PART_NONE,
        .source = {.file = file, .offset = tensor->offset, .size = tensor->size},
        .from = from,
        .to = into,
        .n_matrices = 1,
        .rows = cols ? tensor->size / from->block_bytes / cols : 0,
        .cols = cols,
    };
}

/* SPDX-License-Identifier: Apache-2.0
 * F32 without anything new to store: each chunk of the view is a chunk of the original and a
 * transform, so the view's tensors keep the original's order, and its chunks the original's cuts.
 */
#include "accel/view/checkpoint.h"
#include "accel/view/planners.h"
#include "accel/view/safetensors.h"

#include <errno.h>
#include <stdio.h>

static int add_tensor(const struct bfs_view_plan *plan, const struct bfs_view_input *input,
                      const struct bfs_tensor *tensor, struct bfs_draft_list *drafts,
                      struct bfs_error *error)
{
    const struct bfs_dtype_info *dtype = bfs_dtype_info(tensor->dtype);
    bool is_half = tensor->dtype == BFS_DTYPE_F16 || tensor->dtype == BFS_DTYPE_BF16;
    const struct bfs_draft draft = {
        .kind = is_half ? BFS_DRAFT_CAST : BFS_DRAFT_COPY,
        .dtype = is_half ? BFS_DTYPE_F32 : tensor->dtype,
    };
    char why[64];
    /* Floats of 8 bits and less mean something only with scales, which this does not apply. */
    if (dtype->layout == BFS_LAYOUT_FLOAT8 || dtype->layout == BFS_LAYOUT_OPAQUE) {
        (void)snprintf(why, sizeof(why), "cannot be made from %s", dtype->name);
        return bfs_view_plan_refuse(plan, error, -EINVAL, input, tensor, why);
    }
    int r = bfs_draft_add(drafts, tensor, &draft);
    return r ? bfs_view_plan_refuse(plan, error, r, input, tensor,
                                    r == -ENOMEM ? "out of memory" : "too large")
             : 0;
}

/* A run of the original as one of the view. No chunk mixes element types of different layouts. */
static struct bfs_plan_run widen(struct bfs_plan_run run)
{
    if (run.layout == BFS_LAYOUT_BFLOAT16)
        run.transform = BFS_TRANSFORM_BF16_TO_F32;
    else if (run.layout == BFS_LAYOUT_FLOAT16)
        run.transform = BFS_TRANSFORM_F16_TO_F32;
    return run;
}

/* The first tensor begins a run, so none is half header and half data. */
static int make_cut(const struct bfs_view_input *input, uint64_t data_start, uint64_t header_size,
                    uint32_t chunk_size, struct bfs_plan *ret)
{
    static const struct bfs_tensor_map none = {0};
    bfs_autoplan struct bfs_plan source = {0};
    uint64_t position = 0;
    int r;
    if ((r = bfs_plan_make(input->map, input->file->size, chunk_size, &source)) ||
        (r = bfs_plan_make(&none, header_size, chunk_size, ret)))
        return r;
    for (size_t i = 0; r == 0 && i < source.n_runs; i++) {
        const struct bfs_plan_run run = widen(source.runs[i]);
        if (position >= data_start)
            r = bfs_plan_add(ret, &run);
        position += source.runs[i].size;
    }
    return r;
}

static uint64_t start_of_data(const struct bfs_view_input *input)
{
    for (size_t i = 0; i < input->map->n_tensors; i++)
        if (input->map->tensors[i].size > 0)
            return input->map->tensors[i].offset;
    return input->file->size;
}

/* Bytes of a file that tensors fill without a gap. */
struct segment {
    size_t first, n; /* tensors */
    uint64_t offset, size;
};

static struct segment segment_at(const struct bfs_tensor_map *map, size_t first)
{
    struct segment segment = {.first = first, .offset = map->tensors[first].offset};
    size_t i = first;
    for (; i < map->n_tensors && map->tensors[i].offset == segment.offset + segment.size; i++)
        segment.size += map->tensors[i].size;
    segment.n = i - first;
    return segment;
}

static int cut_segment(const struct bfs_tensor_map *map, const struct segment *segment,
                       uint32_t chunk_size, struct bfs_plan *ret)
{
    bfs_autofree struct bfs_tensor *tensors = calloc(segment->n, sizeof(*tensors));
    bfs_autoplan struct bfs_plan source = {0};
    if (!tensors)
        return -ENOMEM;
    for (size_t i = 0; i < segment->n; i++) {
        tensors[i] = map->tensors[segment->first + i];
        tensors[i].offset -= segment->offset;
    }
    const struct bfs_tensor_map part = {.tensors = tensors, .n_tensors = segment->n};
    int r = bfs_plan_make(&part, segment->size, chunk_size, &source);
    for (size_t i = 0; r == 0 && i < source.n_runs; i++) {
        const struct bfs_plan_run run = widen(source.runs[i]);
        r = bfs_plan_add(ret, &run);
    }
    return r;
}

/* Of a file that lost tensors to another shard: what lies between them is left out. */
static int add_segments(const struct bfs_view_input *input, uint32_t chunk_size,
                        struct bfs_view_output *output)
{
    static const struct bfs_tensor_map none = {0};
    const struct bfs_tensor_map *map = input->map;
    int r = bfs_plan_make(&none, output->parts.size, chunk_size, &output->cut);
    for (size_t i = 0; r == 0 && i < map->n_tensors;) {
        struct segment segment = segment_at(map, i);
        const struct bfs_part_source data = {
            .file = input->file, .offset = segment.offset, .size = segment.size};
        i += segment.n;
        if (segment.size == 0)
            continue;
        r = cut_segment(map, &segment, chunk_size, &output->cut);
        if (r == 0)
            r = bfs_part_list_add_copy(&output->parts, data);
    }
    return r;
}

/* One segment that ends with the file keeps the chunks of the original. */
static int add_data(const struct bfs_view_input *input, uint32_t chunk_size,
                    struct bfs_view_output *output)
{
    uint64_t start = start_of_data(input);
    const struct bfs_part_source data = {
        .file = input->file, .offset = start, .size = input->file->size - start};
    int r = make_cut(input, start, output->parts.size, chunk_size, &output->cut);
    return r ? r : bfs_part_list_add_copy(&output->parts, data);
}

static int plan_input(struct bfs_view_plan *plan, const struct bfs_view_input *input,
                      struct bfs_error *error)
{
    bfs_autodrafts struct bfs_draft_list drafts = {0};
    bfs_autooutput struct bfs_view_output output = {0};
    uint64_t size = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < input->map->n_tensors; i++) {
        size += input->map->tensors[i].size;
        r = add_tensor(plan, input, &input->map->tensors[i], &drafts, error);
    }
    if (r == 0)
        r = bfs_safetensors_draft(plan, input, &drafts, false, &output, error);
    if (r)
        return r;
    bool is_whole = input->file->size - start_of_data(input) == size;
    uint32_t chunk_size = bfs_view_plan_chunk_size(plan);
    r = is_whole ? add_data(input, chunk_size, &output) : add_segments(input, chunk_size, &output);
    if (r)
        return bfs_view_plan_refuse(plan, error, r, input, NULL,
                                    r == -ENOMEM ? "out of memory" : "too large");
    return bfs_view_plan_add(plan, &output, error);
}

int bfs_view_plan_widened(struct bfs_view_plan *plan, struct bfs_error *error)
{
    const struct bfs_view_input *input;
    int r = bfs_checkpoint_check(plan, error);
    for (size_t i = 0; r == 0 && (input = bfs_view_plan_input(plan, i)); i++)
        if (input->map->container == BFS_CONTAINER_SAFETENSORS)
            r = plan_input(plan, input, error);
    return r ? r : bfs_checkpoint_finish(plan, "float32", BFS_CHECKPOINT_PLAIN, error);
}

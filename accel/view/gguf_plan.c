/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/gguf_convert.h"
#include "accel/view/gguf_head.h"
#include "accel/view/gguf_policy.h"
#include "accel/view/gguf_split.h"
#include "accel/view/planners.h"
#include "codec/container/container.h"

#include <string.h>

/* ggml's general.file_type of a file whose matrices all have this type; of K-quants, the one that
 * is called small. */
static int file_type_of(enum bfs_dtype dtype)
{
    switch ((unsigned)dtype) {
    case BFS_DTYPE_Q4_0:
        return 2;
    case BFS_DTYPE_Q8_0:
        return 7;
    case BFS_DTYPE_Q4_K:
        return 14;
    case BFS_DTYPE_Q6_K:
        return 18;
    default:
        return -1;
    }
}

/* Adapters, importance matrices and projectors say what they are; a model may say nothing. */
static bool is_model(const struct bfs_gguf_header *header)
{
    static const char model[] = "model";
    const struct bfs_gguf_value *type = bfs_gguf_find(header, "general.type");
    return !type || type->type != BFS_GGUF_STRING ||
           (type->value_size == sizeof(uint64_t) + strlen(model) &&
            memcmp(type->value + sizeof(uint64_t), model, strlen(model)) == 0);
}

static int read_header(const struct bfs_view_input *input, struct bfs_gguf_header *ret,
                       struct bfs_error *error)
{
    bfs_autoclose int fd = -1;
    int r = bfs_source_file_open(input->file, &fd, error);
    return r ? r : bfs_gguf_header_read(fd, input->file->size, input->path, ret, error);
}

static int add_tensor(struct bfs_view_plan *plan, const struct bfs_view_input *input,
                      const struct bfs_tensor *from, const struct bfs_tensor *to,
                      struct bfs_part_list *parts, struct bfs_error *error)
{
    int r;
    if (from->dtype == to->dtype) {
        r = bfs_part_list_add_copy(parts, (struct bfs_part_source){.file = input->file,
                                                                   .offset = from->offset,
                                                                   .size = from->size});
    } else {
        struct bfs_part part = bfs_gguf_convert_part(from, input->file, to->dtype, to->size);
        r = to->dtype == BFS_DTYPE_F32
                ? 0
                : bfs_view_plan_class(plan, bfs_gguf_tensor_class(from->name), &part.tensor_class,
                                      error);
        if (r)
            return r;
        r = bfs_part_list_add(parts, &part);
    }
    if (r == 0)
        r = bfs_part_list_align(parts, BFS_GGUF_VIEW_ALIGNMENT);
    return r ? bfs_fail(error, r, "tensor \"%.200s\": no place in the file", from->name) : 0;
}

/* A GGUF file that is no model, as it is. Its header's map becomes the output's. */
static int copy_file(const struct bfs_view_input *input, struct bfs_gguf_header *header,
                     struct bfs_view_output *output, struct bfs_error *error)
{
    output->map = header->map;
    header->map = (struct bfs_tensor_map){0};
    int r = bfs_part_list_add_copy(
        &output->parts, (struct bfs_part_source){.file = input->file, .size = input->file->size});
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

/* The map of the file is read from the header just written: what no reader would take is found
 * here. */
static int make_file(struct bfs_view_plan *plan, const struct bfs_view_input *input,
                     const struct bfs_gguf_header *header, struct bfs_view_output *output,
                     struct bfs_error *error)
{
    const struct bfs_profile *profile = bfs_view_plan_profile(plan);
    bfs_autofree enum bfs_dtype *types = calloc(header->map.n_tensors + 1, sizeof(*types));
    bfs_autobuffer struct bfs_buffer head = BFS_BUFFER_INIT;
    int r, file_type = file_type_of(profile->dtype->id);
    if (!types)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (file_type < 0)
        return bfs_fail(error, -EINVAL, "no general.file_type stands for %s", profile->dtype->name);
    if ((r = bfs_gguf_policy_map(&header->map, profile->dtype->id, types, error)) ||
        (r = bfs_gguf_head_write(header, types, (uint32_t)file_type, &head, &output->size,
                                 error)) ||
        (r = bfs_gguf_parse(head.bytes, head.size, output->size, &output->map, error)))
        return r;
    size_t head_size = head.size;
    if (bfs_part_list_add_bytes(&output->parts, bfs_buffer_steal(&head), head_size))
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < header->map.n_tensors && r == 0; i++)
        r = add_tensor(plan, input, &header->map.tensors[i], &output->map.tensors[i],
                       &output->parts, error);
    return r;
}

static int add_file(struct bfs_view_plan *plan, const struct bfs_view_input *input,
                    struct bfs_gguf_split *ret_split, bool *ret_model, struct bfs_error *error)
{
    bfs_autogguf struct bfs_gguf_header header = {0};
    struct bfs_view_output output = {.path = input->path};
    int r = read_header(input, &header, error);
    if (r)
        return r;
    *ret_model = is_model(&header);
    if (*ret_model)
        r = bfs_gguf_split_read(&header, input->path, ret_split, error);
    if (r == 0) {
        r = *ret_model ? make_file(plan, input, &header, &output, error)
                       : copy_file(input, &header, &output, error);
        if (r)
            r = bfs_fail_context(error, r, "%.300s", input->path);
    }
    if (r == 0)
        r = bfs_view_plan_add(plan, &output, error);
    bfs_part_list_done(&output.parts);
    bfs_tensor_map_done(&output.map);
    return r;
}

static size_t count_inputs(const struct bfs_view_plan *plan)
{
    size_t n = 0;
    while (bfs_view_plan_input(plan, n))
        n++;
    return n;
}

static int add_files(struct bfs_view_plan *plan, struct bfs_error *error)
{
    size_t n_splits = 0;
    bfs_autofree struct bfs_gguf_split *splits = calloc(count_inputs(plan) + 1, sizeof(*splits));
    const struct bfs_view_input *input;
    if (!splits)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; (input = bfs_view_plan_input(plan, i)); i++) {
        bool was_model;
        if (input->map->container != BFS_CONTAINER_GGUF)
            continue;
        int r = add_file(plan, input, &splits[n_splits], &was_model, error);
        if (r)
            return r;
        n_splits += was_model;
    }
    if (n_splits == 0)
        return bfs_fail(error, -EINVAL,
                        "no GGUF model to make it from (links are not followed without "
                        "--dereference)");
    return bfs_gguf_split_check(splits, n_splits, error);
}

int bfs_view_plan_gguf(struct bfs_view_plan *plan, struct bfs_error *error)
{
    int r = add_files(plan, error);
    return r ? bfs_fail_context(error, r, "%s", bfs_view_plan_profile(plan)->id) : 0;
}

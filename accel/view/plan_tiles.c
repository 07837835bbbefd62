/* SPDX-License-Identifier: Apache-2.0
 * weights.bin and layout.json: tensors at multiples of 4096, matrices in the order that an
 * accelerator reads them in. */
#include "accel/view/checkpoint.h"
#include "accel/view/layout_json.h"
#include "accel/view/plan_private.h"
#include "accel/view/planners.h"
#include "accel/view/tensor_class.h"
#include "verify/array.h"
#include "verify/checked.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 4096 };

static const char data_name[] = "weights.bin", layout_name[] = "layout.json";

struct bins {
    struct bfs_view_plan *plan;
    struct bfs_part_list parts;
    struct bfs_layout_list layouts;
    struct bfs_tensor_map map; /* of the file, for cutting it; names are not set */
};

static void bins_done(struct bins *bins)
{
    bfs_part_list_done(&bins->parts);
    bfs_layout_list_done(&bins->layouts);
    bfs_tensor_map_done(&bins->map);
}

/* How a tensor is laid out. */
enum order { ROW_MAJOR, TILES, VNNI };

static enum order choose_order(const struct bfs_view_plan *plan, const struct bfs_tensor *tensor)
{
    const struct bfs_profile *profile = bfs_view_plan_profile(plan);
    enum bfs_tensor_class class = bfs_tensor_class_of(tensor);
    if (tensor->size == 0)
        return ROW_MAJOR;
    if (strcmp(profile->key.layout_id, "xla-t8x128-2x1") == 0)
        return tensor->n_dims >= 2 ? TILES : ROW_MAJOR;
    if (class == BFS_CLASS_LINEAR)
        return VNNI;
    /* Logits lose too much in 8 bits. */
    return class == BFS_CLASS_HEAD && tensor->n_dims == 2 && profile->dtype->id == BFS_DTYPE_BF16
               ? VNNI
               : ROW_MAJOR;
}

/* Remembers where the part that was added last lies. */
static int note_range(struct bins *bins, enum bfs_dtype dtype, uint64_t offset)
{
    struct bfs_tensor_map *map = &bins->map;
    int r = bfs_array_grow(&map->tensors, map->n_tensors, sizeof(*map->tensors));
    if (r == 0)
        map->tensors[map->n_tensors++] = (struct bfs_tensor){
            .dtype = dtype, .offset = offset, .size = bins->parts.size - offset};
    return r;
}

static uint64_t divide_up(uint64_t n, uint64_t by)
{
    return n / by + (n % by != 0);
}

static int add_tiles(struct bins *bins, struct bfs_convert_tensor *tensor,
                     struct bfs_layout_entry *entry)
{
    uint32_t n = entry->n_dims;
    tensor->rows = entry->shape[n - 2];
    tensor->cols = entry->shape[n - 1];
    for (uint32_t i = 0; i + 2 < n; i++)
        tensor->n_matrices *= entry->shape[i]; /* the parser has checked the product */
    entry->layout = "t8x128-2x1";
    entry->padded[n - 2] = divide_up(tensor->rows, 8) * 8;
    entry->padded[n - 1] = divide_up(tensor->cols, 128) * 128;
    return bfs_convert_tiles(&bins->parts, tensor);
}

static int add_vnni(struct bins *bins, struct bfs_convert_tensor *tensor, enum bfs_dtype to,
                    struct bfs_layout_entry *entry)
{
    uint64_t group = to == BFS_DTYPE_I8 ? 4 : 2;
    tensor->rows = entry->shape[0];
    tensor->cols = entry->shape[1];
    entry->layout = to == BFS_DTYPE_I8 ? "vnni-4" : "vnni-2";
    entry->n_padded = 3;
    entry->padded[0] = divide_up(tensor->cols, group);
    entry->padded[1] = tensor->rows;
    entry->padded[2] = group;
    return bfs_convert_vnni(&bins->parts, tensor, to);
}

static int add_scales(struct bins *bins, struct bfs_layout_entry *entry)
{
    size_t of = bins->parts.n_parts - 1;
    int r = bfs_part_list_align(&bins->parts, ALIGNMENT);
    if (r)
        return r;
    entry->scales_offset = bins->parts.size;
    r = bfs_part_list_add_scales(&bins->parts, of, entry->shape[0]);
    entry->scales_size = bins->parts.size - entry->scales_offset;
    return r ? r : note_range(bins, BFS_DTYPE_F32, entry->scales_offset);
}

/* The tensor's bytes, in their order, at the end of the parts. */
static int add_bytes(struct bins *bins, struct bfs_convert_tensor *tensor, enum order order,
                     enum bfs_dtype to, struct bfs_layout_entry *entry)
{
    enum bfs_float_type type;
    int r = bfs_part_list_align(&bins->parts, ALIGNMENT);
    if (r)
        return r;
    entry->offset = bins->parts.size;
    entry->dtype = bfs_dtype_info(to)->name;
    entry->layout = "row-major";
    if (order == TILES)
        r = add_tiles(bins, tensor, entry);
    else if (order == VNNI)
        r = add_vnni(bins, tensor, to, entry);
    else if (bfs_convert_takes(tensor->from, &type))
        r = bfs_convert_cast(&bins->parts, tensor, to);
    else
        r = bfs_part_list_add_copy(&bins->parts, tensor->source);
    entry->size = bins->parts.size - entry->offset;
    if (r == 0)
        r = note_range(bins, to, entry->offset);
    return r || to != BFS_DTYPE_I8 || order != VNNI ? r : add_scales(bins, entry);
}

static int add_tensor(struct bins *bins, const struct bfs_view_input *input,
                      const struct bfs_tensor *tensor, struct bfs_error *error)
{
    const struct bfs_dtype_info *dtype = bfs_dtype_info(tensor->dtype);
    enum order order = choose_order(bins->plan, tensor);
    enum bfs_dtype to =
        order == VNNI ? bfs_view_plan_profile(bins->plan)->dtype->id : BFS_DTYPE_BF16;
    enum bfs_float_type type;
    char why[64];
    struct bfs_layout_entry entry = {
        .name = tensor->name, .n_dims = tensor->n_dims, .n_padded = tensor->n_dims};
    struct bfs_convert_tensor convert = {
        .source = {.file = input->file, .offset = tensor->offset, .size = tensor->size},
        .from = tensor->dtype,
        .n_matrices = 1,
    };
    int r = 0;
    memcpy(entry.shape, tensor->shape, sizeof(entry.shape));
    memcpy(entry.padded, tensor->shape, sizeof(entry.padded));
    if (!bfs_convert_takes(tensor->dtype, &type)) {
        if (dtype->layout != BFS_LAYOUT_INTEGER && dtype->id != BFS_DTYPE_C64) {
            (void)snprintf(why, sizeof(why), "cannot be made from %s", dtype->name);
            return bfs_view_plan_refuse(bins->plan, error, -EINVAL, input, tensor, why);
        }
        order = ROW_MAJOR;
        to = tensor->dtype;
    } else if (bfs_convert_is_lossy(tensor->dtype, to)) {
        r = bfs_view_plan_class(bins->plan, bfs_tensor_class_name(bfs_tensor_class_of(tensor)),
                                &convert.tensor_class, error);
    }
    if (r)
        return r;
    if ((r = add_bytes(bins, &convert, order, to, &entry)) == 0)
        r = bfs_layout_list_add(&bins->layouts, &entry);
    return r ? bfs_view_plan_refuse(bins->plan, error, r, input, tensor,
                                    r == -ENOMEM ? "out of memory" : "too large")
             : 0;
}

/* "folder/name", malloc'ed; refuses one that the directory has. */
static int name_output(const struct bfs_view_plan *plan, const struct bfs_view_input *input,
                       const char *name, char **ret, struct bfs_error *error)
{
    bfs_autofree char *path = NULL;
    uint32_t number;
    if (asprintf(&path, "%.*s%s", (int)input->home, input->path, name) < 0) {
        path = NULL;
        return bfs_fail(error, -ENOMEM, "out of memory");
    }
    if (bfs_scan_find(plan->directory->scan, path, &number))
        return bfs_fail(error, -EEXIST,
                        "%s: makes a file %.200s, but the directory has one of that name",
                        bfs_view_plan_profile(plan)->id, path);
    *ret = bfs_steal(&path);
    return 0;
}

static int finish_folder(struct bins *bins, const struct bfs_view_input *input,
                         struct bfs_error *error)
{
    const struct bfs_profile *profile = bfs_view_plan_profile(bins->plan);
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autooutput struct bfs_view_output output = {0};
    bfs_autofree char *data = NULL, *layout = NULL;
    int r;
    if ((r = name_output(bins->plan, input, data_name, &data, error)) ||
        (r = name_output(bins->plan, input, layout_name, &layout, error)))
        return r;
    if ((r = bfs_layout_list_check(&bins->layouts, profile->id, error)))
        return r;
    bfs_layout_list_write(&bins->layouts, profile, data_name, bins->parts.size, &text);
    if (bfs_plan_make(&bins->map, bins->parts.size, bfs_view_plan_chunk_size(bins->plan),
                      &output.cut))
        return bfs_fail(error, -ENOMEM, "out of memory");
    output.path = data;
    output.parts = bins->parts;
    bins->parts = (struct bfs_part_list){0};
    r = bfs_view_plan_add(bins->plan, &output, error);
    return r ? r : bfs_view_plan_add_bytes(bins->plan, layout, &text, error);
}

/* One pair of files for all inputs of a folder, of which `first` is the first. */
static int plan_folder(struct bfs_view_plan *plan, size_t first, struct bfs_error *error)
{
    BFS_CLEANUP(bins_done) struct bins bins = {.plan = plan};
    const struct bfs_view_input *head = bfs_view_plan_input(plan, first), *input;
    for (size_t i = first; (input = bfs_view_plan_input(plan, i)); i++) {
        if (input->map->container != BFS_CONTAINER_SAFETENSORS || input->home != head->home ||
            memcmp(input->path, head->path, head->home) != 0)
            continue;
        for (size_t k = 0; k < input->map->n_tensors; k++) {
            int r = add_tensor(&bins, input, &input->map->tensors[k], error);
            if (r)
                return r;
        }
    }
    return finish_folder(&bins, head, error);
}

int bfs_view_plan_tiles(struct bfs_view_plan *plan, struct bfs_error *error)
{
    const struct bfs_view_input *input;
    int r = bfs_checkpoint_check(plan, error);
    for (size_t i = 0; r == 0 && (input = bfs_view_plan_input(plan, i)); i++)
        if (bfs_checkpoint_is_first(plan, i))
            r = plan_folder(plan, i, error);
    return r;
}

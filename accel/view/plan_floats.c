/* SPDX-License-Identifier: Apache-2.0
 * Views that are safetensors again: every float cast, or linears in 8 bits. */
#include "accel/view/checkpoint.h"
#include "accel/view/planners.h"
#include "accel/view/safetensors.h"
#include "accel/view/tensor_class.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How the linears of a layout are written. */
struct scheme {
    const char *layout_id;
    enum bfs_scaling scaling;
    const char *suffix; /* of the scales' name, after that of the weight */
    enum bfs_checkpoint_quantization quantization;
};

static const struct scheme schemes[] = {
    {"fp8-tensor", BFS_SCALING_FP8_TENSOR, "_scale", BFS_CHECKPOINT_FP8_TENSOR},
    {"fp8-block128", BFS_SCALING_FP8_BLOCK, "_scale_inv", BFS_CHECKPOINT_FP8_BLOCK},
    {"int8-row", BFS_SCALING_INT8_ROW, "_scale", BFS_CHECKPOINT_INT8_ROW},
};

/* Adds a float tensor that is cast. */
static int add_cast(struct bfs_view_plan *plan, const struct bfs_tensor *tensor, enum bfs_dtype to,
                    struct bfs_draft_list *drafts, struct bfs_error *error)
{
    struct bfs_draft draft = {.kind = BFS_DRAFT_CAST, .dtype = to};
    int r = 0;
    if (tensor->dtype == to)
        draft.kind = BFS_DRAFT_COPY;
    else if (bfs_convert_is_lossy(tensor->dtype, to))
        r = bfs_view_plan_class(plan, bfs_tensor_class_name(bfs_tensor_class_of(tensor)),
                                &draft.tensor_class, error);
    return r ? r : bfs_draft_add(drafts, tensor, &draft);
}

static int add_scales(const struct scheme *scheme, const struct bfs_tensor *tensor,
                      struct bfs_draft_list *drafts)
{
    const uint64_t *shape = tensor->shape;
    const uint64_t block = BFS_SCALING_BLOCK;
    bfs_autofree char *name = NULL;
    if (asprintf(&name, "%s%s", tensor->name, scheme->suffix) < 0) {
        name = NULL;
        return -ENOMEM;
    }
    switch (scheme->scaling) {
    case BFS_SCALING_FP8_TENSOR:
        return bfs_draft_add_scales(drafts, name, 1, (const uint64_t[]){1});
    case BFS_SCALING_FP8_BLOCK:
        return bfs_draft_add_scales(drafts, name, 2,
                                    (const uint64_t[]){shape[0] / block + (shape[0] % block != 0),
                                                       shape[1] / block + (shape[1] % block != 0)});
    case BFS_SCALING_INT8_ROW:
        return bfs_draft_add_scales(drafts, name, 2, (const uint64_t[]){shape[0], 1});
    }
    return -EINVAL;
}

static int add_scaled(struct bfs_view_plan *plan, const struct scheme *scheme,
                      const struct bfs_tensor *tensor, struct bfs_draft_list *drafts,
                      struct bfs_error *error)
{
    struct bfs_draft draft = {
        .kind = BFS_DRAFT_SCALED,
        .dtype = bfs_scaling_dtype(scheme->scaling),
        .scaling = scheme->scaling,
    };
    int r = bfs_view_plan_class(plan, bfs_tensor_class_name(BFS_CLASS_LINEAR), &draft.tensor_class,
                                error);
    if (r == 0)
        r = bfs_draft_add(drafts, tensor, &draft);
    return r ? r : add_scales(scheme, tensor, drafts);
}

static bool is_float(const struct bfs_dtype_info *dtype)
{
    return dtype->layout != BFS_LAYOUT_INTEGER && dtype->id != BFS_DTYPE_C64;
}

static int add_tensor(struct bfs_view_plan *plan, const struct bfs_view_input *input,
                      const struct bfs_tensor *tensor, const struct scheme *scheme,
                      struct bfs_draft_list *drafts, struct bfs_error *error)
{
    const struct bfs_dtype_info *dtype = bfs_dtype_info(tensor->dtype);
    enum bfs_dtype to = scheme ? BFS_DTYPE_BF16 : bfs_view_plan_profile(plan)->dtype->id;
    enum bfs_float_type type;
    char why[64];
    if (bfs_convert_takes(tensor->dtype, &type))
        return scheme && bfs_tensor_class_of(tensor) == BFS_CLASS_LINEAR
                   ? add_scaled(plan, scheme, tensor, drafts, error)
                   : add_cast(plan, tensor, to, drafts, error);
    if (!is_float(dtype))
        return bfs_draft_add(drafts, tensor,
                             &(struct bfs_draft){.kind = BFS_DRAFT_COPY, .dtype = tensor->dtype});
    (void)snprintf(why, sizeof(why), "cannot be made from %s", dtype->name);
    return bfs_view_plan_refuse(plan, error, -EINVAL, input, tensor, why);
}

static int plan_input(struct bfs_view_plan *plan, const struct bfs_view_input *input,
                      const struct scheme *scheme, struct bfs_error *error)
{
    bfs_autodrafts struct bfs_draft_list drafts = {0};
    bfs_autooutput struct bfs_view_output output = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < input->map->n_tensors; i++) {
        struct bfs_error detail = {0};
        r = add_tensor(plan, input, &input->map->tensors[i], scheme, &drafts, &detail);
        if (r && detail.code && error)
            *error = detail;
        else if (r)
            (void)bfs_view_plan_refuse(plan, error, r, input, &input->map->tensors[i],
                                       r == -ENOMEM ? "out of memory" : "too large");
    }
    if (r)
        return r;
    bfs_draft_order(&drafts);
    r = bfs_safetensors_draft(plan, input, &drafts, true, &output, error);
    return r ? r : bfs_view_plan_add(plan, &output, error);
}

static int plan_all(struct bfs_view_plan *plan, const struct scheme *scheme,
                    struct bfs_error *error)
{
    const struct bfs_view_input *input;
    int r = bfs_checkpoint_check(plan, error);
    for (size_t i = 0; r == 0 && (input = bfs_view_plan_input(plan, i)); i++)
        if (input->map->container == BFS_CONTAINER_SAFETENSORS)
            r = plan_input(plan, input, scheme, error);
    return r;
}

int bfs_view_plan_floats(struct bfs_view_plan *plan, struct bfs_error *error)
{
    bool is_f16 = bfs_view_plan_profile(plan)->dtype->id == BFS_DTYPE_F16;
    int r = plan_all(plan, NULL, error);
    return r ? r
             : bfs_checkpoint_finish(plan, is_f16 ? "float16" : "bfloat16", BFS_CHECKPOINT_PLAIN,
                                     error);
}

int bfs_view_plan_scaled(struct bfs_view_plan *plan, struct bfs_error *error)
{
    const char *layout = bfs_view_plan_profile(plan)->key.layout_id;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strcmp(schemes[i].layout_id, layout) != 0)
            continue;
        int r = plan_all(plan, &schemes[i], error);
        return r ? r : bfs_checkpoint_finish(plan, "bfloat16", schemes[i].quantization, error);
    }
    return bfs_view_plan_refuse(plan, error, -EINVAL, NULL, NULL, "has an unknown layout");
}

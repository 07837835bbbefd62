/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/gguf_policy.h"

#include "accel/quant/quant.h"

#include <errno.h>
#include <string.h>

/* Parts of names whose tensors stay: too small to gain, or too sensitive to lose. */
static const char *const kept_parts[] = {
    "_norm.weight",
    /* choices among experts */
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    /* Gemma 3n's side paths */
    "altup",
    "laurel",
    "per_layer_model_proj",
    /* convolutions of recurrent models */
    "ssm_conv1d",
    "shortconv.conv.weight",
    /* selection of keys */
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    /* RWKV's mixing */
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    /* positions */
    "attn_rel_b.weight",
    ".position_embd",
    ".rel_pos",
    "sam.pos_embd",
    /* eyes and ears */
    "sam.neck.",
    "sam.net_",
    ".patch_embd",
    ".patch_merger",
    "a.rvq.codebook",
    "mm.a.code_embd",
};

static const char *const kept_names[] = {"position_embd.weight", "token_types.weight"};

bool bfs_gguf_name_is_quantized(const char *name)
{
    static const char ending[] = "weight";
    size_t length = strlen(name), ending_length = sizeof(ending) - 1;
    if (length < ending_length || strcmp(name + length - ending_length, ending) != 0)
        return false;
    for (size_t i = 0; i < sizeof(kept_parts) / sizeof(kept_parts[0]); i++)
        if (strstr(name, kept_parts[i]))
            return false;
    for (size_t i = 0; i < sizeof(kept_names) / sizeof(kept_names[0]); i++)
        if (strcmp(name, kept_names[i]) == 0)
            return false;
    return true;
}

/* As ggml counts: dimensions of size 1 behind the last larger one are none; a scalar has one. */
static unsigned count_dimensions(const struct bfs_tensor *tensor)
{
    unsigned n = tensor->n_dims;
    for (uint32_t i = 0; n > 1 && tensor->shape[i] == 1; i++)
        n--;
    return n ? n : 1;
}

static bool is_float(enum bfs_dtype dtype)
{
    return dtype == BFS_DTYPE_F32 || dtype == BFS_DTYPE_F16 || dtype == BFS_DTYPE_BF16;
}

int bfs_gguf_policy(const struct bfs_tensor *tensor, enum bfs_dtype target, enum bfs_dtype *ret,
                    struct bfs_error *error)
{
    unsigned n_dims = count_dimensions(tensor);
    if (n_dims == 1 && is_float(tensor->dtype)) {
        *ret = BFS_DTYPE_F32;
        return 0;
    }
    if (n_dims < 2 || n_dims > 3 || tensor->size == 0 ||
        !bfs_gguf_name_is_quantized(tensor->name)) {
        *ret = tensor->dtype;
        return 0;
    }
    enum bfs_dtype to = bfs_quant_for_row(target, tensor->shape[tensor->n_dims - 1]);
    if (tensor->dtype != to && !is_float(tensor->dtype))
        return bfs_fail(error, -EINVAL,
                        "tensor \"%.200s\" has type %s and cannot become %s: a view is made from "
                        "F32, F16 or BF16",
                        tensor->name, bfs_dtype_info(tensor->dtype)->name,
                        bfs_dtype_info(to)->name);
    *ret = to;
    return 0;
}

int bfs_gguf_policy_map(const struct bfs_tensor_map *map, enum bfs_dtype target,
                        enum bfs_dtype *ret, struct bfs_error *error)
{
    int r = 0;
    for (size_t i = 0; i < map->n_tensors && r == 0; i++)
        r = bfs_gguf_policy(&map->tensors[i], target, &ret[i], error);
    return r;
}

const char *bfs_gguf_tensor_class(const char *name)
{
    if (strstr(name, "token_embd"))
        return "embedding";
    return strcmp(name, "output.weight") == 0 ? "lm_head" : "linear";
}

/* SPDX-License-Identifier: Apache-2.0
 * config.json: the element type and the quantization that loaders are to expect. */
#include "accel/view/checkpoint.h"
#include "accel/view/json_text.h"
#include "accel/view/plan_private.h"
#include "accel/view/tensor_class.h"
#include "verify/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_MAX = 16 << 20 };

/* What vLLM and transformers read. One scale for a whole tensor (`weight_scale`) and one for each
 * row are what compressed-tensors calls these strategies; blocks with `weight_scale_inv` are what
 * both call "fp8". Activations are scaled when the model runs. The last brace is missing, because
 * lists of modules follow. */
static const char fp8_tensor[] =
    "{\"quant_method\":\"compressed-tensors\",\"format\":\"float-quantized\","
    "\"quantization_status\":\"compressed\",\"config_groups\":{\"group_0\":{\"targets\":"
    "[\"Linear\"],\"weights\":{\"num_bits\":8,\"type\":\"float\",\"strategy\":\"tensor\","
    "\"symmetric\":true,\"dynamic\":false},\"input_activations\":{\"num_bits\":8,\"type\":"
    "\"float\",\"strategy\":\"tensor\",\"symmetric\":true,\"dynamic\":true}}}";
static const char int8_row[] =
    "{\"quant_method\":\"compressed-tensors\",\"format\":\"int-quantized\","
    "\"quantization_status\":\"compressed\",\"config_groups\":{\"group_0\":{\"targets\":"
    "[\"Linear\"],\"weights\":{\"num_bits\":8,\"type\":\"int\",\"strategy\":\"channel\","
    "\"symmetric\":true,\"dynamic\":false},\"input_activations\":{\"num_bits\":8,\"type\":"
    "\"int\",\"strategy\":\"token\",\"symmetric\":true,\"dynamic\":true}}}";
static const char fp8_block[] = "{\"quant_method\":\"fp8\",\"fmt\":\"e4m3\",\"activation_scheme\":"
                                "\"dynamic\",\"weight_block_size\":[128,128]";

/* Appends the modules with a matrix that stays as it is; "lm_head" in any case, for it may be tied.
 */
static void put_ignored(const struct bfs_view_plan *plan, const char *path, const char *name,
                        struct bfs_buffer *out)
{
    static const char suffix[] = ".weight";
    const struct bfs_view_input *input;
    bool has_head = false, is_first = true;
    bfs_buffer_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; (input = bfs_view_plan_input(plan, i)); i++) {
        if (input->map->container != BFS_CONTAINER_SAFETENSORS || !bfs_checkpoint_has(path, input))
            continue;
        for (size_t k = 0; k < input->map->n_tensors; k++) {
            const struct bfs_tensor *tensor = &input->map->tensors[k];
            size_t length = strlen(tensor->name), module = length - (sizeof(suffix) - 1);
            if (tensor->n_dims < 2 || length < sizeof(suffix) ||
                strcmp(tensor->name + module, suffix) != 0 ||
                bfs_tensor_class_of(tensor) == BFS_CLASS_LINEAR)
                continue;
            bfs_buffer_put_text(out, is_first ? "" : ",");
            bfs_json_put_string(out, tensor->name, module);
            is_first = false;
            has_head = has_head || (module == strlen("lm_head") &&
                                    memcmp(tensor->name, "lm_head", module) == 0);
        }
    }
    if (!has_head)
        bfs_buffer_put_text(out, is_first ? "\"lm_head\"" : ",\"lm_head\"");
    bfs_buffer_put_text(out, "]");
}

static void put_quantization(const struct bfs_view_plan *plan, const char *path,
                             enum bfs_checkpoint_quantization quantization, struct bfs_buffer *out)
{
    static const char *const texts[] = {
        [BFS_CHECKPOINT_FP8_TENSOR] = fp8_tensor,
        [BFS_CHECKPOINT_FP8_BLOCK] = fp8_block,
        [BFS_CHECKPOINT_INT8_ROW] = int8_row,
    };
    bfs_buffer_put_text(out, texts[quantization]);
    if (quantization == BFS_CHECKPOINT_FP8_BLOCK) {
        /* transformers reads the first, vLLM the second. */
        put_ignored(plan, path, "modules_to_not_convert", out);
        put_ignored(plan, path, "ignored_layers", out);
    } else {
        put_ignored(plan, path, "ignore", out);
    }
    bfs_buffer_put(out, "}", sizeof("}")); /* and a NUL */
}

/* One config while its element types are set. */
struct rewrite {
    struct bfs_json_splice splice;
    char dtype[32];           /* as JSON */
    const char *quantization; /* as JSON; NULL: nothing, or it stands there */
    bool found;               /* an element type */
    bool changed;
};

static bool is_float_word(struct bfs_json_value value)
{
    return bfs_json_value_is(value, "float32") || bfs_json_value_is(value, "float16") ||
           bfs_json_value_is(value, "bfloat16");
}

/* Sets "torch_dtype" and "dtype" where they stand. The config of a model of several has configs of
 * its parts inside: "text_config". */
static void set_dtypes(struct rewrite *rewrite, struct bfs_json_value object, bool is_root)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value name, value;
    while (bfs_json_value_next_member(object, &members, &name, &value)) {
        if (is_root && bfs_json_value_has_type(value, BFS_JSON_OBJECT))
            set_dtypes(rewrite, value, false);
        /* It is null, for others were refused. */
        if (is_root && rewrite->quantization && bfs_json_value_is(name, "quantization_config")) {
            bfs_json_splice_replace(&rewrite->splice, value, rewrite->quantization);
            rewrite->quantization = NULL;
            rewrite->changed = true;
        }
        if (!is_float_word(value) ||
            (!bfs_json_value_is(name, "torch_dtype") && !bfs_json_value_is(name, "dtype")))
            continue;
        rewrite->found = true;
        if (value.size == strlen(rewrite->dtype) &&
            memcmp(value.text, rewrite->dtype, value.size) == 0)
            continue;
        bfs_json_splice_replace(&rewrite->splice, value, rewrite->dtype);
        rewrite->changed = true;
    }
}

int bfs_checkpoint_rewrite_config(struct bfs_view_plan *plan, const char *path, const char *dtype,
                                  enum bfs_checkpoint_quantization quantization,
                                  struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer out = BFS_BUFFER_INIT, added = BFS_BUFFER_INIT;
    bfs_autofree uint8_t *text = NULL;
    struct bfs_json_value root;
    size_t size;
    int r = bfs_view_plan_read(plan, path, CONFIG_MAX, &text, &size, error);
    if (r == -ENOENT)
        return 0;
    if (r || (r = bfs_json_value_open_python(text, size, path, &root, error)))
        return r;
    struct rewrite rewrite = {.splice = {.out = &out, .done = (const char *)text}};
    (void)snprintf(rewrite.dtype, sizeof(rewrite.dtype), "\"%s\"", dtype);
    if (quantization != BFS_CHECKPOINT_PLAIN) {
        put_quantization(plan, path, quantization, &added);
        if (bfs_buffer_status(&added))
            return bfs_fail(error, -ENOMEM, "out of memory");
        rewrite.quantization = (const char *)added.bytes;
    }
    set_dtypes(&rewrite, root, true);
    if (!rewrite.found && (bfs_json_value_any_member(root, "model_type").text ||
                           bfs_json_value_any_member(root, "architectures").text)) {
        bfs_json_splice_insert(&rewrite.splice, root, 2, "torch_dtype");
        bfs_buffer_put_text(&out, rewrite.dtype);
        rewrite.changed = true;
    }
    if (rewrite.quantization) {
        bfs_json_splice_insert(&rewrite.splice, root, 2, "quantization_config");
        bfs_buffer_put_text(&out, rewrite.quantization);
        rewrite.changed = true;
    }
    if (!rewrite.changed)
        return 0;
    bfs_json_splice_finish(&rewrite.splice, (const char *)text + size);
    if (bfs_buffer_status(&out))
        return bfs_fail(error, -ENOMEM, "out of memory");
    return bfs_view_plan_add_bytes(plan, path, &out, error);
}

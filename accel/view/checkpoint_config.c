/* SPDX-License-Identifier: Apache-2.0
 * config.json: the element type and the quantization that loaders are to expect. */
#include "accel/view/checkpoint.h"
#include "accel/view/plan_private.h"
#include "accel/view/tensor_class.h"
#include "verify/json.h"

#include <errno.h>
#include <string.h>

enum { CONFIG_MAX = 16 << 20 };

/* What vLLM and transformers read. One scale for a whole tensor (`weight_scale`) and one for each
 * row are what compressed-tensors calls these strategies; blocks with `weight_scale_inv` are what
 * both call "fp8". Activations are scaled when the model runs. */
static const char fp8_tensor[] =
    "{\"quant_method\":\"compressed-tensors\",\"format\":\"float-quantized\","
    "\"quantization_status\":\"compressed\",\"config_groups\":{\"group_0\":{\"targets\":"
    "[\"Linear\"],\"weights\":{\"num_bits\":8,\"type\":\"float\",\"strategy\":\"tensor\","
    "\"symmetric\":true,\"dynamic\":false},\"input_activations\":{\"num_bits\":8,\"type\":"
    "\"float\",\"strategy\":\"tensor\",\"symmetric\":true,\"dynamic\":true}}}}";
static const char int8_row[] =
    "{\"quant_method\":\"compressed-tensors\",\"format\":\"int-quantized\","
    "\"quantization_status\":\"compressed\",\"config_groups\":{\"group_0\":{\"targets\":"
    "[\"Linear\"],\"weights\":{\"num_bits\":8,\"type\":\"int\",\"strategy\":\"channel\","
    "\"symmetric\":true,\"dynamic\":false},\"input_activations\":{\"num_bits\":8,\"type\":"
    "\"int\",\"strategy\":\"token\",\"symmetric\":true,\"dynamic\":true}}}}";
static const char fp8_block[] = "{\"quant_method\":\"fp8\",\"fmt\":\"e4m3\",\"activation_scheme\":"
                                "\"dynamic\",\"weight_block_size\":[128,128]}";

static struct json_object *start_quantization(enum bfs_checkpoint_quantization quantization,
                                              int *status)
{
    static const char *const texts[] = {
        [BFS_CHECKPOINT_FP8_TENSOR] = fp8_tensor,
        [BFS_CHECKPOINT_FP8_BLOCK] = fp8_block,
        [BFS_CHECKPOINT_INT8_ROW] = int8_row,
    };
    struct json_object *object = NULL;
    const char *text = texts[quantization];
    int r = bfs_json_parse(text, strlen(text), "quantization_config", &object, NULL);
    *status = r ? r : *status;
    return object;
}

/* Modules with a matrix that stays as it is; "lm_head" in any case, for it may be tied. */
static struct json_object *list_ignored(const struct bfs_view_plan *plan, const char *path,
                                        int *status)
{
    static const char suffix[] = ".weight";
    struct json_object *list = bfs_json_new_array(status);
    const struct bfs_view_input *input;
    bool has_head = false;
    for (size_t i = 0; (input = bfs_view_plan_input(plan, i)); i++) {
        if (input->map->container != BFS_CONTAINER_SAFETENSORS || !bfs_checkpoint_has(path, input))
            continue;
        for (size_t k = 0; k < input->map->n_tensors; k++) {
            const struct bfs_tensor *tensor = &input->map->tensors[k];
            size_t length = strlen(tensor->name);
            if (tensor->n_dims < 2 || length < sizeof(suffix) ||
                strcmp(tensor->name + length - (sizeof(suffix) - 1), suffix) != 0 ||
                bfs_tensor_class_of(tensor) == BFS_CLASS_LINEAR)
                continue;
            bfs_autofree char *module = strndup(tensor->name, length - (sizeof(suffix) - 1));
            bfs_json_append(list, bfs_json_new_string(module ? module : "", status), status);
            *status = module ? *status : -ENOMEM;
            has_head = has_head || (module && strcmp(module, "lm_head") == 0);
        }
    }
    if (!has_head)
        bfs_json_append(list, bfs_json_new_string("lm_head", status), status);
    return list;
}

static bool is_float_word(struct json_object *value)
{
    static const char *const words[] = {"float32", "float16", "bfloat16"};
    if (!json_object_is_type(value, json_type_string))
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(json_object_get_string(value), words[i]) == 0)
            return true;
    return false;
}

/* Sets "torch_dtype" or "dtype" where it stands; returns whether it stood anywhere. */
static bool set_dtype(struct json_object *object, const char *dtype, bool *changed, int *status)
{
    static const char *const keys[] = {"torch_dtype", "dtype"};
    bool found = false;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct json_object *value = bfs_json_member(object, keys[i]);
        if (!is_float_word(value))
            continue;
        found = true;
        if (strcmp(json_object_get_string(value), dtype) == 0)
            continue;
        bfs_json_add_string(object, keys[i], dtype, status);
        *changed = true;
    }
    return found;
}

/* The config of a model of several has configs of its parts inside: "text_config". */
static void set_dtypes(struct json_object *root, const char *dtype, bool *changed, int *status)
{
    bool found = set_dtype(root, dtype, changed, status);
    json_object_object_foreach(root, key, value)
    {
        (void)key;
        if (json_object_is_type(value, json_type_object))
            found = set_dtype(value, dtype, changed, status) || found;
    }
    if (!found && (bfs_json_member(root, "model_type") || bfs_json_member(root, "architectures"))) {
        bfs_json_add_string(root, "torch_dtype", dtype, status);
        *changed = true;
    }
}

int bfs_checkpoint_rewrite_config(struct bfs_view_plan *plan, const char *path, const char *dtype,
                                  enum bfs_checkpoint_quantization quantization,
                                  struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer out = BFS_BUFFER_INIT;
    bfs_autojson struct json_object *root = NULL;
    bfs_autofree uint8_t *text = NULL;
    bool changed = false;
    size_t size;
    int status = 0, r = bfs_view_plan_read(plan, path, CONFIG_MAX, &text, &size, error);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = bfs_json_parse(text, size, path, &root, error);
    if (r)
        return r;
    set_dtypes(root, dtype, &changed, &status);
    if (quantization != BFS_CHECKPOINT_PLAIN) {
        struct json_object *object = start_quantization(quantization, &status);
        if (quantization == BFS_CHECKPOINT_FP8_BLOCK) {
            /* transformers reads the first, vLLM the second. */
            bfs_json_add(object, "modules_to_not_convert", list_ignored(plan, path, &status),
                         &status);
            bfs_json_add(object, "ignored_layers", list_ignored(plan, path, &status), &status);
        } else {
            bfs_json_add(object, "ignore", list_ignored(plan, path, &status), &status);
        }
        bfs_json_add(root, "quantization_config", object, &status);
        changed = true;
    }
    if (status)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (!changed)
        return 0;
    bfs_json_write(root, &out);
    return bfs_view_plan_add_bytes(plan, path, &out, error);
}

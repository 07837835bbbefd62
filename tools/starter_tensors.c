/* SPDX-License-Identifier: Apache-2.0
 * Inputs and outputs of architectures where they follow from the config. */
#include "tools/starter.h"

#include "verify/json_value.h"

#include <errno.h>
#include <string.h>

enum { CONFIG_MAX = 16 << 20 };

static void add_tensor(struct json_object *list, const char *name, const char *datatype,
                       const int64_t *shape, size_t n_dims, bool is_optional,
                       const char *description, int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    struct json_object *dims = bfs_json_new_array(status);
    bfs_json_add_string(object, "name", name, status);
    bfs_json_add_string(object, "datatype", datatype, status);
    for (size_t i = 0; i < n_dims; i++)
        bfs_json_append(dims, json_object_new_int64(shape[i]), status);
    bfs_json_add(object, "shape", dims, status);
    bfs_json_add_string(object, "description", description, status);
    if (is_optional)
        bfs_json_add_boolean(object, "optional", true, status);
    bfs_json_append(list, object, status);
}

/* A value absent where there is no config.json, or none that is understood: then nothing follows from
 * it. *ret_text is owned by the caller. Errors: -ENOMEM. */
static int read_config(const struct bfs_subject *subject, uint8_t **ret_text,
                       struct bfs_json_value *ret)
{
    const struct bfs_subject_file *file = bfs_subject_find(subject, "config.json");
    size_t size;
    int r = file ? bfs_subject_read(subject, file, CONFIG_MAX, ret_text, &size, NULL) : -ENOENT;
    if (r == 0)
        r = bfs_json_value_open_python(*ret_text, size, "config.json", ret, NULL);
    return r == -ENOMEM ? r : 0;
}

/* -1: any. */
static int64_t size_of(struct bfs_json_value config, const char *name)
{
    uint64_t size =
        bfs_json_value_integer(bfs_json_value_member(config, name, BFS_JSON_INTEGER));
    return size > 0 ? (int64_t)size : -1;
}

static bool has_architecture(struct bfs_json_value config, const char *suffix)
{
    struct bfs_json_value list = bfs_json_value_member(config, "architectures", BFS_JSON_ARRAY);
    struct bfs_json_elements elements = {0};
    struct bfs_json_value item;
    while (bfs_json_value_next(list, &elements, &item)) {
        char name[256];
        if (!bfs_json_value_has_type(item, BFS_JSON_STRING) ||
            bfs_json_value_text(item, name, sizeof(name)))
            continue;
        size_t length = strlen(name), wanted = strlen(suffix);
        if (length > wanted && strcmp(name + length - wanted, suffix) == 0)
            return true;
    }
    return false;
}

/* A GGUF file with an architecture and a table of token embeddings completes text. */
static bool is_gguf_text(const struct bfs_subject *subject, int64_t *ret_vocabulary)
{
    for (size_t i = 0; i < subject->n_files; i++) {
        const struct bfs_tensor_map *map = &subject->files[i].map;
        for (size_t k = 0; map->architecture[0] && k < map->n_tensors; k++)
            if (strcmp(map->tensors[k].name, "token_embd.weight") == 0 &&
                map->tensors[k].n_dims == 2) {
                *ret_vocabulary = (int64_t)map->tensors[k].shape[0];
                return true;
            }
    }
    return false;
}

int bfs_starter_add_tensors(const struct bfs_subject *subject, struct json_object *root)
{
    bfs_autofree uint8_t *text = NULL;
    struct bfs_json_value config = {0};
    int status = read_config(subject, &text, &config);
    if (status)
        return status;
    int64_t tokens[] = {-1, -1}, logits[] = {-1, -1, size_of(config, "vocab_size")};
    int64_t labels[] = {-1, size_of(config, "num_labels")};
    bool is_classifier = has_architecture(config, "ForSequenceClassification");
    if (!has_architecture(config, "ForCausalLM") && !has_architecture(config, "ForMaskedLM") &&
        !is_classifier && !is_gguf_text(subject, &logits[2]))
        return 0;
    struct json_object *inputs = bfs_json_new_array(&status);
    struct json_object *outputs = bfs_json_new_array(&status);
    add_tensor(inputs, "input_ids", "INT64", tokens, 2, false, "batch, position: tokens", &status);
    add_tensor(inputs, "attention_mask", "INT64", tokens, 2, true,
               "batch, position: 0 where there is only padding", &status);
    if (is_classifier)
        add_tensor(outputs, "logits", "FP32", labels, 2, false, "batch, label", &status);
    else
        add_tensor(outputs, "logits", "FP32", logits, 3, false, "batch, position, token", &status);
    bfs_json_add(root, "inputs", inputs, &status);
    bfs_json_add(root, "outputs", outputs, &status);
    return status;
}

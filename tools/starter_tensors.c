/* SPDX-License-Identifier: Apache-2.0
 * Inputs and outputs of architectures where they follow from the config. */
#include "tools/starter.h"

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

static struct json_object *read_config(const struct bfs_subject *subject)
{
    const struct bfs_subject_file *file = bfs_subject_find(subject, "config.json");
    bfs_autofree uint8_t *bytes = NULL;
    struct json_object *root = NULL;
    size_t size;
    if (!file || bfs_subject_read(subject, file, CONFIG_MAX, &bytes, &size, NULL) ||
        bfs_json_parse(bytes, size, "config.json", &root, NULL))
        return NULL;
    if (json_object_is_type(root, json_type_object))
        return root;
    (void)json_object_put(root);
    return NULL;
}

/* -1: any. */
static int64_t size_of(struct json_object *config, const char *name)
{
    struct json_object *value = config ? bfs_json_member(config, name) : NULL;
    int64_t size = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    return size > 0 ? size : -1;
}

static bool has_architecture(struct json_object *config, const char *suffix)
{
    struct json_object *list = config ? bfs_json_member(config, "architectures") : NULL;
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *name =
            json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
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
    bfs_autojson struct json_object *config = read_config(subject);
    int64_t tokens[] = {-1, -1}, logits[] = {-1, -1, size_of(config, "vocab_size")};
    int64_t labels[] = {-1, size_of(config, "num_labels")};
    int status = 0;
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

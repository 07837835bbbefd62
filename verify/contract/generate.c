/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/generate.h"

#include "verify/json.h"
#include "verify/name.h"
#include "verify/utf8.h"

#include <string.h>

static void add_word(struct json_object *object, const char *name, const char *text, int *status)
{
    if (text && *text)
        bfs_json_add_string(object, name, text, status);
}

/* An empty container prints differently in different json-c versions, so none is added. */
static void add_list(struct json_object *object, const char *name, struct json_object *list,
                     int *status)
{
    if (list && json_object_array_length(list) > 0)
        bfs_json_add(object, name, list, status);
    else
        (void)json_object_put(list);
}

static struct json_object *file_list(const struct bfs_contract_facts *facts, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    for (size_t i = 0; i < facts->n_files; i++) {
        const struct bfs_contract_file *file = &facts->files[i];
        if (!bfs_utf8_is_valid(file->path, strlen(file->path)))
            continue;
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_string(object, "path", file->path, status);
        bfs_json_add_integer(object, "size", file->size, status);
        add_word(object, "format", file->format, status);
        if (file->n_tensors)
            bfs_json_add_integer(object, "tensors", file->n_tensors, status);
        bfs_json_append(list, object, status);
    }
    return list;
}

static struct json_object *dtype_list(const struct bfs_contract_facts *facts, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    for (size_t i = 0; i < facts->n_dtypes; i++) {
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_string(object, "dtype", facts->dtypes[i].name, status);
        bfs_json_add_integer(object, "tensors", facts->dtypes[i].n_tensors, status);
        bfs_json_add_integer(object, "elements", facts->dtypes[i].n_elements, status);
        bfs_json_add_integer(object, "size", facts->dtypes[i].size, status);
        bfs_json_append(list, object, status);
    }
    return list;
}

/* Runtimes known to open the format as a plain file. */
static struct json_object *runtime_list(const struct bfs_contract_facts *facts, int *status)
{
    static const struct {
        const char *format;
        const char *runtime;
    } hints[] = {
        {"gguf", "llama.cpp"},   {"gguf", "ollama"},      {"safetensors", "transformers"},
        {"safetensors", "vllm"}, {"onnx", "onnxruntime"},
    };
    struct json_object *list = bfs_json_new_array(status);
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (!facts->format || strcmp(facts->format, hints[i].format) != 0)
            continue;
        struct json_object *object = bfs_json_new_object(status);
        bfs_json_add_string(object, "name", hints[i].runtime, status);
        bfs_json_append(list, object, status);
    }
    return list;
}

int bfs_contract_generate(const struct bfs_contract_facts *facts, struct bfs_buffer *ret)
{
    int status = 0;
    uint64_t tensor_bytes = 0;
    for (size_t i = 0; i < facts->n_dtypes; i++)
        tensor_bytes += facts->dtypes[i].size;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    bfs_json_add_boolean(root, "generated", true, &status);
    struct json_object *model = bfs_json_new_object(&status);
    add_word(model, "architecture", facts->architecture, &status);
    add_word(model, "format", facts->format, &status);
    add_word(model, "precision", facts->precision, &status);
    add_word(model, "quantization", facts->quantization, &status);
    if (model && json_object_object_length(model) > 0)
        bfs_json_add(root, "model", model, &status);
    else
        (void)json_object_put(model);
    add_list(root, "runtimes", runtime_list(facts, &status), &status);
    struct json_object *resources = bfs_json_new_object(&status);
    /* Weights must be resident to be used; what a runtime adds to them is not known here. */
    if (tensor_bytes > 0)
        bfs_json_add_integer(resources, "memory_bytes", tensor_bytes, &status);
    bfs_json_add_integer(resources, "disk_bytes", facts->content_size, &status);
    bfs_json_add(root, "resources", resources, &status);
    add_list(root, "tensors", dtype_list(facts, &status), &status);
    add_list(root, "files", file_list(facts, &status), &status);
    if (status == 0)
        status = bfs_json_publish(root, ret);
    return status;
}

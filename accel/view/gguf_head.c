/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/gguf_head.h"

#include "verify/checked.h"

#include <errno.h>
#include <string.h>

enum {
    VERSION = 3,
    NAME_MAX_SIZE = 63, /* ggml keeps names in 64 bytes, with an end */
};

/* The keys that say how the file is made. */
struct setting {
    const char *key;
    uint32_t value;
    bool is_there;
};

static int check_value(const struct bfs_gguf_value *value, struct bfs_error *error)
{
    static const char *const settings[] = {BFS_GGUF_KEY_ALIGNMENT, BFS_GGUF_KEY_FILE_TYPE,
                                           BFS_GGUF_KEY_QUANTIZATION_VERSION};
    if (value->type == BFS_GGUF_ARRAY && value->element_type == BFS_GGUF_ARRAY)
        return bfs_fail(error, -EBADMSG, "key \"%.*s\": an array of arrays",
                        (int)(value->key_size < 200 ? value->key_size : 200),
                        (const char *)value->key);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (bfs_gguf_is_key(value, settings[i]) && value->type != BFS_GGUF_U32)
            return bfs_fail(error, -EBADMSG, "%s is not a u32", settings[i]);
    return 0;
}

static int check_tensor(const struct bfs_tensor *tensor, struct bfs_error *error)
{
    uint64_t elements = 1;
    if (strlen(tensor->name) > NAME_MAX_SIZE)
        return bfs_fail(error, -E2BIG, "tensor \"%.200s\": a name of more than %d bytes",
                        tensor->name, (int)NAME_MAX_SIZE);
    /* ggml multiplies before it looks for zeros. */
    for (uint32_t i = 0; i < tensor->n_dims; i++)
        if (!bfs_mul_u64(elements, tensor->shape[i] ? tensor->shape[i] : 1, &elements) ||
            elements > INT64_MAX)
            return bfs_fail(error, -E2BIG, "tensor \"%.200s\": more elements than 63 bits count",
                            tensor->name);
    return 0;
}

int bfs_gguf_head_check(const struct bfs_gguf_header *source, struct bfs_error *error)
{
    int r = 0;
    for (size_t i = 0; i < source->n_values && r == 0; i++)
        r = check_value(&source->values[i], error);
    for (size_t i = 0; i < source->map.n_tensors && r == 0; i++)
        r = check_tensor(&source->map.tensors[i], error);
    return r;
}

static void put_text(struct bfs_buffer *ret, const void *text, size_t size)
{
    bfs_buffer_put_u64(ret, size);
    bfs_buffer_put(ret, text, size);
}

static void put_setting(struct bfs_buffer *ret, const struct setting *setting)
{
    put_text(ret, setting->key, strlen(setting->key));
    bfs_buffer_put_u32(ret, BFS_GGUF_U32);
    bfs_buffer_put_u32(ret, setting->value);
}

static void put_values(const struct bfs_gguf_header *source, struct setting *settings, size_t n,
                       struct bfs_buffer *ret)
{
    for (size_t i = 0; i < source->n_values; i++) {
        struct setting *found = NULL;
        for (size_t j = 0; j < n; j++)
            if (bfs_gguf_is_key(&source->values[i], settings[j].key))
                found = &settings[j];
        if (found)
            put_setting(ret, found);
        else
            bfs_buffer_put(ret, source->values[i].bytes, source->values[i].size);
    }
    for (size_t j = 0; j < n; j++)
        if (!settings[j].is_there)
            put_setting(ret, &settings[j]);
}

static void put_info(const struct bfs_tensor *tensor, const struct bfs_dtype_info *type,
                     uint64_t offset, struct bfs_buffer *ret)
{
    put_text(ret, tensor->name, strlen(tensor->name));
    bfs_buffer_put_u32(ret, tensor->n_dims);
    for (uint32_t i = tensor->n_dims; i > 0; i--)
        bfs_buffer_put_u64(ret, tensor->shape[i - 1]);
    bfs_buffer_put_u32(ret, (uint32_t)type->ggml_type);
    bfs_buffer_put_u64(ret, offset);
}

/* *ret_size: of the data with all padding. */
static int put_infos(const struct bfs_tensor_map *map, const enum bfs_dtype *types,
                     struct bfs_buffer *ret, uint64_t *ret_size, struct bfs_error *error)
{
    uint64_t offset = 0, elements, size;
    for (size_t i = 0; i < map->n_tensors; i++) {
        const struct bfs_tensor *tensor = &map->tensors[i];
        const struct bfs_dtype_info *type = bfs_dtype_info(types[i]);
        put_info(tensor, type, offset, ret);
        if (bfs_tensor_measure(type, tensor->shape, tensor->n_dims, &elements, &size) ||
            !bfs_add_u64(offset, size, &offset) ||
            !bfs_align_u64(offset, BFS_GGUF_VIEW_ALIGNMENT, &offset))
            return bfs_fail(error, -E2BIG, "tensor \"%.200s\": more bytes than 64 bits count",
                            tensor->name);
    }
    *ret_size = offset;
    return 0;
}

int bfs_gguf_head_write(const struct bfs_gguf_header *source, const enum bfs_dtype *types,
                        uint32_t file_type, struct bfs_buffer *ret, uint64_t *ret_size,
                        struct bfs_error *error)
{
    struct setting settings[] = {
        {.key = BFS_GGUF_KEY_ALIGNMENT, .value = BFS_GGUF_VIEW_ALIGNMENT},
        {.key = BFS_GGUF_KEY_QUANTIZATION_VERSION, .value = BFS_GGUF_QUANTIZATION_VERSION},
        {.key = BFS_GGUF_KEY_FILE_TYPE, .value = file_type},
    };
    enum { N_SETTINGS = sizeof(settings) / sizeof(settings[0]) };
    uint64_t n_values = source->n_values, data_size = 0, size;
    int r = bfs_gguf_head_check(source, error);
    if (r)
        return r;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        settings[i].is_there = bfs_gguf_find(source, settings[i].key) != NULL;
        n_values += !settings[i].is_there;
    }
    size_t start = ret->size;
    bfs_buffer_put_text(ret, "GGUF");
    bfs_buffer_put_u32(ret, VERSION);
    bfs_buffer_put_u64(ret, source->map.n_tensors);
    bfs_buffer_put_u64(ret, n_values);
    put_values(source, settings, N_SETTINGS, ret);
    r = put_infos(&source->map, types, ret, &data_size, error);
    if (r)
        return r;
    while ((ret->size - start) % BFS_GGUF_VIEW_ALIGNMENT != 0 && ret->status == 0)
        bfs_buffer_put_u8(ret, 0);
    if (bfs_buffer_status(ret))
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (!bfs_add_u64(ret->size - start, data_size, &size) || size > INT64_MAX)
        return bfs_fail(error, -E2BIG, "more bytes than 63 bits count");
    *ret_size = size;
    return 0;
}

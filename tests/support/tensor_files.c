/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tensor_files.h"

#include "tests/support/seeded.h"
#include "verify/checked.h"
#include "verify/utf8.h"

#include <string.h>

enum { GGUF_U32 = 4, GGUF_STRING = 8, GGUF_ARRAY = 9 };

uint64_t test_tensor_size(const struct test_tensor *tensor)
{
    uint64_t elements, size;
    const struct bfs_dtype_info *dtype = bfs_dtype_info(tensor->dtype);
    if (!dtype || bfs_tensor_measure(dtype, tensor->shape, tensor->n_dims, &elements, &size))
        abort();
    return size;
}

static void put_data(const struct test_tensor *tensor, uint64_t seed, struct bfs_buffer *ret)
{
    uint64_t size = test_tensor_size(tensor);
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        abort();
    test_fill_layout(bytes, size, bfs_dtype_info(tensor->dtype)->layout, 0.02, seed);
    bfs_buffer_put(ret, bytes, size);
    free(bytes);
}

void test_safetensors_raw(const char *header, size_t data_size, struct bfs_buffer *ret)
{
    uint64_t seed = 1;
    bfs_buffer_put_u64(ret, strlen(header));
    bfs_buffer_put_text(ret, header);
    for (size_t i = 0; i < data_size; i++)
        bfs_buffer_put_u8(ret, (uint8_t)test_random(&seed));
}

static void put_entry(const struct test_tensor *tensor, uint64_t begin, struct bfs_buffer *text)
{
    bfs_buffer_printf(text, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", tensor->name,
                      bfs_dtype_info(tensor->dtype)->safetensors_name);
    for (uint32_t i = 0; i < tensor->n_dims; i++)
        bfs_buffer_printf(text, "%s%llu", i ? "," : "", (unsigned long long)tensor->shape[i]);
    bfs_buffer_printf(text, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                      (unsigned long long)(begin + test_tensor_size(tensor)));
}

void test_safetensors_build(const struct test_tensor *tensors, size_t n_tensors, uint64_t seed,
                            struct bfs_buffer *ret)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    uint64_t begin = 0;
    bfs_buffer_put_text(&text, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < n_tensors; i++) {
        put_entry(&tensors[i], begin, &text);
        begin += test_tensor_size(&tensors[i]);
    }
    bfs_buffer_put_text(&text, "}");
    while (text.size % 8 != 0)
        bfs_buffer_put_text(&text, " ");
    bfs_buffer_put_u64(ret, text.size);
    bfs_buffer_put(ret, text.bytes, text.size);
    for (size_t i = 0; i < n_tensors; i++)
        put_data(&tensors[i], seed + i, ret);
}

void test_gguf_header(struct bfs_buffer *ret, uint32_t version, uint64_t n_tensors, uint64_t n_keys)
{
    bfs_buffer_put_text(ret, "GGUF");
    bfs_buffer_put_u32(ret, version);
    bfs_buffer_put_u64(ret, n_tensors);
    bfs_buffer_put_u64(ret, n_keys);
}

void test_gguf_text(struct bfs_buffer *ret, const char *text)
{
    bfs_buffer_put_u64(ret, strlen(text));
    bfs_buffer_put_text(ret, text);
}

void test_gguf_key(struct bfs_buffer *ret, const char *key, uint32_t type)
{
    test_gguf_text(ret, key);
    bfs_buffer_put_u32(ret, type);
}

void test_gguf_tensor(struct bfs_buffer *ret, const char *name, uint32_t n_dims, const uint64_t *ne,
                      uint32_t type, uint64_t offset)
{
    test_gguf_text(ret, name);
    bfs_buffer_put_u32(ret, n_dims);
    for (uint32_t i = 0; i < n_dims; i++)
        bfs_buffer_put_u64(ret, ne[i]);
    bfs_buffer_put_u32(ret, type);
    bfs_buffer_put_u64(ret, offset);
}

static void put_infos(const struct test_tensor *tensors, size_t n_tensors, uint32_t alignment,
                      struct bfs_buffer *ret)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < n_tensors; i++) {
        uint64_t ne[BFS_TENSOR_DIMS_MAX];
        for (uint32_t j = 0; j < tensors[i].n_dims; j++)
            ne[j] = tensors[i].shape[tensors[i].n_dims - 1 - j];
        test_gguf_tensor(ret, tensors[i].name, tensors[i].n_dims, ne,
                         (uint32_t)bfs_dtype_info(tensors[i].dtype)->ggml_type, offset);
        if (!bfs_align_u64(offset + test_tensor_size(&tensors[i]), alignment, &offset))
            abort();
    }
}

static void put_identity(const char *architecture, uint32_t file_type, uint32_t alignment,
                         struct bfs_buffer *ret)
{
    test_gguf_key(ret, "general.architecture", GGUF_STRING);
    test_gguf_text(ret, architecture);
    test_gguf_key(ret, "general.file_type", GGUF_U32);
    bfs_buffer_put_u32(ret, file_type);
    test_gguf_key(ret, "general.alignment", GGUF_U32);
    bfs_buffer_put_u32(ret, alignment);
}

static void put_all_data(const struct test_tensor *tensors, size_t n_tensors, uint32_t alignment,
                         uint64_t seed, struct bfs_buffer *ret)
{
    bfs_buffer_align(ret, alignment);
    for (size_t i = 0; i < n_tensors; i++) {
        put_data(&tensors[i], seed + i, ret);
        bfs_buffer_align(ret, alignment);
    }
}

void test_gguf_build(const struct test_tensor *tensors, size_t n_tensors, uint32_t alignment,
                     const char *architecture, uint32_t file_type, uint64_t seed,
                     struct bfs_buffer *ret)
{
    test_gguf_header(ret, 3, n_tensors, 3);
    put_identity(architecture, file_type, alignment, ret);
    put_infos(tensors, n_tensors, alignment, ret);
    put_all_data(tensors, n_tensors, alignment, seed, ret);
}

void test_safetensors_small(struct bfs_buffer *ret)
{
    static const struct test_tensor tensors[] = {
        {"w", BFS_DTYPE_BF16, 2, {3, 4}},    {"none", BFS_DTYPE_F16, 2, {0, 3}},
        {"norm", BFS_DTYPE_F32, 1, {4}},     {"n", BFS_DTYPE_I64, 0, {0}},
        {"fp4", BFS_DTYPE_F4, 1, {6}},       {"fp6", BFS_DTYPE_F6_E2M3, 1, {4}},
        {"\\u00e9", BFS_DTYPE_BOOL, 1, {2}},
    };
    test_safetensors_build(tensors, sizeof(tensors) / sizeof(tensors[0]), 7, ret);
}

/* One key-value of each type, arrays of numbers, of strings and of arrays. */
static uint64_t put_every_value(struct bfs_buffer *ret)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    uint64_t n = 0;
    for (uint32_t type = 0; type < sizeof(sizes); type++) {
        char key[] = {(char)('a' + type), '\0'};
        if (sizes[type] == 0)
            continue;
        test_gguf_key(ret, key, type);
        bfs_buffer_put(ret, "\1\0\0\0\0\0\0\0", sizes[type]);
        n++;
    }
    test_gguf_key(ret, "numbers", GGUF_ARRAY);
    bfs_buffer_put_u32(ret, 2);
    bfs_buffer_put_u64(ret, 3);
    bfs_buffer_put(ret, "\1\0\2\0\3\0", 6);
    test_gguf_key(ret, "words", GGUF_ARRAY);
    bfs_buffer_put_u32(ret, GGUF_STRING);
    bfs_buffer_put_u64(ret, 2);
    test_gguf_text(ret, "x");
    test_gguf_text(ret, "");
    test_gguf_key(ret, "nested", GGUF_ARRAY);
    bfs_buffer_put_u32(ret, GGUF_ARRAY);
    bfs_buffer_put_u64(ret, 2);
    for (int i = 0; i < 2; i++) {
        bfs_buffer_put_u32(ret, 0);
        bfs_buffer_put_u64(ret, 1);
        bfs_buffer_put_u8(ret, 9);
    }
    return n + 3;
}

void test_gguf_small(struct bfs_buffer *ret)
{
    static const struct test_tensor tensors[] = {
        {"w", BFS_DTYPE_Q4_0, 2, {2, 32}}, {"none", BFS_DTYPE_F16, 2, {0, 3}},
        {"norm", BFS_DTYPE_F32, 1, {4}},   {"scalar", BFS_DTYPE_I64, 0, {0}},
        {"m", BFS_DTYPE_MXFP4, 1, {32}},
    };
    enum { N_TENSORS = sizeof(tensors) / sizeof(tensors[0]), ALIGNMENT = 16 };
    bfs_autobuffer struct bfs_buffer values = BFS_BUFFER_INIT;
    uint64_t n_values = put_every_value(&values);
    test_gguf_header(ret, 3, N_TENSORS, n_values + 3);
    bfs_buffer_put(ret, values.bytes, values.size);
    put_identity("llama", 2, ALIGNMENT, ret);
    put_infos(tensors, N_TENSORS, ALIGNMENT, ret);
    put_all_data(tensors, N_TENSORS, ALIGNMENT, 7, ret);
}

static const char *tensor_fault(const struct bfs_tensor *tensor, uint64_t file_size,
                                uint64_t *ret_elements)
{
    const struct bfs_dtype_info *dtype = bfs_dtype_info(tensor->dtype);
    uint64_t size;
    if (!tensor->name || !*tensor->name || strlen(tensor->name) > BFS_TENSOR_NAME_MAX)
        return "no name, or a long one";
    if (!bfs_utf8_is_valid(tensor->name, strlen(tensor->name)))
        return "a name that is not UTF-8";
    if (!dtype || tensor->n_dims > BFS_TENSOR_DIMS_MAX)
        return "no dtype, or too many dimensions";
    if (bfs_tensor_measure(dtype, tensor->shape, tensor->n_dims, ret_elements, &size) ||
        size != tensor->size)
        return "a size that does not follow from the shape";
    if (!bfs_range_fits(tensor->offset, tensor->size, file_size))
        return "data beyond the file";
    return NULL;
}

const char *test_tensor_map_fault(const struct bfs_tensor_map *map, uint64_t file_size)
{
    uint64_t end = 0, offset = 0, elements = 0;
    if (!bfs_container_name(map->container) ||
        (map->container == BFS_CONTAINER_OPAQUE && map->n_tensors > 0))
        return "an unknown container";
    if (memchr(map->architecture, '\0', sizeof(map->architecture)) == NULL ||
        memchr(map->quantization, '\0', sizeof(map->quantization)) == NULL)
        return "unfinished text";
    for (size_t i = 0; i < map->n_tensors; i++) {
        const struct bfs_tensor *tensor = &map->tensors[i];
        uint64_t n;
        const char *fault = tensor_fault(tensor, file_size, &n);
        if (fault)
            return fault;
        if (tensor->offset < offset)
            return "out of order";
        if (tensor->offset < end)
            return "an overlap";
        offset = tensor->offset;
        end = offset + tensor->size;
        elements += n;
    }
    return elements == map->n_elements ? NULL : "a wrong number of elements";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"

#include "codec/container/gguf_reader.h"
#include "verify/checked.h"
#include "verify/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER_SIZE = 24,     /* magic, u32 version, u64 tensors, u64 key-values */
    DIMS_MAX = 4,         /* GGML_MAX_DIMS */
    TENSOR_SIZE_MIN = 24, /* u64 name length, u32 dimensions, u32 type, u64 offset */
};

static int refuse(struct bfs_gguf_reader *reader, const char *name, int code, const char *why)
{
    return bfs_fail_at(reader->error, code, reader->cursor.position, "tensor \"%.200s\": %s", name,
                       why);
}

/* Sets *ret_tensors and *ret_keys to the counts. */
static int read_header(struct bfs_gguf_reader *reader, uint64_t *ret_tensors, uint64_t *ret_keys)
{
    uint32_t magic, version;
    int r;
    if ((r = bfs_gguf_need(reader, 1, HEADER_SIZE)) || (r = bfs_gguf_u32(reader, &magic)) ||
        (r = bfs_gguf_u32(reader, &version)) || (r = bfs_gguf_u64(reader, ret_tensors)) ||
        (r = bfs_gguf_u64(reader, ret_keys)))
        return r;
    if (magic != 0x46554747) /* "GGUF" */
        return bfs_gguf_refuse(reader, -EBADMSG, "no magic number");
    if (version == 2 || version == 3)
        return 0;
    (void)bfs_gguf_refuse(reader, -EPROTONOSUPPORT,
                          (version & 0xffff) == 0 ? "a big-endian file" : "unknown version");
    char found[32];
    (void)snprintf(found, sizeof(found), "%lu", (unsigned long)version);
    bfs_fail_values(reader->error, "2 or 3", found);
    return -EPROTONOSUPPORT;
}

static int read_name(struct bfs_gguf_reader *reader, char **ret)
{
    struct bfs_gguf_text text;
    int r = bfs_gguf_text(reader, &text);
    if (r)
        return r;
    if (text.size > BFS_TENSOR_NAME_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "a tensor name longer than 1024 bytes");
    if (!bfs_utf8_is_valid(text.bytes, text.size))
        return bfs_gguf_refuse(reader, -EBADMSG, "a tensor name that is not UTF-8 text");
    char *name = calloc(text.size + 1, 1);
    if (!name)
        return bfs_gguf_refuse(reader, -ENOMEM, "out of memory");
    memcpy(name, text.bytes, text.size);
    *ret = name;
    return 0;
}

/* The file has the contiguous dimension first, the map has it last. */
static int read_shape(struct bfs_gguf_reader *reader, struct bfs_tensor *tensor)
{
    int r = bfs_gguf_u32(reader, &tensor->n_dims);
    if (r)
        return r;
    if (tensor->n_dims > DIMS_MAX)
        return refuse(reader, tensor->name, -EBADMSG, "more than 4 dimensions");
    for (uint32_t i = tensor->n_dims; i > 0; i--) {
        r = bfs_gguf_u64(reader, &tensor->shape[i - 1]);
        if (r)
            return r;
        if (tensor->shape[i - 1] > INT64_MAX)
            return refuse(reader, tensor->name, -EBADMSG, "a negative dimension");
    }
    return 0;
}

/* The caller has put the tensor into a map that frees its name. The offset read here counts from
 * the start of the data. */
static int read_tensor(struct bfs_gguf_reader *reader, struct bfs_tensor *tensor,
                       uint64_t *ret_elements)
{
    uint32_t type;
    int r;
    if ((r = read_name(reader, &tensor->name)) || (r = read_shape(reader, tensor)) ||
        (r = bfs_gguf_u32(reader, &type)) || (r = bfs_gguf_u64(reader, &tensor->offset)))
        return r;
    const struct bfs_dtype_info *dtype = bfs_dtype_from_ggml(type);
    if (!dtype)
        return refuse(reader, tensor->name, -EPROTONOSUPPORT, "unknown or removed ggml type");
    tensor->dtype = dtype->id;
    uint64_t row = tensor->n_dims ? tensor->shape[tensor->n_dims - 1] : 1;
    if (row % dtype->block_elements != 0)
        return refuse(reader, tensor->name, -EBADMSG, "a row that is not whole blocks");
    if (bfs_tensor_measure(dtype, tensor->shape, tensor->n_dims, ret_elements, &tensor->size))
        return refuse(reader, tensor->name, -EBADMSG, "more bytes than 64 bits count");
    return 0;
}

/* Turns offsets in the data into offsets in the file. ggml's reader wants each at the padded sum of
 * the sizes before it. */
static int place_tensors(struct bfs_gguf_reader *reader, uint32_t alignment,
                         struct bfs_tensor_map *map)
{
    uint64_t start, expected = 0, end;
    if (!bfs_align_u64(reader->cursor.position, alignment, &start) || start > reader->file_size)
        return bfs_gguf_refuse(reader, -EBADMSG, "the data begins beyond the file");
    for (size_t i = 0; i < map->n_tensors; i++) {
        struct bfs_tensor *tensor = &map->tensors[i];
        if (tensor->offset != expected)
            return refuse(reader, tensor->name, -EBADMSG,
                          "its offset is not the padded sum of the sizes before it");
        if (!bfs_range_fits(tensor->offset, tensor->size, reader->file_size - start))
            return refuse(reader, tensor->name, -EBADMSG, "data beyond the file");
        end = tensor->offset + tensor->size;
        if (!bfs_align_u64(end, alignment, &expected))
            return refuse(reader, tensor->name, -EBADMSG, "data beyond the file");
        tensor->offset += start;
    }
    return 0;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int check_names(struct bfs_gguf_reader *reader, const struct bfs_tensor_map *map)
{
    bfs_autofree char **names = calloc(map->n_tensors + 1, sizeof(char *));
    if (!names)
        return bfs_gguf_refuse(reader, -ENOMEM, "out of memory");
    for (size_t i = 0; i < map->n_tensors; i++)
        names[i] = map->tensors[i].name;
    qsort(names, map->n_tensors, sizeof(char *), compare_names);
    for (size_t i = 1; i < map->n_tensors; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return refuse(reader, names[i], -EBADMSG, "its name occurs twice");
    return 0;
}

static int read_tensors(struct bfs_gguf_reader *reader, uint64_t n_tensors,
                        struct bfs_tensor_map *map)
{
    int r = bfs_gguf_need(reader, n_tensors, TENSOR_SIZE_MIN);
    if (r)
        return r;
    map->tensors = calloc((size_t)n_tensors + 1, sizeof(*map->tensors));
    if (!map->tensors)
        return bfs_gguf_refuse(reader, -ENOMEM, "out of memory");
    while (map->n_tensors < n_tensors) {
        uint64_t elements;
        r = read_tensor(reader, &map->tensors[map->n_tensors++], &elements);
        if (r)
            return r;
        if (!bfs_add_u64(map->n_elements, elements, &map->n_elements))
            return bfs_gguf_refuse(reader, -EBADMSG, "more elements than 64 bits count");
    }
    return 0;
}

static int parse(struct bfs_gguf_reader *reader, struct bfs_gguf_header *header)
{
    struct bfs_gguf_keys keys;
    uint64_t n_tensors, n_keys;
    int r = read_header(reader, &n_tensors, &n_keys);
    if (r)
        return r;
    if (n_tensors > BFS_TENSORS_MAX)
        return bfs_gguf_refuse(reader, -E2BIG, "more than 1048576 tensors");
    r = bfs_gguf_keys_read(reader, n_keys, &keys);
    if (r)
        return r;
    header->values = keys.values;
    header->n_values = keys.n_values;
    r = read_tensors(reader, n_tensors, &header->map);
    if (r)
        return r;
    /* Without tensors there is no data, nor padding before it. */
    if (n_tensors > 0 &&
        ((r = place_tensors(reader, keys.alignment, &header->map)) ||
         (r = check_names(reader, &header->map)) ||
         (r = bfs_tensor_map_check(&header->map, reader->file_size, reader->error))))
        return r;
    memcpy(header->map.architecture, keys.architecture, sizeof(keys.architecture));
    memcpy(header->map.quantization, keys.quantization, sizeof(keys.quantization));
    return 0;
}

int bfs_gguf_header_parse(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                          struct bfs_gguf_header *ret, struct bfs_error *error)
{
    struct bfs_gguf_reader reader = {
        .cursor =
            bfs_cursor_over(prefix, prefix_size < file_size ? prefix_size : (size_t)file_size),
        .file_size = file_size,
        .error = error,
    };
    bfs_autogguf struct bfs_gguf_header header = {.map.container = BFS_CONTAINER_GGUF};
    int r = parse(&reader, &header);
    if (r)
        return r;
    *ret = header;
    header = (struct bfs_gguf_header){0};
    return 0;
}

int bfs_gguf_parse(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                   struct bfs_tensor_map *ret, struct bfs_error *error)
{
    bfs_autogguf struct bfs_gguf_header header = {0};
    int r = bfs_gguf_header_parse(prefix, prefix_size, file_size, &header, error);
    if (r)
        return r;
    *ret = header.map;
    header.map = (struct bfs_tensor_map){0};
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"

#include "verify/checked.h"
#include "verify/cursor.h"
#include "verify/json.h"

#include <errno.h>
#include <string.h>

enum {
    HEADER_MAX = 100000000, /* the reference reader's limit on the JSON */
    LENGTH_SIZE = 8,        /* the u64 before it */
};

static int refuse(struct bfs_error *error, const char *name, const char *why)
{
    return bfs_fail(error, -EBADMSG, "tensor \"%.200s\": %s", name, why);
}

static int check_metadata(struct json_object *metadata, struct bfs_error *error)
{
    if (!metadata) /* null: the reference reader takes it for none */
        return 0;
    if (!json_object_is_type(metadata, json_type_object))
        return bfs_fail(error, -EBADMSG, "safetensors: __metadata__ is not an object");
    json_object_object_foreach(metadata, key, value)
    {
        if (!json_object_is_type(value, json_type_string))
            return bfs_fail(error, -EBADMSG, "safetensors: __metadata__ \"%.200s\" is not a string",
                            key);
    }
    return 0;
}

/* An integer of an array; the JSON reader has bounded its size. */
static int read_element(struct json_object *array, size_t i, uint64_t *ret)
{
    struct json_object *value = json_object_array_get_idx(array, i);
    if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
        return -EBADMSG;
    *ret = (uint64_t)json_object_get_int64(value);
    return 0;
}

static int read_shape(struct json_object *array, const char *name, struct bfs_tensor *ret,
                      struct bfs_error *error)
{
    size_t n_dims = json_object_array_length(array);
    if (n_dims > BFS_TENSOR_DIMS_MAX)
        return bfs_fail(error, -E2BIG, "tensor \"%.200s\": %zu dimensions, at most %d", name,
                        n_dims, BFS_TENSOR_DIMS_MAX);
    ret->n_dims = (uint32_t)n_dims;
    for (size_t i = 0; i < n_dims; i++)
        if (read_element(array, i, &ret->shape[i]))
            return refuse(error, name, "a dimension is not an integer from 0");
    return 0;
}

/* Fills all but the name. `data_start` is where the data begins in the file, `data_size` what the
 * file holds of it. */
static int read_tensor(const char *name, struct json_object *value, uint64_t data_start,
                       uint64_t data_size, struct bfs_tensor *ret, uint64_t *ret_elements,
                       struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"dtype", BFS_JSON_STRING, true},
        {"shape", BFS_JSON_ARRAY, true},
        {"data_offsets", BFS_JSON_ARRAY, true},
        {NULL, 0, false},
    };
    if (strlen(name) > BFS_TENSOR_NAME_MAX)
        return bfs_fail(error, -E2BIG, "tensor \"%.200s...\": name longer than %d bytes", name,
                        BFS_TENSOR_NAME_MAX);
    int r = bfs_json_check(value, fields, false, "safetensors", error);
    if (r)
        return bfs_fail_context(error, r, "tensor \"%.200s\"", name);
    const char *type = bfs_json_string(value, "dtype");
    const struct bfs_dtype_info *dtype = bfs_dtype_from_safetensors(type);
    if (!dtype)
        return bfs_fail(error, -EPROTONOSUPPORT, "tensor \"%.200s\": unknown dtype \"%.32s\"", name,
                        type);
    ret->dtype = dtype->id;
    r = read_shape(bfs_json_member(value, "shape"), name, ret, error);
    if (r)
        return r;

    struct json_object *offsets = bfs_json_member(value, "data_offsets");
    uint64_t begin, end, size;
    if (json_object_array_length(offsets) != 2 || read_element(offsets, 0, &begin) ||
        read_element(offsets, 1, &end))
        return refuse(error, name, "data_offsets are not two integers from 0");
    if (begin > end || end > data_size)
        return refuse(error, name, "data_offsets point outside of the file");
    if (bfs_tensor_measure(dtype, ret->shape, ret->n_dims, ret_elements, &size) ||
        size != end - begin)
        return refuse(error, name, "data_offsets contradict dtype and shape");
    ret->offset = data_start + begin;
    ret->size = size;
    return 0;
}

/* By offset; an empty tensor before the one that begins there; else the array's order. */
static int compare_tensors(const void *left, const void *right)
{
    const struct bfs_tensor *a = *(struct bfs_tensor *const *)left;
    const struct bfs_tensor *b = *(struct bfs_tensor *const *)right;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if ((a->size == 0) != (b->size == 0))
        return a->size == 0 ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Sorts the map and proves that its tensors fill [data_start, file_size). */
static int order_tensors(struct bfs_tensor_map *map, uint64_t data_start, uint64_t file_size,
                         struct bfs_error *error)
{
    bfs_autofree struct bfs_tensor **order =
        calloc(map->n_tensors + 1, sizeof(struct bfs_tensor *));
    struct bfs_tensor *sorted = calloc(map->n_tensors + 1, sizeof(*sorted));
    if (!order || !sorted) {
        free(sorted);
        return bfs_fail(error, -ENOMEM, "safetensors: out of memory");
    }
    for (size_t i = 0; i < map->n_tensors; i++)
        order[i] = &map->tensors[i];
    qsort(order, map->n_tensors, sizeof(struct bfs_tensor *), compare_tensors);
    for (size_t i = 0; i < map->n_tensors; i++)
        sorted[i] = *order[i];
    free(map->tensors);
    map->tensors = sorted;

    uint64_t end = data_start;
    for (size_t i = 0; i < map->n_tensors; i++) {
        const struct bfs_tensor *tensor = &sorted[i];
        if (tensor->offset != end)
            return bfs_fail_at(error, -EBADMSG, tensor->offset, "tensor \"%.200s\": %s",
                               tensor->name,
                               tensor->offset < end ? "overlaps another" : "a gap before its data");
        end += tensor->size;
    }
    if (end != file_size)
        return bfs_fail_at(error, -EBADMSG, end, "safetensors: bytes after the last tensor");
    return bfs_tensor_map_check(map, file_size, error);
}

static int read_header(struct json_object *root, uint64_t data_start, uint64_t file_size,
                       struct bfs_tensor_map *map, struct bfs_error *error)
{
    int n_members = json_object_object_length(root);
    if (n_members > BFS_TENSORS_MAX)
        return bfs_fail(error, -E2BIG, "safetensors: %d tensors, at most %d", n_members,
                        BFS_TENSORS_MAX);
    map->tensors = calloc((size_t)n_members + 1, sizeof(*map->tensors));
    if (!map->tensors)
        return bfs_fail(error, -ENOMEM, "safetensors: out of memory");
    json_object_object_foreach(root, name, value)
    {
        uint64_t elements;
        int r;
        if (strcmp(name, "__metadata__") == 0) {
            r = check_metadata(value, error);
            if (r)
                return r;
            continue;
        }
        struct bfs_tensor *tensor = &map->tensors[map->n_tensors];
        r = read_tensor(name, value, data_start, file_size - data_start, tensor, &elements, error);
        if (r)
            return r;
        if (!bfs_add_u64(map->n_elements, elements, &map->n_elements))
            return refuse(error, name, "more elements than 64 bits count");
        tensor->name = strdup(name);
        if (!tensor->name)
            return bfs_fail(error, -ENOMEM, "safetensors: out of memory");
        map->n_tensors++;
    }
    return order_tensors(map, data_start, file_size, error);
}

int bfs_safetensors_parse(const uint8_t *prefix, size_t prefix_size, uint64_t file_size,
                          struct bfs_tensor_map *ret, struct bfs_error *error)
{
    if (file_size < LENGTH_SIZE)
        return bfs_fail(error, -EBADMSG, "safetensors: shorter than its header's length");
    struct bfs_cursor cursor =
        bfs_cursor_over(prefix, prefix_size < file_size ? prefix_size : (size_t)file_size);
    uint64_t length;
    if (bfs_cursor_u64(&cursor, &length))
        return bfs_fail(error, -ENODATA, "safetensors: the header needs more bytes");
    if (length > HEADER_MAX)
        return bfs_fail(error, -E2BIG, "safetensors: a header of %llu bytes, at most %d",
                        (unsigned long long)length, HEADER_MAX);
    if (!bfs_range_fits(LENGTH_SIZE, length, file_size))
        return bfs_fail(error, -EBADMSG, "safetensors: the header goes beyond the file");
    const uint8_t *text;
    if (bfs_cursor_borrow(&cursor, (size_t)length, &text))
        return bfs_fail(error, -ENODATA, "safetensors: the header needs more bytes");
    if (length == 0 || text[0] != '{')
        return bfs_fail_at(error, -EBADMSG, LENGTH_SIZE, "safetensors: the header starts with '{'");

    bfs_autojson struct json_object *root = NULL;
    bfs_autotensors struct bfs_tensor_map map = {.container = BFS_CONTAINER_SAFETENSORS};
    int r = bfs_json_parse(text, (size_t)length, "safetensors", &root, error);
    if (r == 0)
        r = read_header(root, LENGTH_SIZE + length, file_size, &map, error);
    if (r)
        return r;
    *ret = map;
    map = (struct bfs_tensor_map){0};
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/container.h"

#include "verify/checked.h"
#include "verify/cursor.h"
#include "verify/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_MAX = 100000000, /* the reference reader's limit on the JSON */
    LENGTH_SIZE = 8,        /* the u64 before it */
};

static int refuse(struct bfs_error *error, const char *name, const char *why)
{
    return bfs_fail(error, -EBADMSG, "tensor \"%.200s\": %s", name, why);
}

static int check_metadata(struct bfs_json_value metadata, struct bfs_error *error)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value key, value;
    if (bfs_json_value_is_null(metadata)) /* the reference reader takes it for none */
        return 0;
    if (!bfs_json_value_has_type(metadata, BFS_JSON_OBJECT))
        return bfs_fail(error, -EBADMSG, "safetensors: __metadata__ is not an object");
    while (bfs_json_value_next_member(metadata, &members, &key, &value)) {
        if (bfs_json_value_has_type(value, BFS_JSON_STRING))
            continue;
        char name[BFS_ERROR_WHAT_SIZE];
        (void)bfs_json_value_text(key, name, sizeof(name));
        return bfs_fail(error, -EBADMSG, "safetensors: __metadata__ \"%.200s\" is not a string",
                        name);
    }
    return 0;
}

/* An integer of an array; the JSON reader has bounded its size. */
static int read_integer(struct bfs_json_value value, uint64_t *ret)
{
    int64_t integer;
    if (bfs_json_value_signed(value, &integer) || integer < 0)
        return -EBADMSG;
    *ret = (uint64_t)integer;
    return 0;
}

static int read_shape(struct bfs_json_value array, const char *name, struct bfs_tensor *ret,
                      struct bfs_error *error)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value value;
    size_t n_dims = bfs_json_value_count(array);
    if (n_dims > BFS_TENSOR_DIMS_MAX)
        return bfs_fail(error, -E2BIG, "tensor \"%.200s\": %zu dimensions, at most %d", name,
                        n_dims, BFS_TENSOR_DIMS_MAX);
    ret->n_dims = (uint32_t)n_dims;
    for (size_t i = 0; i < n_dims && bfs_json_value_next(array, &elements, &value); i++)
        if (read_integer(value, &ret->shape[i]))
            return refuse(error, name, "a dimension is not an integer from 0");
    return 0;
}

/* The two integers of data_offsets, and nothing after them. */
static int read_offsets(struct bfs_json_value array, uint64_t *ret_begin, uint64_t *ret_end)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value value;
    uint64_t begin, end;
    if (!bfs_json_value_next(array, &elements, &value) || read_integer(value, &begin) ||
        !bfs_json_value_next(array, &elements, &value) || read_integer(value, &end) ||
        bfs_json_value_next(array, &elements, &value))
        return -EBADMSG;
    *ret_begin = begin;
    *ret_end = end;
    return 0;
}

/* Fills all but the name. `data_start` is where the data begins in the file, `data_size` what the
 * file holds of it. */
static int read_tensor(const char *name, struct bfs_json_value value, uint64_t data_start,
                       uint64_t data_size, struct bfs_tensor *ret, uint64_t *ret_elements,
                       struct bfs_error *error)
{
    enum { DTYPE, SHAPE, OFFSETS, N_FIELDS };
    static const struct bfs_json_field fields[] = {
        [DTYPE] = {"dtype", BFS_JSON_STRING, true},
        [SHAPE] = {"shape", BFS_JSON_ARRAY, true},
        [OFFSETS] = {"data_offsets", BFS_JSON_ARRAY, true},
        [N_FIELDS] = {NULL, 0, false},
    };
    struct bfs_json_value found[N_FIELDS];
    int r = bfs_json_value_fields(value, fields, false, "safetensors", found, error);
    if (r)
        return bfs_fail_context(error, r, "tensor \"%.200s\"", name);
    char type[64]; /* longer than any known one: what is cut off makes none of them */
    (void)bfs_json_value_text(found[DTYPE], type, sizeof(type));
    const struct bfs_dtype_info *dtype = bfs_dtype_from_safetensors(type);
    if (!dtype)
        return bfs_fail(error, -EPROTONOSUPPORT, "tensor \"%.200s\": unknown dtype \"%.32s\"", name,
                        type);
    ret->dtype = dtype->id;
    r = read_shape(found[SHAPE], name, ret, error);
    if (r)
        return r;

    uint64_t begin, end, size;
    if (read_offsets(found[OFFSETS], &begin, &end))
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

static bool is_ordered(const struct bfs_tensor_map *map)
{
    for (size_t i = 1; i < map->n_tensors; i++) {
        const struct bfs_tensor *before = &map->tensors[i - 1], *tensor = &map->tensors[i];
        if (compare_tensors(&before, &tensor) > 0)
            return false;
    }
    return true;
}

/* The reference writer orders its header by offset, which saves a second map. */
static int sort_tensors(struct bfs_tensor_map *map, struct bfs_error *error)
{
    if (is_ordered(map))
        return 0;
    bfs_autofree struct bfs_tensor **order = calloc(map->n_tensors, sizeof(struct bfs_tensor *));
    struct bfs_tensor *sorted = calloc(map->n_tensors, sizeof(*sorted));
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
    return 0;
}

/* Sorts the map and proves that its tensors fill [data_start, file_size). */
static int order_tensors(struct bfs_tensor_map *map, uint64_t data_start, uint64_t file_size,
                         struct bfs_error *error)
{
    int r = sort_tensors(map, error);
    if (r)
        return r;
    uint64_t end = data_start;
    for (size_t i = 0; i < map->n_tensors; i++) {
        const struct bfs_tensor *tensor = &map->tensors[i];
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

static int read_header(struct bfs_json_value root, uint64_t data_start, uint64_t file_size,
                       struct bfs_tensor_map *map, struct bfs_error *error)
{
    struct bfs_json_members members = {0};
    struct bfs_json_value key, value;
    size_t n_members = bfs_json_value_count_members(root);
    if (n_members > BFS_TENSORS_MAX)
        return bfs_fail(error, -E2BIG, "safetensors: %zu tensors, at most %d", n_members,
                        BFS_TENSORS_MAX);
    map->tensors = calloc(n_members + 1, sizeof(*map->tensors));
    if (!map->tensors)
        return bfs_fail(error, -ENOMEM, "safetensors: out of memory");
    while (map->n_tensors < n_members && bfs_json_value_next_member(root, &members, &key, &value)) {
        char name[BFS_TENSOR_NAME_MAX + 1];
        uint64_t elements;
        if (bfs_json_value_is(key, "__metadata__")) {
            int r = check_metadata(value, error);
            if (r)
                return r;
            continue;
        }
        if (bfs_json_value_text(key, name, sizeof(name)))
            return bfs_fail(error, -E2BIG, "tensor \"%.200s...\": name longer than %d bytes", name,
                            BFS_TENSOR_NAME_MAX);
        struct bfs_tensor *tensor = &map->tensors[map->n_tensors];
        int r =
            read_tensor(name, value, data_start, file_size - data_start, tensor, &elements, error);
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

    struct bfs_json_value root = {0};
    bfs_autotensors struct bfs_tensor_map map = {.container = BFS_CONTAINER_SAFETENSORS};
    int r = bfs_json_value_open(text, (size_t)length, "safetensors", &root, error);
    if (r == 0)
        r = read_header(root, LENGTH_SIZE + length, file_size, &map, error);
    if (r)
        return r;
    *ret = map;
    map = (struct bfs_tensor_map){0};
    return 0;
}

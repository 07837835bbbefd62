/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/container/tensor.h"

#include "verify/checked.h"

#include <errno.h>
#include <string.h>

const char *bfs_container_name(unsigned container)
{
    static const char *const names[] = {
        [BFS_CONTAINER_OPAQUE] = "opaque",
        [BFS_CONTAINER_SAFETENSORS] = "safetensors",
        [BFS_CONTAINER_GGUF] = "gguf",
    };
    return container < sizeof(names) / sizeof(names[0]) ? names[container] : NULL;
}

int bfs_tensor_measure(const struct bfs_dtype_info *dtype, const uint64_t *shape, uint32_t n_dims,
                       uint64_t *ret_elements, uint64_t *ret_size)
{
    uint64_t elements = 1, size;
    for (uint32_t i = 0; i < n_dims; i++)
        if (shape[i] == 0)
            elements = 0;
    for (uint32_t i = 0; i < n_dims && elements > 0; i++)
        if (!bfs_mul_u64(elements, shape[i], &elements))
            return -EBADMSG;
    if (elements % dtype->block_elements != 0)
        return -EBADMSG;
    if (!bfs_mul_u64(elements / dtype->block_elements, dtype->block_bytes, &size))
        return -EBADMSG;
    *ret_elements = elements;
    *ret_size = size;
    return 0;
}

const char *bfs_tensor_fault(const struct bfs_tensor_facts *facts, uint64_t file_size,
                             uint64_t *end)
{
    if (facts->name_length == 0)
        return "has no name";
    if (facts->name_length > BFS_TENSOR_NAME_MAX)
        return "has a name longer than 1024 bytes";
    if (facts->n_dims > BFS_TENSOR_DIMS_MAX)
        return "has more than 8 dimensions";
    if (!bfs_range_fits(facts->offset, facts->size, file_size))
        return "lies outside of the file";
    if (facts->offset < *end)
        return "overlaps the tensor before it";
    *end = facts->offset + facts->size;
    return NULL;
}

int bfs_tensor_map_check(const struct bfs_tensor_map *map, uint64_t file_size,
                         struct bfs_error *error)
{
    uint64_t end = 0;
    for (size_t i = 0; i < map->n_tensors; i++) {
        const struct bfs_tensor *tensor = &map->tensors[i];
        const struct bfs_tensor_facts facts = {.name_length = strlen(tensor->name),
                                               .n_dims = tensor->n_dims,
                                               .offset = tensor->offset,
                                               .size = tensor->size};
        const char *fault = bfs_tensor_fault(&facts, file_size, &end);
        if (fault)
            return bfs_fail_at(error, -EBADMSG, tensor->offset, "tensor \"%.200s\" %s",
                               tensor->name, fault);
    }
    return 0;
}

void bfs_tensor_map_done(struct bfs_tensor_map *map)
{
    for (size_t i = 0; i < map->n_tensors; i++)
        free(map->tensors[i].name);
    free(map->tensors);
    *map = (struct bfs_tensor_map){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/made.h"

#include "verify/checked.h"

static bool map_fits(const struct bfs_made *made)
{
    uint64_t end = 0;
    for (size_t i = 0; i < made->map.n_tensors; i++) {
        const struct bfs_tensor *tensor = &made->map.tensors[i];
        if (tensor->offset < end || !bfs_range_fits(tensor->offset, tensor->size, made->size))
            return false;
        end = tensor->offset + tensor->size;
    }
    return true;
}

static bool plan_fits(const struct bfs_made *made, uint32_t capacity)
{
    uint64_t end = 0;
    for (size_t i = 0; i < made->plan.n_chunks; i++) {
        const struct bfs_plan_chunk *chunk = &made->plan.chunks[i];
        uint32_t size = chunk->size;
        const struct bfs_encoding encoding = {.transform = (uint8_t)chunk->transform};
        uint32_t before = bfs_encoding_decoded_size(encoding, size);
        if (before == 0 || before > capacity || !bfs_range_fits(end, size, made->size))
            return false;
        end += size;
    }
    return made->plan.n_chunks == 0 || end == made->size;
}

int bfs_made_check(const struct bfs_made *made, uint32_t capacity, const char *what,
                   struct bfs_error *error)
{
    if (!map_fits(made))
        return bfs_fail(error, -EINVAL, "%.255s: a tensor is out of order or out of the file",
                        what);
    if (!plan_fits(made, capacity))
        return bfs_fail(error, -EINVAL, "%.255s: the chunks do not add up to the file", what);
    return 0;
}

void bfs_made_done(struct bfs_made *made)
{
    if (made->ops && made->ops->free)
        made->ops->free(made->context);
    bfs_tensor_map_done(&made->map);
    bfs_plan_done(&made->plan);
    *made = (struct bfs_made){0};
}

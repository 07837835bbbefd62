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

/* Chunks are of the chunk size but for the last of a run, so that one stands for all. */
static bool run_fits(const struct bfs_plan_run *run, uint64_t position, uint64_t file_size)
{
    uint32_t factor = bfs_transform_factor(run->transform);
    const struct bfs_encoding encoding = {.transform = (uint8_t)run->transform};
    uint64_t size;
    return run->size && bfs_mul_u64(run->size, factor, &size) &&
           bfs_range_fits(position, size, file_size) &&
           bfs_encoding_decoded_size(encoding, (uint32_t)(run->size % 8 + 8) * factor);
}

static bool plan_fits(const struct bfs_made *made, uint32_t capacity)
{
    const struct bfs_plan *plan = &made->plan;
    uint64_t end = 0;
    if (plan->n_runs == 0)
        return true;
    if (plan->chunk_size < BFS_CHUNK_SIZE_MIN || plan->chunk_size > BFS_CHUNK_SIZE_MAX ||
        plan->chunk_size + plan->chunk_size / 4 > capacity)
        return false;
    for (size_t i = 0; i < plan->n_runs; i++) {
        if (!run_fits(&plan->runs[i], end, made->size))
            return false;
        end += plan->runs[i].size * bfs_transform_factor(plan->runs[i].transform);
    }
    return end == made->size;
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

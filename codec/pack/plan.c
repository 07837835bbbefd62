/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/plan.h"

#include "verify/array.h"

#include <errno.h>
#include <stdbool.h>

struct planner {
    struct bfs_plan plan;
    uint64_t position; /* all before is planned */
    /* The open group of small tensors: [position, group_end), none when they are equal. */
    uint64_t group_end;
    enum bfs_layout group_layout;
};

int bfs_plan_add(struct bfs_plan *plan, const struct bfs_plan_run *run)
{
    int r = bfs_array_grow(&plan->runs, plan->n_runs, sizeof(*plan->runs));
    if (r == 0)
        plan->runs[plan->n_runs++] = *run;
    return r;
}

bool bfs_plan_next(struct bfs_plan_cursor *cursor, struct bfs_plan_chunk *ret)
{
    const struct bfs_plan *plan = cursor->plan;
    if (cursor->run == plan->n_runs)
        return false;
    const struct bfs_plan_run *run = &plan->runs[cursor->run];
    uint64_t left = run->size - cursor->done;
    /* A tiny chunk costs a record and a decoder start for nothing. */
    uint32_t size =
        left < plan->chunk_size + plan->chunk_size / 4 ? (uint32_t)left : plan->chunk_size;
    *ret = (struct bfs_plan_chunk){.size = size * bfs_transform_factor(run->transform),
                                   .layout = run->layout,
                                   .transform = run->transform};
    cursor->done += size;
    if (cursor->done == run->size) {
        cursor->run++;
        cursor->done = 0;
    }
    return true;
}

/* Plans everything up to `end` as one run. */
static int cut(struct planner *planner, uint64_t end, enum bfs_layout layout)
{
    const struct bfs_plan_run run = {.size = end - planner->position, .layout = layout};
    planner->position = end;
    return run.size ? bfs_plan_add(&planner->plan, &run) : 0;
}

static int flush(struct planner *planner)
{
    int r = cut(planner, planner->group_end, planner->group_layout);
    planner->group_end = planner->position;
    return r;
}

/* Padding up to the next tensor goes with the tensor before it when it is short; more than that is
 * content of its own. */
static int skip_to(struct planner *planner, uint64_t offset)
{
    if (planner->group_end > planner->position &&
        offset - planner->group_end < planner->plan.chunk_size / 4 &&
        offset - planner->position <= planner->plan.chunk_size) {
        planner->group_end = offset;
        return 0;
    }
    int r = flush(planner);
    if (r == 0)
        r = cut(planner, offset, BFS_LAYOUT_OPAQUE);
    planner->group_end = planner->position;
    return r;
}

static int add_tensor(struct planner *planner, const struct bfs_tensor *tensor)
{
    const struct bfs_dtype_info *info = bfs_dtype_info(tensor->dtype);
    enum bfs_layout layout = info ? info->layout : BFS_LAYOUT_OPAQUE;
    uint32_t element = info ? info->block_bytes : 1;
    int r = skip_to(planner, tensor->offset);
    if (r)
        return r;
    uint64_t end = tensor->offset + tensor->size;
    bool group = planner->group_end > planner->position;
    if (tensor->size >= planner->plan.chunk_size ||
        (group &&
         (planner->group_layout != layout || end - planner->position > planner->plan.chunk_size ||
          (tensor->offset - planner->position) % element != 0))) {
        r = flush(planner); /* the next run starts exactly at the tensor */
        if (r)
            return r;
    }
    planner->group_layout = layout;
    planner->group_end = end;
    return tensor->size >= planner->plan.chunk_size ? flush(planner) : 0;
}

int bfs_plan_make(const struct bfs_tensor_map *map, uint64_t file_size, uint32_t chunk_size,
                  struct bfs_plan *ret)
{
    struct planner planner = {.plan = {.chunk_size = chunk_size}};
    int r = 0;
    for (size_t i = 0; r == 0 && i < map->n_tensors; i++)
        if (map->tensors[i].size > 0)
            r = add_tensor(&planner, &map->tensors[i]);
    if (r == 0)
        r = skip_to(&planner, file_size);
    if (r == 0)
        r = flush(&planner);
    if (r) {
        bfs_plan_done(&planner.plan);
        return r;
    }
    *ret = planner.plan;
    return 0;
}

void bfs_plan_done(struct bfs_plan *plan)
{
    free(plan->runs);
    *plan = (struct bfs_plan){0};
}

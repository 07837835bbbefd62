/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/slot_known.h"

static const enum bfs_transform transforms[] = {
#define TRANSFORM_OF(id, NAME, name, factor, text) BFS_TRANSFORM_##NAME,
    BFS_TRANSFORM_LIST(TRANSFORM_OF)
#undef TRANSFORM_OF
};

int bfs_slot_find(const struct bfs_slot *slot, struct bfs_dedup *dedup, struct bfs_chunk *ret,
                  bool *ret_found)
{
    uint32_t size = slot->raw_size;
    bool found = false;
    int r = 0;
    if (slot->transform != BFS_TRANSFORM_NONE) {
        r = bfs_dedup_find(dedup, &slot->check, size, BFS_TRANSFORM_NONE, ret, &found);
        if (r == 0 && !found)
            r = bfs_dedup_find(dedup, &slot->file_check,
                               size * bfs_transform_factor(slot->transform), slot->transform, ret,
                               &found);
    } else {
        for (size_t i = 0; r == 0 && !found && i < sizeof(transforms) / sizeof(transforms[0]); i++)
            r = bfs_dedup_find(dedup, &slot->check, size, transforms[i], ret, &found);
    }
    if (r == 0)
        *ret_found = found;
    return r;
}

int bfs_slot_confirm(const struct bfs_slot *slot, const struct bfs_pipeline_tools *tools,
                     struct bfs_dedup *dedup, const struct bfs_chunk *found, bool *ret)
{
    struct bfs_chunk chunk = *found;
    if (slot->transform != BFS_TRANSFORM_NONE) {
        /* What is compared is the bytes before the transform, whether the record has one or not. */
        chunk.raw_size = slot->raw_size;
        chunk.encoding.transform = BFS_TRANSFORM_NONE;
        chunk.check = slot->check;
    }
    return bfs_dedup_confirm(dedup, &chunk, slot->raw, tools->reader, tools->scratch, ret);
}

struct bfs_chunk bfs_slot_record(const struct bfs_slot *slot, struct bfs_chunk chunk)
{
    if (slot->transform != BFS_TRANSFORM_NONE) {
        chunk.raw_size = slot->raw_size * bfs_transform_factor(slot->transform);
        chunk.encoding.transform = (uint8_t)slot->transform;
        chunk.check = slot->file_check;
    }
    return chunk;
}

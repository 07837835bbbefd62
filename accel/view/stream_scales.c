/* SPDX-License-Identifier: Apache-2.0
 * How long scales are kept: a converter needs them for each band of its part, and the part with the
 * scales themselves may come before it or after it. */
#include "accel/view/stream_private.h"

#include <errno.h>

/* The part whose scales part number i uses; BFS_PART_NONE: none. */
static size_t owner_of(const struct bfs_stream *stream, size_t i)
{
    const struct bfs_part *part = &stream->list.parts[i];
    if (part->ops)
        return part->ops->prepare ? i : BFS_PART_NONE;
    return part->scales_from;
}

static uint64_t count_of(const struct bfs_part *part)
{
    return part->n_scales > part->n_pieces ? part->n_scales : part->n_pieces;
}

int bfs_stream_bound_scales(struct bfs_stream *stream)
{
    size_t n = stream->list.n_parts;
    uint64_t kept = 0;
    bfs_autofree bool *is_kept = calloc(n + 1, sizeof(*is_kept));
    stream->last_use = calloc(n + 1, sizeof(*stream->last_use));
    if (!is_kept || !stream->last_use)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (owner_of(stream, i) != BFS_PART_NONE)
            stream->last_use[owner_of(stream, i)] = i;
    for (size_t i = 0; i < n; i++) {
        size_t owner = owner_of(stream, i);
        if (owner == BFS_PART_NONE)
            continue;
        uint64_t count = count_of(&stream->list.parts[owner]);
        if (!is_kept[owner] && count > BFS_STREAM_SCALES_MAX - kept)
            return -E2BIG;
        kept += is_kept[owner] ? 0 : count;
        is_kept[owner] = true;
        kept -= stream->last_use[owner] == i ? count : 0;
    }
    return 0;
}

void bfs_stream_release_scales(struct bfs_stream *stream)
{
    for (size_t i = 0; i < stream->n_items; i++) {
        const struct bfs_stream_item *item = &stream->items[i];
        size_t owner = owner_of(stream, item->part);
        if (owner == BFS_PART_NONE || stream->last_use[owner] != item->part ||
            item->offset + item->size < stream->list.parts[item->part].size)
            continue;
        free(stream->list.parts[owner].scales);
        stream->list.parts[owner].scales = NULL;
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * Batches: which bands, and making them on several threads. */
#include "accel/view/stream_private.h"

#include "codec/parallel.h"

#include <errno.h>
#include <string.h>

enum { PER_THREAD = 2 }; /* bands that each thread gets of a batch, at least */

/* Pieces of prepare(), of several parts in a row. */
struct preparation {
    struct bfs_stream *stream;
    size_t *parts;
    uint64_t *first; /* number of the part's first piece; one more at the end */
    size_t n;
};

static int fd_of(const struct bfs_stream *stream, size_t part)
{
    int source = stream->source_of[part];
    return source == BFS_STREAM_NO_SOURCE ? -1 : stream->sources[source].fd;
}

static bool batch_is_full(const struct bfs_stream *stream, size_t size)
{
    size_t enough = (size_t)stream->n_threads * PER_THREAD;
    if (stream->n_items == BFS_STREAM_ITEMS_MAX || size > BFS_STREAM_MEMORY - stream->made)
        return true;
    return stream->n_items >= enough && stream->made >= enough * BFS_BAND_SIZE;
}

/* Chooses the bands of the next batch; at least one. */
static void choose_items(struct bfs_stream *stream)
{
    stream->n_items = 0;
    stream->made = stream->given = 0;
    while (stream->next_part < stream->list.n_parts) {
        const struct bfs_part *part = &stream->list.parts[stream->next_part];
        uint64_t left = part->size - stream->next_offset;
        if (left == 0) {
            stream->next_part++;
            stream->next_offset = 0;
            continue;
        }
        size_t size = (size_t)(left < part->band_size ? left : part->band_size);
        if (batch_is_full(stream, size))
            break;
        stream->items[stream->n_items++] = (struct bfs_stream_item){
            .part = stream->next_part,
            .offset = stream->next_offset,
            .size = size,
            .at = stream->made,
        };
        stream->made += size;
        stream->next_offset += size;
    }
}

static int grow_memory(struct bfs_stream *stream, struct bfs_error *error)
{
    if (stream->made <= stream->capacity && stream->memory)
        return 0;
    free(stream->memory);
    stream->memory = malloc(stream->made ? stream->made : 1);
    stream->capacity = stream->memory ? stream->made : 0;
    return stream->memory ? 0 : bfs_stream_no_memory(error);
}

static int prepare_piece(void *context, unsigned worker, uint64_t i, struct bfs_error *error)
{
    const struct preparation *preparation = context;
    struct bfs_stream *stream = preparation->stream;
    size_t low = 0, high = preparation->n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (preparation->first[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    const struct bfs_part *part = &stream->list.parts[preparation->parts[low]];
    return part->ops->prepare(part, fd_of(stream, preparation->parts[low]),
                              &stream->scratches[worker], i - preparation->first[low], error);
}

/* Lists the parts that the batch needs prepared. */
static int choose_preparations(struct bfs_stream *stream, struct preparation *preparation)
{
    uint64_t n_pieces = 0;
    for (size_t i = 0; i < stream->n_items; i++) {
        size_t number = stream->items[i].part;
        struct bfs_part *part = &stream->list.parts[number];
        if (!part->ops && part->scales_from != BFS_PART_NONE) {
            number = part->scales_from;
            part = &stream->list.parts[number];
        }
        if (!part->ops || !part->ops->prepare || part->is_prepared)
            continue;
        part->is_prepared = true;
        free(part->scales);
        uint64_t n_scales = part->n_scales > part->n_pieces ? part->n_scales : part->n_pieces;
        part->scales = calloc(n_scales + 1, sizeof(*part->scales));
        if (!part->scales)
            return -ENOMEM;
        preparation->parts[preparation->n] = number;
        preparation->first[preparation->n++] = n_pieces;
        n_pieces += part->n_pieces;
    }
    preparation->first[preparation->n] = n_pieces;
    return 0;
}

static int prepare(struct bfs_stream *stream, struct bfs_error *error)
{
    static const struct bfs_parallel_ops ops = {.work = prepare_piece};
    bfs_autofree size_t *parts = calloc(stream->n_items + 1, sizeof(*parts));
    bfs_autofree uint64_t *first = calloc(stream->n_items + 1, sizeof(*first));
    struct preparation preparation = {.stream = stream, .parts = parts, .first = first};
    if (!parts || !first || choose_preparations(stream, &preparation))
        return bfs_stream_no_memory(error);
    if (preparation.n == 0)
        return 0;
    int r = bfs_parallel_run(stream->n_threads, first[preparation.n], &ops, &preparation, error);
    for (size_t i = 0; r == 0 && i < preparation.n; i++) {
        struct bfs_part *part = &stream->list.parts[parts[i]];
        if (part->ops->settle)
            part->ops->settle(part);
    }
    return r;
}

static int make_item(void *context, unsigned worker, uint64_t i, struct bfs_error *error)
{
    struct bfs_stream *stream = context;
    struct bfs_stream_item *item = &stream->items[i];
    const struct bfs_part *part = &stream->list.parts[item->part];
    uint8_t *to = stream->memory + item->at;
    if (part->ops)
        return part->ops->make(part, fd_of(stream, item->part), &stream->scratches[worker],
                               item->offset, item->size, to, &item->measure, error);
    if (part->scales_from != BFS_PART_NONE)
        memcpy(to, (const uint8_t *)stream->list.parts[part->scales_from].scales + item->offset,
               item->size);
    else if (part->bytes)
        memcpy(to, part->bytes + item->offset, item->size);
    else
        memset(to, 0, item->size);
    return 0;
}

int bfs_stream_make_batch(struct bfs_stream *stream, struct bfs_error *error)
{
    static const struct bfs_parallel_ops ops = {.work = make_item};
    int r;
    choose_items(stream);
    if ((r = grow_memory(stream, error)) || (r = prepare(stream, error)) ||
        (r = bfs_parallel_run(stream->n_threads, stream->n_items, &ops, stream, error)))
        return r;
    for (size_t i = 0; i < stream->n_items; i++) {
        const struct bfs_part *part = &stream->list.parts[stream->items[i].part];
        if (part->ops && part->tensor_class < stream->n_measures)
            bfs_measure_merge(&stream->measures[part->tensor_class], &stream->items[i].measure);
    }
    bfs_stream_release_scales(stream);
    return 0;
}

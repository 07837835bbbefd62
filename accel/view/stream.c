/* SPDX-License-Identifier: Apache-2.0
 * Streams as made files: sources, handing out, and what is checked at the end. */
#include "accel/view/stream_private.h"

#include <errno.h>
#include <string.h>

int bfs_stream_no_memory(struct bfs_error *error)
{
    return bfs_fail(error, -ENOMEM, "out of memory");
}

static void close_sources(struct bfs_stream *stream)
{
    for (int i = 0; i < stream->n_sources; i++) {
        bfs_cleanup_close(&stream->sources[i].fd);
        stream->sources[i].fd = -1;
    }
}

static void stream_end(void *context)
{
    struct bfs_stream *stream = context;
    close_sources(stream);
    for (unsigned i = 0; stream->scratches && i < stream->n_threads; i++)
        bfs_part_scratch_done(&stream->scratches[i]);
    for (size_t i = 0; i < stream->list.n_parts; i++) {
        free(stream->list.parts[i].scales);
        stream->list.parts[i].scales = NULL;
    }
    free(stream->scratches);
    free(stream->measures);
    free(stream->memory);
    free(stream->items);
    stream->scratches = NULL;
    stream->measures = NULL;
    stream->memory = NULL;
    stream->items = NULL;
}

static void stream_free(void *context)
{
    struct bfs_stream *stream = context;
    stream_end(stream);
    bfs_part_list_done(&stream->list);
    free(stream->source_of);
    free(stream->sources);
    free(stream->last_use);
    free(stream);
}

static int stream_begin(void *context, struct bfs_error *error)
{
    struct bfs_stream *stream = context;
    stream->scratches = calloc(stream->n_threads, sizeof(*stream->scratches));
    stream->measures = calloc(stream->n_measures + 1, sizeof(*stream->measures));
    stream->items = calloc(BFS_STREAM_ITEMS_MAX, sizeof(*stream->items));
    int r =
        stream->scratches && stream->measures && stream->items ? 0 : bfs_stream_no_memory(error);
    for (int i = 0; r == 0 && i < stream->n_sources; i++)
        r = bfs_source_file_open(stream->sources[i].file, &stream->sources[i].fd, error);
    if (r)
        stream_end(stream);
    return r;
}

/* All bytes went out: were they made from what was planned? */
static int finish(struct bfs_stream *stream, struct bfs_error *error)
{
    for (int i = 0; i < stream->n_sources; i++) {
        int r = bfs_source_file_check(stream->sources[i].file, stream->sources[i].fd, error);
        if (r)
            return r;
    }
    for (unsigned i = 0; i < stream->n_measures; i++)
        bfs_measure_merge(&stream->into[i], &stream->measures[i]);
    return 0;
}

static int stream_read(void *context, uint8_t *to, size_t size, struct bfs_error *error)
{
    struct bfs_stream *stream = context;
    if (size > stream->left)
        return bfs_fail(error, -EINVAL, "read beyond its end");
    while (size > 0) {
        if (stream->given == stream->made) {
            int r = bfs_stream_make_batch(stream, error);
            if (r)
                return r;
        }
        size_t step = stream->made - stream->given;
        step = step < size ? step : size;
        memcpy(to, stream->memory + stream->given, step);
        stream->given += step;
        stream->left -= step;
        to += step;
        size -= step;
        if (stream->left == 0)
            return finish(stream, error);
    }
    return 0;
}

static const struct bfs_made_ops stream_ops = {
    .begin = stream_begin,
    .read = stream_read,
    .end = stream_end,
    .free = stream_free,
};

static bool part_is_sound(const struct bfs_stream *stream, const struct bfs_part *part)
{
    if (part->size && (part->band_size == 0 || part->band_size > BFS_BAND_SIZE_MAX))
        return false;
    if (part->ops)
        return part->source.file && part->n_scales < SIZE_MAX / 8 && part->n_pieces < SIZE_MAX / 8;
    if (part->scales_from == BFS_PART_NONE)
        return true;
    if (part->scales_from >= stream->list.n_parts)
        return false;
    const struct bfs_part *of = &stream->list.parts[part->scales_from];
    return of->ops && of->ops->prepare && part->size == of->n_scales * sizeof(float);
}

/* Files are few, and the parts of one are neighbours: looking back from the newest finds it at
 * once. */
static int number_sources(struct bfs_stream *stream)
{
    stream->source_of = calloc(stream->list.n_parts + 1, sizeof(*stream->source_of));
    if (!stream->source_of)
        return -ENOMEM;
    for (size_t i = 0; i < stream->list.n_parts; i++) {
        const struct bfs_source_file *file = stream->list.parts[i].source.file;
        stream->source_of[i] = BFS_STREAM_NO_SOURCE;
        if (!stream->list.parts[i].ops)
            continue;
        int number = stream->n_sources - 1;
        while (number >= 0 && stream->sources[number].file != file)
            number--;
        if (number < 0) {
            struct bfs_stream_source *longer =
                reallocarray(stream->sources, (size_t)stream->n_sources + 1, sizeof(*longer));
            if (!longer)
                return -ENOMEM;
            stream->sources = longer;
            number = stream->n_sources++;
            stream->sources[number] = (struct bfs_stream_source){.file = file, .fd = -1};
        }
        stream->source_of[i] = number;
    }
    return 0;
}

int bfs_stream_new(struct bfs_part_list *parts, const struct bfs_stream_options *options,
                   struct bfs_made *ret, struct bfs_error *error)
{
    struct bfs_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        bfs_part_list_done(parts);
        return bfs_fail(error, -ENOMEM, "%.400s: out of memory", options->what);
    }
    *stream = (struct bfs_stream){
        .list = *parts,
        .n_threads = options->n_threads,
        .into = options->measures,
        .n_measures = options->measures ? options->n_measures : 0,
        .left = parts->size,
    };
    *parts = (struct bfs_part_list){0};
    int r = number_sources(stream) == 0
                ? 0
                : bfs_fail(error, -ENOMEM, "%.400s: out of memory", options->what);
    for (size_t i = 0; r == 0 && i < stream->list.n_parts; i++)
        if (!part_is_sound(stream, &stream->list.parts[i]))
            r = bfs_fail(error, -EINVAL, "%.400s: part %zu contradicts itself", options->what, i);
    if (r == 0 && (r = bfs_stream_bound_scales(stream)))
        r = bfs_fail(error, r, "%.400s: %s", options->what,
                     r == -ENOMEM ? "out of memory"
                                  : "its matrices have too many scales at a time; cut the model "
                                    "into more files");
    if (r) {
        stream_free(stream);
        return r;
    }
    ret->ops = &stream_ops;
    ret->context = stream;
    return 0;
}

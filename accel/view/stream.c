/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/stream.h"

#include "codec/parallel.h"

#include <errno.h>
#include <string.h>

enum {
    ITEMS_MAX = 1024,     /* bands of one batch: many small tensors are one batch too */
    BATCH_PER_THREAD = 2, /* bands that each thread gets of a batch, at least */
    NO_SOURCE = -1,
};

/* One band of one part, and where it goes. */
struct item {
    size_t part;
    uint64_t offset; /* in the part */
    size_t size;
    size_t at; /* in the batch's memory */
    struct bfs_measure measure;
};

struct opened {
    const struct bfs_source_file *file;
    int fd;
};

struct stream {
    char *what;
    struct bfs_part_list list;
    int *source_of; /* for each part: number of its source, or NO_SOURCE */
    struct opened *sources;
    int n_sources;
    unsigned n_threads;
    struct bfs_part_scratch *scratches; /* one for each thread */
    struct bfs_measure *measures;       /* of this file */
    struct bfs_measure *into;
    unsigned n_measures;

    uint8_t *memory; /* the batch */
    size_t capacity;
    struct item *items;
    size_t n_items;
    size_t made; /* bytes in the batch */
    size_t given;
    size_t next_part; /* first that is not in a batch yet */
    uint64_t next_offset;
    uint64_t left; /* bytes not given yet */
};

/* Pieces of prepare(), of several parts in a row. */
struct preparation {
    struct stream *stream;
    size_t *parts;
    uint64_t *first; /* number of the part's first piece; one more at the end */
    size_t n;
};

static int out_of_memory(const struct stream *stream, struct bfs_error *error)
{
    return bfs_fail(error, -ENOMEM, "%.400s: out of memory", stream->what);
}

static void close_sources(struct stream *stream)
{
    for (int i = 0; i < stream->n_sources; i++) {
        bfs_cleanup_close(&stream->sources[i].fd);
        stream->sources[i].fd = -1;
    }
}

static void stream_end(void *context)
{
    struct stream *stream = context;
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
    struct stream *stream = context;
    stream_end(stream);
    bfs_part_list_done(&stream->list);
    free(stream->source_of);
    free(stream->sources);
    free(stream->what);
    free(stream);
}

static int stream_begin(void *context, struct bfs_error *error)
{
    struct stream *stream = context;
    stream->scratches = calloc(stream->n_threads, sizeof(*stream->scratches));
    stream->measures = calloc(stream->n_measures + 1, sizeof(*stream->measures));
    stream->items = calloc(ITEMS_MAX, sizeof(*stream->items));
    int r =
        stream->scratches && stream->measures && stream->items ? 0 : out_of_memory(stream, error);
    for (int i = 0; r == 0 && i < stream->n_sources; i++)
        r = bfs_source_file_open(stream->sources[i].file, &stream->sources[i].fd, error);
    if (r)
        stream_end(stream);
    return r;
}

static int fd_of(const struct stream *stream, size_t part)
{
    int source = stream->source_of[part];
    return source == NO_SOURCE ? -1 : stream->sources[source].fd;
}

static bool batch_is_full(const struct stream *stream, size_t size)
{
    size_t enough = (size_t)stream->n_threads * BATCH_PER_THREAD;
    if (stream->n_items == ITEMS_MAX || size > BFS_STREAM_MEMORY - stream->made)
        return true;
    return stream->n_items >= enough && stream->made >= enough * BFS_BAND_SIZE;
}

/* Chooses the bands of the next batch; at least one. */
static void choose_items(struct stream *stream)
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
        stream->items[stream->n_items++] = (struct item){
            .part = stream->next_part,
            .offset = stream->next_offset,
            .size = size,
            .at = stream->made,
        };
        stream->made += size;
        stream->next_offset += size;
    }
}

static int grow_memory(struct stream *stream, struct bfs_error *error)
{
    if (stream->made <= stream->capacity && stream->memory)
        return 0;
    free(stream->memory);
    stream->memory = malloc(stream->made ? stream->made : 1);
    stream->capacity = stream->memory ? stream->made : 0;
    return stream->memory ? 0 : out_of_memory(stream, error);
}

static int prepare_piece(void *context, unsigned worker, uint64_t i, struct bfs_error *error)
{
    const struct preparation *preparation = context;
    struct stream *stream = preparation->stream;
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
static int choose_preparations(struct stream *stream, struct preparation *preparation)
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

static int prepare(struct stream *stream, struct bfs_error *error)
{
    static const struct bfs_parallel_ops ops = {.work = prepare_piece};
    bfs_autofree size_t *parts = calloc(stream->n_items + 1, sizeof(*parts));
    bfs_autofree uint64_t *first = calloc(stream->n_items + 1, sizeof(*first));
    struct preparation preparation = {.stream = stream, .parts = parts, .first = first};
    if (!parts || !first || choose_preparations(stream, &preparation))
        return out_of_memory(stream, error);
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
    struct stream *stream = context;
    struct item *item = &stream->items[i];
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

static int make_batch(struct stream *stream, struct bfs_error *error)
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
    return 0;
}

/* All bytes went out: were they made from what was planned? */
static int finish(struct stream *stream, struct bfs_error *error)
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
    struct stream *stream = context;
    if (size > stream->left)
        return bfs_fail(error, -EINVAL, "%.400s: read beyond its end", stream->what);
    while (size > 0) {
        if (stream->given == stream->made) {
            int r = make_batch(stream, error);
            if (r)
                return bfs_fail_context(error, r, "%.200s", stream->what);
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

static bool part_is_sound(const struct stream *stream, const struct bfs_part *part)
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
static int number_sources(struct stream *stream)
{
    stream->source_of = calloc(stream->list.n_parts + 1, sizeof(*stream->source_of));
    if (!stream->source_of)
        return -ENOMEM;
    for (size_t i = 0; i < stream->list.n_parts; i++) {
        const struct bfs_source_file *file = stream->list.parts[i].source.file;
        stream->source_of[i] = NO_SOURCE;
        if (!stream->list.parts[i].ops)
            continue;
        int number = stream->n_sources - 1;
        while (number >= 0 && stream->sources[number].file != file)
            number--;
        if (number < 0) {
            struct opened *longer =
                reallocarray(stream->sources, (size_t)stream->n_sources + 1, sizeof(*longer));
            if (!longer)
                return -ENOMEM;
            stream->sources = longer;
            number = stream->n_sources++;
            stream->sources[number] = (struct opened){.file = file, .fd = -1};
        }
        stream->source_of[i] = number;
    }
    return 0;
}

int bfs_stream_new(struct bfs_part_list *parts, const struct bfs_stream_options *options,
                   struct bfs_made *ret, struct bfs_error *error)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        bfs_part_list_done(parts);
        return bfs_fail(error, -ENOMEM, "%.400s: out of memory", options->what);
    }
    *stream = (struct stream){
        .what = strdup(options->what),
        .list = *parts,
        .n_threads = options->n_threads,
        .into = options->measures,
        .n_measures = options->measures ? options->n_measures : 0,
        .left = parts->size,
    };
    *parts = (struct bfs_part_list){0};
    int r = stream->what && number_sources(stream) == 0
                ? 0
                : bfs_fail(error, -ENOMEM, "%.400s: out of memory", options->what);
    for (size_t i = 0; r == 0 && i < stream->list.n_parts; i++)
        if (!part_is_sound(stream, &stream->list.parts[i]))
            r = bfs_fail(error, -EINVAL, "%.400s: part %zu contradicts itself", options->what, i);
    if (r) {
        stream_free(stream);
        return r;
    }
    ret->ops = &stream_ops;
    ret->context = stream;
    return 0;
}

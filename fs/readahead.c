/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/readahead.h"

#include "fs/slab.h"

#include <pthread.h>
#include <string.h>

enum {
    N_STREAMS = 16,        /* readers of one file at once that are told apart */
    WINDOW_MIN = 1 << 20,  /* bytes ahead of a new stream */
    REACH_MIN = 8 << 20,   /* bytes of which stored bytes are first asked for */
    NAME_ORDER_STEPS = 2,  /* jumps to the next name before that order is believed */
    JUMPS = 2,             /* jumps to anywhere before no order is believed */
    SLACK = 8,             /* chunks by which readers of one stream are apart */
    PASSED_BY = 2 * SLACK, /* so many beyond, all readers of a stream have passed a chunk */
    PASSED_MAX = 64,       /* chunks that are told at once */
    RECENT = 1024,         /* reads of the file; a stream that had none of them is over */
    CROSSINGS = 2,         /* ends of tensors that a stream passes before file order is believed */
};

struct stream {
    uint32_t next;    /* the chunk after the last one read */
    uint32_t reading; /* the first chunk of the last read, which may be under way */
    uint32_t ahead;   /* all before was prefetched, or was decided not to be */
    uint32_t end;     /* the chunk after the last one of this run of tensors */
    uint32_t asked;   /* stored bytes of all before were asked for */
    unsigned crossed; /* ends of tensors */
    size_t window;    /* bytes; 0: random until it continues */
    size_t reach;     /* bytes beyond the window whose stored bytes are asked for */
    uint32_t again;   /* before the reader is at this chunk, a settled stream plans nothing */
    bool by_name;     /* at its end it goes on at the next tensor by name */
    size_t counted;   /* bytes ahead, in `round` */
    unsigned round;
    uint64_t touched; /* for replacing the least recent */
};

/* Where a tensor's chunks are, by file order; and who follows it by name. */
struct span {
    uint32_t first;
    uint32_t last;
    uint32_t by_name; /* span number; itself for the last name */
};

struct bfs_readahead {
    const struct bfs_chunk_table *table; /* lives as long as the file, which outlives this */
    uint32_t n_chunks;
    struct bfs_readahead_limits *limits;
    struct span *spans;
    uint32_t n_spans;
    pthread_mutex_t mutex;
    struct stream streams[N_STREAMS]; /* protected by mutex, like all below */
    uint64_t clock;
    uint32_t last_span; /* that a stream started at; n_spans: none */
    unsigned name_steps;
    unsigned jumps;
    uint32_t passed; /* all before was left behind by every reader, and was told */
    /* One bit for each chunk that was read: the kernel has it, so decoding it again would be waste,
     * also when the cache has let it go. Forgotten when a tensor is started a second time. */
    uint8_t *seen;
    uint8_t *direct; /* the same of chunks that were read directly; never forgotten */
};

struct named {
    struct bfs_index_tensor tensor;
    uint32_t span;
};

static int by_name(const void *a, const void *b)
{
    const struct bfs_index_tensor *left = &((const struct named *)a)->tensor;
    const struct bfs_index_tensor *right = &((const struct named *)b)->tensor;
    size_t shorter =
        left->name_length < right->name_length ? left->name_length : right->name_length;
    int order = memcmp(left->name, right->name, shorter);
    return order ? order
                 : (left->name_length > right->name_length) -
                       (left->name_length < right->name_length);
}

/* Tensors that share a chunk are one span: reading one reads the other. */
static int map_tensors(struct bfs_readahead *readahead, const struct bfs_file *file)
{
    const struct bfs_index *index = bfs_bundle_index(bfs_file_bundle(file));
    struct bfs_inode inode = bfs_index_inode(index, bfs_file_inode(file));
    bfs_autofree struct named *names = calloc(inode.n_tensors + (size_t)1, sizeof(*names));
    readahead->spans = calloc(inode.n_tensors + (size_t)1, sizeof(*readahead->spans));
    if (!names || !readahead->spans)
        return -ENOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < inode.n_tensors; i++) {
        struct bfs_index_tensor tensor = bfs_index_tensor(index, &inode, i);
        if (tensor.size == 0)
            continue;
        uint32_t first = bfs_chunk_table_find(readahead->table, tensor.offset);
        uint32_t last = bfs_chunk_table_find(readahead->table, tensor.offset + tensor.size - 1);
        if (n > 0 && first <= readahead->spans[n - 1].last) {
            readahead->spans[n - 1].last = last;
            continue;
        }
        names[n] = (struct named){.tensor = tensor, .span = n};
        readahead->spans[n++] = (struct span){.first = first, .last = last};
    }
    qsort(names, n, sizeof(*names), by_name);
    for (uint32_t i = 0; i < n; i++)
        readahead->spans[names[i].span].by_name = names[i + 1 < n ? i + 1 : i].span;
    readahead->n_spans = n;
    readahead->last_span = n;
    return 0;
}

/* Notes how many bytes are ahead of a stream. What is miscounted while a round begins is forgotten
 * with it. */
static void count(struct bfs_readahead_limits *limits, struct stream *stream, size_t bytes)
{
    unsigned round = atomic_load_explicit(&limits->round, memory_order_relaxed);
    if (round - stream->round <= 1 && stream->counted)
        (void)atomic_fetch_sub_explicit(&limits->ahead[stream->round % 2],
                                        (long long)stream->counted, memory_order_relaxed);
    if (bytes)
        (void)atomic_fetch_add_explicit(&limits->ahead[round % 2], (long long)bytes,
                                        memory_order_relaxed);
    stream->round = round;
    stream->counted = bytes;
}

void bfs_readahead_next_round(struct bfs_readahead_limits *limits)
{
    unsigned next = atomic_load(&limits->round) + 1;
    atomic_store(&limits->ahead[next % 2], 0);
    atomic_store(&limits->round, next);
}

static size_t ahead_of(const struct bfs_readahead *readahead, const struct stream *stream)
{
    if (stream->ahead <= stream->next)
        return 0;
    uint64_t from = bfs_chunk_table_at(readahead->table, stream->next).raw_off;
    struct bfs_chunk last = bfs_chunk_table_at(readahead->table, stream->ahead - 1);
    size_t buffers = (stream->ahead - stream->next) * bfs_slab_round(1);
    size_t bytes = (size_t)(last.raw_off + last.raw_size - from);
    return bytes > buffers ? bytes : buffers;
}

/* The widest window of a stream that is at chunk `next`: no more than is left of what all may have
 * ahead, so that many streams get the same each. 0: not even one chunk is left. */
static size_t window_max(const struct bfs_readahead *readahead, uint32_t next)
{
    const struct bfs_readahead_limits *limits = readahead->limits;
    long long ahead = atomic_load_explicit(&limits->ahead[0], memory_order_relaxed) +
                      atomic_load_explicit(&limits->ahead[1], memory_order_relaxed);
    size_t alone = limits->decoded, together = limits->together;
    size_t taken = ahead > 0 ? (size_t)ahead : 0;
    size_t left = taken < together ? together - taken : 0;
    if (left >= alone || next >= readahead->n_chunks)
        return alone;
    return left < bfs_slab_round(bfs_chunk_table_raw_size(readahead->table, next)) ? 0 : left;
}

static size_t seen_size(const struct bfs_readahead *readahead)
{
    return readahead->n_chunks / 8 + (size_t)1;
}

static bool is_seen(const struct bfs_readahead *readahead, uint32_t chunk)
{
    return readahead->seen[chunk / 8] >> chunk % 8 & 1;
}

int bfs_readahead_new(const struct bfs_file *file, struct bfs_readahead_limits *limits,
                      struct bfs_readahead **ret)
{
    BFS_CLEANUP(bfs_readahead_cleanup)
    struct bfs_readahead *readahead = calloc(1, sizeof(*readahead));
    if (!readahead)
        return -ENOMEM;
    (void)pthread_mutex_init(&readahead->mutex, NULL);
    readahead->table = bfs_file_table(file);
    readahead->n_chunks = readahead->table ? bfs_chunk_table_n_chunks(readahead->table) : 0;
    readahead->limits = limits;
    readahead->seen = calloc(seen_size(readahead), 1);
    readahead->direct = calloc(seen_size(readahead), 1);
    if (!readahead->seen || !readahead->direct)
        return -ENOMEM;
    int r = readahead->table ? map_tensors(readahead, file) : 0;
    if (r)
        return r;
    *ret = bfs_steal(&readahead);
    return 0;
}

struct bfs_readahead *bfs_readahead_free(struct bfs_readahead *readahead)
{
    if (readahead) {
        for (unsigned i = 0; i < N_STREAMS; i++)
            count(readahead->limits, &readahead->streams[i], 0);
        free(readahead->spans);
        free(readahead->seen);
        free(readahead->direct);
        (void)pthread_mutex_destroy(&readahead->mutex);
        free(readahead);
    }
    return NULL;
}

/* The span that holds a chunk; n_spans when it is between tensors. */
static uint32_t span_of(const struct bfs_readahead *readahead, uint32_t chunk)
{
    uint32_t low = 0, high = readahead->n_spans;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (readahead->spans[middle].last < chunk)
            low = middle + 1;
        else
            high = middle;
    }
    return low < readahead->n_spans && readahead->spans[low].first <= chunk ? low
                                                                            : readahead->n_spans;
}

static bool goes_by_name(const struct bfs_readahead *readahead)
{
    return readahead->name_steps >= NAME_ORDER_STEPS;
}

/* Notes in which order tensors are started. */
static void learn_order(struct bfs_readahead *readahead, uint32_t span)
{
    uint32_t before = readahead->last_span;
    readahead->last_span = span;
    if (before >= readahead->n_spans || before == span)
        return;
    readahead->jumps = before + 1 == span ? 0 : readahead->jumps + 1;
    if (before + 1 == span)
        return; /* file order looks the same as name order where both agree */
    if (readahead->spans[before].by_name == span)
        readahead->name_steps++;
    else
        readahead->name_steps = 0;
}

static struct stream *find_stream(struct bfs_readahead *readahead, uint32_t first, uint32_t last)
{
    for (unsigned i = 0; i < N_STREAMS; i++) {
        struct stream *stream = &readahead->streams[i];
        /* The chunk before is read again when it was not read to its end. Once a stream runs, the
         * kernel's own requests overtake each other a little. */
        uint32_t slack = stream->window > WINDOW_MIN ? SLACK : 1;
        if (stream->touched && first + slack >= stream->next && first <= stream->next + slack &&
            last + slack >= stream->next)
            return stream;
    }
    return NULL;
}

static size_t narrowest(size_t widest)
{
    return widest < WINDOW_MIN ? widest : WINDOW_MIN;
}

static struct stream *open_stream(struct bfs_readahead *readahead, uint32_t first, size_t widest)
{
    struct stream *stream = &readahead->streams[0];
    for (unsigned i = 1; i < N_STREAMS; i++)
        if (readahead->streams[i].touched < stream->touched)
            stream = &readahead->streams[i];
    uint32_t span = span_of(readahead, first);
    bool at_start =
        first == 0 || (span < readahead->n_spans && readahead->spans[span].first == first);
    if (span < readahead->n_spans && at_start)
        learn_order(readahead, span);
    if (at_start && is_seen(readahead, first))
        memset(readahead->seen, 0, seen_size(readahead)); /* the kernel has dropped it */
    count(readahead->limits, stream, 0);
    *stream = (struct stream){.next = first,
                              .ahead = first,
                              .end = readahead->n_chunks,
                              .window = at_start ? narrowest(widest) : 0};
    if (goes_by_name(readahead) && span < readahead->n_spans) {
        stream->end = readahead->spans[span].last + 1;
        stream->by_name = true;
    } else if (readahead->jumps >= JUMPS && span < readahead->n_spans) {
        stream->end = readahead->spans[span].last + 1;
    }
    return stream;
}

/* The run of up to `bytes` of memory from `first`, not past `end`. */
static struct bfs_readahead_run take_run(const struct bfs_readahead *readahead, uint32_t first,
                                         uint32_t end, size_t bytes)
{
    struct bfs_readahead_run run = {.first = first};
    size_t total = 0;
    while (first + run.n < end && total < bytes) {
        total += bfs_slab_round(bfs_chunk_table_raw_size(readahead->table, first + run.n));
        run.n++;
    }
    return run;
}

/* Without what was read already, at its start or from some chunk on. */
static struct bfs_readahead_run unseen(const struct bfs_readahead *readahead, uint32_t first,
                                       uint32_t end)
{
    while (first < end && is_seen(readahead, first))
        first++;
    struct bfs_readahead_run run = {.first = first};
    while (first + run.n < end && !is_seen(readahead, first + run.n))
        run.n++;
    return run;
}

/* A window that has grown is filled again when half of it is used up, so that workers find many
 * chunks at once: together they are proved faster. */
static bool is_time(const struct stream *stream, size_t widest,
                    const struct bfs_readahead_run *reach)
{
    return stream->window < widest || reach->first + reach->n == stream->end ||
           (stream->ahead - stream->next) * 2 <= reach->n;
}

/* A stream at its full window, which the kernel may read in small pieces: most of its reads need no
 * walk over the chunks of the window. */
static bool is_settled(const struct bfs_readahead *readahead, const struct stream *stream,
                       size_t widest)
{
    return stream->next < stream->again && stream->window == widest &&
           (stream->reach == readahead->limits->stored || readahead->limits->stored == 0);
}

static size_t plan_ahead(struct bfs_readahead *readahead, struct stream *stream, size_t widest,
                         struct bfs_readahead_run ret[static BFS_READAHEAD_RUNS_MAX])
{
    size_t n = 0;
    if (stream->ahead < stream->next)
        stream->ahead = stream->next;
    struct bfs_readahead_run reach = take_run(readahead, stream->next, stream->end, stream->window);
    uint32_t until = reach.first + reach.n;
    if (until > stream->ahead && is_time(stream, widest, &reach)) {
        ret[n] = unseen(readahead, stream->ahead, until);
        n += ret[n].n > 0;
        stream->ahead = until;
    }
    uint32_t sooner = reach.n / 2 + reach.n / 8; /* windows differ in how many chunks they are */
    stream->again = stream->ahead == stream->end ? stream->end
                    : stream->ahead > sooner     ? stream->ahead - sooner
                                                 : 0;
    /* The window reaches past the tensor: on with the next by name, once. */
    if (stream->window && until == stream->end && stream->by_name) {
        uint32_t span = span_of(readahead, stream->end - 1);
        if (span < readahead->n_spans && readahead->spans[span].by_name != span) {
            const struct span *next = &readahead->spans[readahead->spans[span].by_name];
            struct bfs_readahead_run start =
                take_run(readahead, next->first, next->last + 1, narrowest(widest));
            ret[n] = unseen(readahead, start.first, start.first + start.n);
            n += ret[n].n > 0;
            stream->end = readahead->n_chunks; /* only once, and file order if it goes on */
            stream->by_name = false;
            stream->window = narrowest(widest);
        }
    }
    return n;
}

/* Beyond a grown window, when half of what was asked for is used up. */
static void plan_stored(const struct bfs_readahead *readahead, struct stream *stream, size_t widest,
                        struct bfs_readahead_run *ret)
{
    size_t limit = readahead->limits->stored;
    if (stream->window < widest || limit == 0)
        return;
    if (stream->reach == 0 || stream->reach > limit)
        stream->reach = limit < REACH_MIN ? limit : REACH_MIN;
    if (stream->asked < stream->ahead)
        stream->asked = stream->ahead;
    struct bfs_readahead_run reach = take_run(readahead, stream->ahead, stream->end, stream->reach);
    uint32_t until = reach.first + reach.n;
    if (until <= stream->asked || (stream->asked - stream->ahead) * 2 > reach.n)
        return;
    *ret = (struct bfs_readahead_run){.first = stream->asked, .n = until - stream->asked};
    stream->asked = until;
    stream->reach = stream->reach > limit / 2 ? limit : stream->reach * 2;
}

/* A stream that was to end with its tensor went on into the next one. The kernel's own read-ahead
 * does so too, by a request or two, so nothing is decoded ahead there before it goes on. */
static void cross(struct bfs_readahead *readahead, struct stream *stream)
{
    uint32_t span = span_of(readahead, stream->next - 1);
    stream->window = 0;
    stream->again = 0;
    stream->end = readahead->n_chunks;
    if (++stream->crossed >= CROSSINGS)
        readahead->jumps = 0;
    else if (span < readahead->n_spans)
        stream->end = readahead->spans[span].last + 1;
}

/* All chunks before were left behind by everybody who read of late. A read may be as long as
 * PASSED_BY: its own chunks are not. */
static uint32_t left_behind(const struct bfs_readahead *readahead)
{
    uint32_t lowest = readahead->n_chunks;
    for (unsigned i = 0; i < N_STREAMS; i++) {
        const struct stream *stream = &readahead->streams[i];
        uint32_t left = stream->next > PASSED_BY ? stream->next - PASSED_BY : 0;
        bool is_recent = stream->touched && readahead->clock - stream->touched < RECENT;
        if (left > stream->reading)
            left = stream->reading;
        if (is_recent && left < lowest)
            lowest = left;
    }
    return lowest;
}

size_t bfs_readahead_note(struct bfs_readahead *readahead, uint32_t first, uint32_t last,
                          bool is_direct,
                          struct bfs_readahead_run ret[static BFS_READAHEAD_RUNS_MAX],
                          struct bfs_readahead_run *ret_stored)
{
    *ret_stored = (struct bfs_readahead_run){0};
    (void)pthread_mutex_lock(&readahead->mutex);
    size_t widest = window_max(readahead, last + 1);
    struct stream *stream = find_stream(readahead, first, last);
    if (!stream) {
        stream = open_stream(readahead, first, widest);
    } else if (last + 1 > stream->next) {
        size_t wider = stream->window ? stream->window * 2 : WINDOW_MIN;
        wider = wider < widest ? wider : widest;
        if (wider != stream->window)
            stream->again = 0;
        stream->window = wider;
    }
    if (last + 1 > stream->next)
        stream->next = last + 1;
    stream->reading = first;
    if (stream->next > stream->end)
        cross(readahead, stream);
    stream->touched = ++readahead->clock;
    if (readahead->passed > first)
        readahead->passed = first;
    for (uint32_t i = first; i <= last && !is_direct; i++)
        readahead->seen[i / 8] |= (uint8_t)(1U << i % 8);
    size_t n = 0;
    if (stream->window && !is_settled(readahead, stream, widest)) {
        n = plan_ahead(readahead, stream, widest, ret);
        plan_stored(readahead, stream, widest, ret_stored);
    }
    size_t ahead = ahead_of(readahead, stream);
    if (ahead != stream->counted || ahead > 0)
        count(readahead->limits, stream, ahead);
    (void)pthread_mutex_unlock(&readahead->mutex);
    return n;
}

struct bfs_readahead_run bfs_readahead_passed(struct bfs_readahead *readahead)
{
    struct bfs_readahead_run run = {0};
    (void)pthread_mutex_lock(&readahead->mutex);
    uint32_t left = left_behind(readahead);
    if (left > readahead->passed) {
        run.first = readahead->passed;
        run.n = left - readahead->passed;
        run.n = run.n < PASSED_MAX ? run.n : PASSED_MAX;
        readahead->passed += run.n;
    }
    (void)pthread_mutex_unlock(&readahead->mutex);
    return run;
}

uint64_t bfs_readahead_first_read(struct bfs_readahead *readahead, uint32_t first, uint32_t last)
{
    uint64_t bytes = 0;
    (void)pthread_mutex_lock(&readahead->mutex);
    for (uint32_t i = first; i <= last; i++) {
        uint8_t bit = (uint8_t)(1U << i % 8);
        if (!(readahead->direct[i / 8] & bit))
            bytes += bfs_chunk_table_raw_size(readahead->table, i);
        readahead->direct[i / 8] |= bit;
    }
    (void)pthread_mutex_unlock(&readahead->mutex);
    return bytes;
}

bool bfs_readahead_is_late(struct bfs_readahead *readahead, uint32_t chunk)
{
    (void)pthread_mutex_lock(&readahead->mutex);
    bool late = is_seen(readahead, chunk);
    (void)pthread_mutex_unlock(&readahead->mutex);
    return late;
}

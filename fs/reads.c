/* SPDX-License-Identifier: Apache-2.0
 * A read waits for its chunks without holding a thread: each chunk that arrives is counted down,
 * and who brings the last one answers. Reads whose chunks together exceed half of the cache wait in
 * line, so that the memory in use stays within the budget; reads of decoded chunks never wait, so a
 * store that hangs does not keep others from what is in memory. */
#include "fs/reads.h"

#include "fs/slab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>

enum {
    IOV_SEGMENTS_MAX = 256, /* beyond this many small chunks, copying is cheaper */
    PREFETCH_MAX = 64,      /* chunks that are given to the workers at once */
};

struct bfs_read;

/* One chunk of a read. */
struct part {
    struct bfs_waiter waiter;
    struct bfs_read *read;
    struct bfs_block *block; /* a reference, once it is there */
};

struct bfs_read {
    struct bfs_call call;
    struct bfs_reads *reads;
    struct bfs_open_file *open; /* a reference */
    uint64_t offset;
    size_t size;
    uint32_t first; /* chunk */
    uint32_t n_parts;
    size_t cost;   /* memory of all its chunks */
    uint64_t news; /* bytes that count as read, when they were not before */
    bool is_direct;
    bool is_delivered; /* the kernel took the answer */
    atomic_uint n_missing;
    atomic_int status;
    struct bfs_read *next; /* in line */
    struct part parts[];
};

struct bfs_reads {
    struct bfs_cache *cache;
    struct bfs_calls *calls;
    struct bfs_files *files;
    struct bfs_backing *backing;
    struct bfs_metrics *metrics;
    struct bfs_advice *advice; /* NULL: none */
    struct bfs_trace *trace;   /* NULL: none */
    struct bfs_replay *replay; /* NULL: it is off */
    pthread_mutex_t mutex;
    size_t admitted; /* protected by mutex, like all below */
    struct bfs_read *first, **last;
};

int bfs_reads_new(struct bfs_cache *cache, struct bfs_calls *calls, struct bfs_files *files,
                  struct bfs_backing *backing, struct bfs_metrics *metrics, struct bfs_reads **ret)
{
    struct bfs_reads *reads = calloc(1, sizeof(*reads));
    if (!reads)
        return -ENOMEM;
    *reads = (struct bfs_reads){
        .cache = cache, .calls = calls, .files = files, .backing = backing, .metrics = metrics};
    reads->last = &reads->first;
    (void)pthread_mutex_init(&reads->mutex, NULL);
    *ret = reads;
    return 0;
}

struct bfs_reads *bfs_reads_free(struct bfs_reads *reads)
{
    if (reads) {
        (void)pthread_mutex_destroy(&reads->mutex);
        free(reads);
    }
    return NULL;
}

void bfs_reads_watch(struct bfs_reads *reads, struct bfs_advice *advice, struct bfs_trace *trace,
                     struct bfs_replay *replay)
{
    reads->advice = advice;
    reads->trace = trace;
    reads->replay = replay;
}

/* The bytes of one chunk that the read wants. */
static struct iovec wanted(const struct bfs_read *read, uint32_t i)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(read->open->file), read->first + i);
    uint64_t from = read->offset > chunk.raw_off ? read->offset - chunk.raw_off : 0;
    uint64_t end = read->offset + read->size - chunk.raw_off;
    if (end > chunk.raw_size)
        end = chunk.raw_size;
    /* The reply only reads; iovec has no const. */
    return (struct iovec){.iov_base =
                              (void *)(uintptr_t)(bfs_block_bytes(read->parts[i].block) + from),
                          .iov_len = (size_t)(end - from)};
}

static int reply_segments(const struct bfs_read *read)
{
    struct iovec segments[IOV_SEGMENTS_MAX];
    for (uint32_t i = 0; i < read->n_parts; i++)
        segments[i] = wanted(read, i);
    return fuse_reply_iov(read->call.request, segments, (int)read->n_parts);
}

static int reply_copy(const struct bfs_read *read)
{
    bfs_autofree char *copy = malloc(read->size);
    if (!copy) {
        (void)fuse_reply_err(read->call.request, ENOMEM);
        return -ENOMEM;
    }
    size_t done = 0;
    for (uint32_t i = 0; i < read->n_parts; i++) {
        struct iovec segment = wanted(read, i);
        memcpy(copy + done, segment.iov_base, segment.iov_len);
        done += segment.iov_len;
    }
    return fuse_reply_buf(read->call.request, copy, read->size);
}

static void reply(struct bfs_read *read)
{
    int status = atomic_load(&read->status);
    if (status) {
        bfs_metric_add(read->reads->metrics, BFS_METRIC_READ_ERRORS, 1);
        (void)fuse_reply_err(read->call.request, status == -ENOMEM ? ENOMEM : EIO);
        return;
    }
    bfs_metric_add(read->reads->metrics, BFS_METRIC_READ_BYTES, read->size);
    /* First: who has the answer may open the file again at once. */
    bfs_backing_note_read(read->reads->backing, read->open->node, read->news);
    int sent = read->n_parts <= IOV_SEGMENTS_MAX ? reply_segments(read) : reply_copy(read);
    read->is_delivered = sent == 0;
}

static void leave(struct bfs_reads *reads, size_t cost)
{
    (void)pthread_mutex_lock(&reads->mutex);
    reads->admitted -= cost;
    (void)pthread_mutex_unlock(&reads->mutex);
}

/* With the mutex held. What is admitted is half of the cache at most, as large as it is now. */
static bool fits(const struct bfs_reads *reads, const struct bfs_read *read)
{
    return reads->admitted == 0 ||
           reads->admitted + read->cost <= bfs_cache_limit_now(reads->cache) / 2;
}

static struct bfs_read *admit_next(struct bfs_reads *reads)
{
    (void)pthread_mutex_lock(&reads->mutex);
    struct bfs_read *read = reads->first;
    if (read && fits(reads, read)) {
        reads->first = read->next;
        if (!reads->first)
            reads->last = &reads->first;
        reads->admitted += read->cost;
    } else {
        read = NULL;
    }
    (void)pthread_mutex_unlock(&reads->mutex);
    return read;
}

static void put_blocks(struct bfs_read *read)
{
    for (uint32_t i = 0; i < read->n_parts; i++) {
        struct bfs_block *block = read->parts[i].block;
        if (block && read->is_delivered)
            bfs_backing_offer(read->reads->backing, read->open->node, read->first + i, block);
        if (block && read->is_delivered && !read->is_direct)
            bfs_cache_put_delivered(read->reads->cache, block, wanted(read, i).iov_len);
        else if (block)
            bfs_cache_put(read->reads->cache, block);
        read->parts[i].block = NULL;
    }
}

static void free_read(struct bfs_read *read)
{
    put_blocks(read);
    bfs_files_unref(read->reads->files, read->open);
    free(read);
}

static void finish(struct bfs_read *read)
{
    struct bfs_reads *reads = read->reads;
    size_t cost = read->cost;
    if (bfs_call_claim(reads->calls, &read->call))
        reply(read);
    free_read(read);
    leave(reads, cost);
}

/* True when that was the last one: the read is finished, and another may be admitted. */
static bool count_down(struct bfs_read *read)
{
    if (atomic_fetch_sub(&read->n_missing, 1) != 1)
        return false;
    finish(read);
    return true;
}

static bool begin(struct bfs_read *read);

static void admit_all(struct bfs_reads *reads)
{
    for (struct bfs_read *next; (next = admit_next(reads));)
        (void)begin(next);
}

static void part_done(struct bfs_waiter *waiter, int status, struct bfs_block *block)
{
    struct part *part = (struct part *)((char *)waiter - offsetof(struct part, waiter));
    struct bfs_reads *reads = part->read->reads;
    part->block = block;
    if (status)
        atomic_store(&part->read->status, status);
    if (count_down(part->read))
        admit_all(reads);
}

static bool is_needed(const struct bfs_waiter *waiter)
{
    const struct part *part =
        (const struct part *)((const char *)waiter - offsetof(struct part, waiter));
    return !bfs_call_is_answered(part->read->reads->calls, &part->read->call);
}

/* One more than there are parts is missing until all are asked for. True when it is finished. */
static bool begin(struct bfs_read *read)
{
    if (bfs_call_is_answered(read->reads->calls, &read->call)) {
        finish(read);
        return true;
    }
    atomic_store(&read->n_missing, read->n_parts + 1);
    for (uint32_t i = 0; i < read->n_parts; i++) {
        struct part *part = &read->parts[i];
        struct bfs_block *block = NULL;
        part->read = read;
        part->waiter.done = part_done;
        part->waiter.is_needed = is_needed;
        int r = bfs_cache_get(read->reads->cache, read->open->file, read->first + i, &part->waiter,
                              &block);
        if (r == 0)
            continue; /* part_done() is called, perhaps already */
        part->block = block;
        if (r < 0)
            atomic_store(&read->status, r);
        (void)count_down(read); /* not the last */
    }
    return count_down(read);
}

/* Answers from memory alone; false when any chunk is missing. */
static bool answer_decoded(struct bfs_read *read)
{
    const struct bfs_chunk_table *table = bfs_file_table(read->open->file);
    for (uint32_t i = 0; i < read->n_parts; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, read->first + i);
        read->parts[i].block = bfs_cache_peek(read->reads->cache, &chunk);
        if (!read->parts[i].block) {
            put_blocks(read);
            return false;
        }
    }
    bfs_metric_add(read->reads->metrics, BFS_METRIC_CACHE_HITS, read->n_parts);
    reply(read);
    free_read(read);
    return true;
}

static void look_ahead(struct bfs_reads *reads, struct bfs_open_file *open,
                       const struct bfs_readahead_run *runs, size_t n)
{
    uint32_t chunks[PREFETCH_MAX];
    size_t n_chunks = 0;
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < runs[i].n; k++) {
            if (bfs_readahead_is_late(open->readahead, runs[i].first + k))
                continue;
            chunks[n_chunks++] = runs[i].first + k;
            if (n_chunks == PREFETCH_MAX) {
                bfs_cache_prefetch(reads->cache, open->file, chunks, n_chunks, BFS_PRIORITY_AHEAD);
                n_chunks = 0;
            }
        }
    bfs_cache_prefetch(reads->cache, open->file, chunks, n_chunks, BFS_PRIORITY_AHEAD);
}

static void enter(struct bfs_reads *reads, struct bfs_read *read)
{
    (void)pthread_mutex_lock(&reads->mutex);
    bool enters = !reads->first && fits(reads, read);
    if (enters) {
        reads->admitted += read->cost;
    } else {
        *reads->last = read;
        reads->last = &read->next;
    }
    (void)pthread_mutex_unlock(&reads->mutex);
    if (enters && begin(read))
        admit_all(reads);
}

/* The memory that the chunks take, or 0 when it is more than all of the cache: a table may cut a
 * file into millions of chunks, each of which takes a whole buffer. A few chunks are always taken:
 * the largest outgrow a small cache, and demand may do so one read at a time. */
static size_t cost_of(const struct bfs_reads *reads, const struct bfs_chunk_table *table,
                      uint32_t first, uint32_t last)
{
    enum { FEW = 4 };
    size_t cost = 0, limit = bfs_cache_limit_now(reads->cache);
    for (uint32_t i = first; i <= last; i++) {
        cost += bfs_slab_round(bfs_chunk_table_raw_size(table, i));
        if (cost > limit && i - first >= FEW)
            return 0;
    }
    return cost;
}

void bfs_reads_start(struct bfs_reads *reads, fuse_req_t request, struct bfs_open_file *open,
                     uint64_t offset, size_t size, bool is_direct)
{
    bfs_metric_add(reads->metrics, BFS_METRIC_READ_REQUESTS, 1);
    uint64_t file_size = bfs_file_size(open->file);
    if (offset >= file_size || size == 0) {
        (void)fuse_reply_buf(request, NULL, 0);
        return;
    }
    if (size > file_size - offset)
        size = (size_t)(file_size - offset);
    const struct bfs_chunk_table *table = bfs_file_table(open->file);
    uint32_t first = bfs_chunk_table_find(table, offset);
    uint32_t last = bfs_chunk_table_find(table, offset + size - 1);
    size_t cost = cost_of(reads, table, first, last);
    if (cost == 0) {
        bfs_metric_add(reads->metrics, BFS_METRIC_READ_ERRORS, 1);
        (void)fuse_reply_err(request, EIO);
        return;
    }
    uint32_t n = last - first + 1;
    struct bfs_read *read = calloc(1, sizeof(*read) + n * sizeof(read->parts[0]));
    if (!read) {
        (void)fuse_reply_err(request, ENOMEM);
        return;
    }
    *read = (struct bfs_read){.call = {.request = request},
                              .reads = reads,
                              .open = bfs_files_ref(reads->files, open),
                              .offset = offset,
                              .size = size,
                              .first = first,
                              .n_parts = n,
                              .cost = cost,
                              .news = size,
                              .is_direct = is_direct};
    /* Once answered, the kernel may release the handle in another thread. */
    (void)bfs_files_ref(reads->files, open);
    /* Noted before it is answered: from then on others must not decode these chunks ahead. */
    struct bfs_readahead_run runs[BFS_READAHEAD_RUNS_MAX];
    struct bfs_readahead_run stored;
    size_t n_runs = bfs_readahead_note(open->readahead, first, last, is_direct, runs, &stored);
    if (reads->trace)
        bfs_trace_note(reads->trace, open->file, first, last);
    if (is_direct) {
        /* The kernel asks for it again for every reader. */
        read->news = bfs_readahead_first_read(open->readahead, first, last);
        struct bfs_readahead_run passed = bfs_readahead_passed(open->readahead);
        bfs_cache_let_go(reads->cache, open->file, passed.first, passed.n);
    }
    if (!answer_decoded(read)) {
        bfs_call_start(reads->calls, &read->call, request);
        enter(reads, read);
    }
    if (!reads->replay || !bfs_replay_note(reads->replay, open, offset, offset + size)) {
        look_ahead(reads, open, runs, n_runs);
        if (reads->advice && stored.n > 0)
            bfs_advice_ask(reads->advice, open->file, stored.first, stored.n);
    }
    bfs_files_unref(reads->files, open);
}

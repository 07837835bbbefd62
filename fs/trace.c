/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/trace.h"

#include "codec/trace/trace_text.h"
#include "fs/clock.h"
#include "fs/thread.h"
#include "fs/trace_writer.h"
#include "verify/json.h"
#include "verify/utf8.h"

#include <limits.h>
#include <string.h>
#include <time.h>

enum {
    RING_SIZE = 8192, /* 8 GB of requests of 1 MiB between two rounds of the thread */
    ROUND_MS = 50,
    N_BUCKETS = 4096,
};

struct note {
    struct bfs_file *file; /* a reference */
    uint32_t first, last;
    uint64_t ms;
};

/* What was touched of one file; the thread's alone. */
struct traced {
    struct bfs_digest bundle;
    uint32_t inode;
    char *path; /* NULL: its name is not UTF-8, which JSON cannot hold */
    struct traced *next;
    uint8_t touched[]; /* one bit for each chunk */
};

struct bfs_trace {
    struct bfs_trace_writer *writer; /* the thread's alone, once it runs */
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    pthread_t thread;
    bool has_thread;
    uint64_t started_ms;
    struct traced *buckets[N_BUCKETS];
    size_t n_files;
    bool failed;

    pthread_mutex_t mutex;
    pthread_cond_t stopped;
    struct note *ring; /* protected by mutex, like all below */
    size_t n_notes;
    bool stopping;
};

void bfs_trace_note(struct bfs_trace *trace, struct bfs_file *file, uint32_t first, uint32_t last)
{
    uint64_t now = bfs_now_ms();
    (void)pthread_mutex_lock(&trace->mutex);
    bool fits = trace->n_notes < RING_SIZE;
    if (fits)
        trace->ring[trace->n_notes++] =
            (struct note){bfs_file_ref(file), first, last, now - trace->started_ms};
    (void)pthread_mutex_unlock(&trace->mutex);
    if (!fits)
        bfs_metric_add(trace->metrics, BFS_METRIC_TRACE_LOST, 1);
}

static bool is_utf8(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = bfs_utf8_sequence(text, left);
        if (length == 0)
            return false;
        text += length;
        left -= length;
    }
    return true;
}

/* NULL: no memory, or too many files. */
static struct traced *traced_of(struct bfs_trace *trace, const struct bfs_file *file)
{
    const struct bfs_bundle *bundle = bfs_file_bundle(file);
    const struct bfs_digest *id = bfs_bundle_id(bundle);
    uint32_t inode = bfs_file_inode(file);
    struct traced **bucket = &trace->buckets[(id->bytes[0] * 257u + inode) % N_BUCKETS];
    struct traced *traced = *bucket;
    while (traced && !(traced->inode == inode && bfs_digest_equal(&traced->bundle, id)))
        traced = traced->next;
    if (traced || trace->n_files == BFS_TRACE_FILES_MAX)
        return traced;
    traced =
        calloc(1, sizeof(*traced) + bfs_chunk_table_n_chunks(bfs_file_table(file)) / 8 + (size_t)1);
    if (!traced)
        return NULL;
    traced->bundle = *id;
    traced->inode = inode;
    traced->path = bfs_index_path(bfs_bundle_index(bundle), inode);
    if (traced->path && !is_utf8(traced->path)) {
        free(traced->path);
        traced->path = NULL;
    }
    traced->next = *bucket;
    *bucket = traced;
    trace->n_files++;
    return traced;
}

static void put_line(const struct traced *traced, const struct note *note, struct bfs_buffer *ret)
{
    const struct bfs_chunk_table *table = bfs_file_table(note->file);
    struct bfs_chunk last = bfs_chunk_table_at(table, note->last);
    uint64_t offset = bfs_chunk_table_at(table, note->first).raw_off;
    uint64_t end = last.raw_off + last.raw_size;
    char digest[BFS_DIGEST_TEXT_SIZE];
    const struct bfs_index *index = bfs_bundle_index(bfs_file_bundle(note->file));
    struct bfs_inode inode = bfs_index_inode(index, bfs_file_inode(note->file));
    struct bfs_index_tensor tensor;
    int status = 0;
    bfs_autojson struct json_object *line = bfs_json_new_object(&status);
    bfs_json_add_integer(line, "ms", note->ms, &status);
    bfs_json_add_string(line, "bundle", bfs_digest_text(&traced->bundle, digest), &status);
    bfs_json_add_string(line, "path", traced->path, &status);
    bfs_json_add_integer(line, "offset", offset, &status);
    bfs_json_add_integer(line, "size", end - offset, &status);
    if (bfs_index_tensor_in(index, &inode, offset, end, &tensor)) {
        bfs_autofree char *name = strndup(tensor.name, tensor.name_length);
        if (name && is_utf8(name))
            bfs_json_add_string(line, "tensor", name, &status);
    }
    if (status == 0)
        bfs_json_write_line(line, ret);
}

/* The runs of chunks in the note that were not touched before. */
static void put_note(struct bfs_trace *trace, const struct note *note, struct bfs_buffer *ret)
{
    struct traced *traced = traced_of(trace, note->file);
    if (!traced || !traced->path)
        return;
    struct note run = *note;
    for (uint32_t i = note->first; i <= note->last; i = run.last + 1) {
        run.first = i;
        run.last = i;
        if (traced->touched[i / 8] >> i % 8 & 1)
            continue;
        while (run.last < note->last &&
               !(traced->touched[(run.last + 1) / 8] >> (run.last + 1) % 8 & 1))
            run.last++;
        for (uint32_t k = run.first; k <= run.last; k++)
            traced->touched[k / 8] |= (uint8_t)(1U << k % 8);
        put_line(traced, &run, ret);
    }
}

/* Writes n notes, those that continue each other as one, and drops their references. */
static void write_notes(struct bfs_trace *trace, struct note *notes, size_t n)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    for (size_t i = 0, k; i < n; i = k) {
        struct note note = notes[i];
        for (k = i + 1; k < n && notes[k].file == note.file && notes[k].first >= note.first &&
                        notes[k].first <= note.last + 1;
             k++)
            if (note.last < notes[k].last)
                note.last = notes[k].last;
        put_note(trace, &note, &text);
    }
    int r = bfs_buffer_status(&text);
    if (r == 0 && text.size > 0 && !trace->failed)
        r = bfs_trace_writer_add(trace->writer, text.bytes, text.size);
    if (r && !trace->failed) {
        bfs_log(trace->log, BFS_LOG_WARNING, "trace: cannot write: %s; nothing more is traced",
                strerror(-r));
        trace->failed = true;
    }
    for (size_t i = 0; i < n; i++) /* last: it may wait for the store */
        (void)bfs_file_unref(notes[i].file);
}

static void wait_for_notes(struct bfs_trace *trace)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    if (!trace->stopping)
        (void)pthread_cond_timedwait(&trace->stopped, &trace->mutex, &until);
}

static void *run_trace(void *argument)
{
    struct bfs_trace *trace = argument;
    struct note *spare = calloc(RING_SIZE, sizeof(*spare));
    (void)pthread_mutex_lock(&trace->mutex);
    while (spare && !(trace->stopping && trace->n_notes == 0)) {
        wait_for_notes(trace);
        struct note *notes = trace->ring;
        size_t n = trace->n_notes;
        trace->ring = spare;
        trace->n_notes = 0;
        spare = notes;
        (void)pthread_mutex_unlock(&trace->mutex);
        write_notes(trace, notes, n);
        (void)pthread_mutex_lock(&trace->mutex);
    }
    (void)pthread_mutex_unlock(&trace->mutex);
    free(spare);
    return NULL;
}

bool bfs_trace_stop(struct bfs_trace *trace, unsigned timeout_ms)
{
    if (!trace->has_thread)
        return true;
    (void)pthread_mutex_lock(&trace->mutex);
    trace->stopping = true;
    (void)pthread_cond_signal(&trace->stopped);
    (void)pthread_mutex_unlock(&trace->mutex);
    if (!bfs_thread_join(trace->thread, timeout_ms))
        return false;
    trace->has_thread = false;
    return true;
}

void bfs_trace_leave(struct bfs_trace *trace)
{
    (void)pthread_detach(trace->thread);
}

struct bfs_trace *bfs_trace_free(struct bfs_trace *trace)
{
    if (!trace)
        return NULL;
    (void)bfs_trace_stop(trace, UINT_MAX);
    for (size_t i = 0; i < trace->n_notes; i++)
        (void)bfs_file_unref(trace->ring[i].file);
    for (size_t i = 0; i < N_BUCKETS; i++)
        while (trace->buckets[i]) {
            struct traced *traced = trace->buckets[i];
            trace->buckets[i] = traced->next;
            free(traced->path);
            free(traced);
        }
    (void)bfs_trace_writer_free(trace->writer);
    (void)pthread_mutex_destroy(&trace->mutex);
    (void)pthread_cond_destroy(&trace->stopped);
    free(trace->ring);
    free(trace);
    return NULL;
}

int bfs_trace_new(const char *path, struct bfs_metrics *metrics, const struct bfs_log *log,
                  struct bfs_trace **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_trace_cleanup) struct bfs_trace *trace = calloc(1, sizeof(*trace));
    if (!trace)
        return bfs_fail(error, -ENOMEM, "out of memory");
    trace->metrics = metrics;
    trace->log = log;
    trace->started_ms = bfs_now_ms();
    (void)pthread_mutex_init(&trace->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&trace->stopped, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    int r = bfs_trace_writer_open(path, &trace->writer, error);
    if (r)
        return r;
    trace->ring = calloc(RING_SIZE, sizeof(*trace->ring));
    if (!trace->ring)
        return bfs_fail(error, -ENOMEM, "out of memory");
    r = bfs_thread_start(&trace->thread, run_trace, trace);
    if (r)
        return bfs_fail(error, r, "trace: cannot start a thread: %s", strerror(-r));
    trace->has_thread = true;
    *ret = bfs_steal(&trace);
    return 0;
}

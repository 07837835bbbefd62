/* SPDX-License-Identifier: Apache-2.0
 * Positions are raw bytes along the trace of one bundle, all its steps laid end to end. */
#include "fs/replay.h"

#include "fs/advice.h"
#include "fs/clock.h"
#include "fs/node.h"
#include "fs/thread.h"
#include "fs/trace_read.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    ROUND_MS = 1000,
    IDLE_MS = 60 * 1000, /* without a read, its files are let go */
    PREFETCH_MAX = 64,
    STEPS_NEAR = 256, /* reads overtake each other: a read is looked for so far along the trace */
};

/* One file of the trace. */
struct bfs_replay_file {
    struct track *track;
    const char *path;           /* the trace's */
    struct bfs_open_file *open; /* a reference while its track runs; the thread's alone */
    bool cannot;                /* be opened; the thread's alone */
};

struct step {
    struct bfs_replay_file *file;
    uint64_t offset, size;
    uint64_t position;
};

/* The trace of one bundle. */
struct track {
    const struct bfs_digest *bundle; /* the trace's */
    struct step *steps;
    uint32_t n_steps;
    uint64_t size;
    uint32_t slot; /* protected by the replay's mutex, like all below */
    bool running;
    uint32_t near;   /* the furthest step that was read */
    uint64_t at;     /* the furthest position that was read */
    uint64_t asked;  /* decoding was asked for up to there */
    uint64_t stored; /* stored bytes were asked for up to there */
    uint64_t moved_ms;
};

struct bfs_replay {
    struct bfs_bundles *bundles;
    struct bfs_files *files;
    struct bfs_cache *cache;
    struct bfs_metrics *metrics;
    uint64_t window, stored_window;
    struct bfs_trace_steps trace;
    struct bfs_replay_file *traced; /* as many as the trace has files */
    struct track *tracks;
    size_t n_tracks;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool stopping; /* protected by mutex */
    bool is_news;  /* likewise: something is to be asked for */
};

static struct track *track_of(const struct bfs_replay *replay, const struct bfs_digest *bundle)
{
    for (size_t i = 0; i < replay->n_tracks; i++)
        if (bfs_digest_equal(replay->tracks[i].bundle, bundle))
            return &replay->tracks[i];
    return NULL;
}

/* Sorts the steps of the trace to their bundles' tracks. */
static int lay_tracks(struct bfs_replay *replay)
{
    const struct bfs_trace_steps *trace = &replay->trace;
    replay->traced = calloc(trace->n_files + 1, sizeof(*replay->traced));
    replay->tracks = calloc(trace->n_files + 1, sizeof(*replay->tracks));
    if (!replay->traced || !replay->tracks)
        return -ENOMEM;
    for (size_t i = 0; i < trace->n_files; i++) {
        struct track *track = track_of(replay, &trace->files[i].bundle);
        if (!track) {
            track = &replay->tracks[replay->n_tracks++];
            track->bundle = &trace->files[i].bundle;
        }
        replay->traced[i] = (struct bfs_replay_file){.track = track, .path = trace->files[i].path};
    }
    for (size_t i = 0; i < trace->n_steps; i++)
        replay->traced[trace->steps[i].file].track->n_steps++;
    for (size_t i = 0; i < replay->n_tracks; i++) {
        struct track *track = &replay->tracks[i];
        track->steps = calloc(track->n_steps + (size_t)1, sizeof(*track->steps));
        if (!track->steps)
            return -ENOMEM;
        track->n_steps = 0;
    }
    for (size_t i = 0; i < trace->n_steps; i++) {
        const struct bfs_trace_step *from = &trace->steps[i];
        struct track *track = replay->traced[from->file].track;
        track->steps[track->n_steps++] =
            (struct step){&replay->traced[from->file], from->offset, from->size, track->size};
        track->size += from->size; /* 2^20 steps below 2^53 may wrap: then the track ends early */
    }
    return 0;
}

void bfs_replay_opened(struct bfs_replay *replay, struct bfs_open_file *open)
{
    const struct bfs_bundle *bundle = bfs_file_bundle(open->file);
    struct track *track = track_of(replay, bfs_bundle_id(bundle));
    if (!track)
        return;
    bfs_autofree char *path = bfs_index_path(bfs_bundle_index(bundle), bfs_file_inode(open->file));
    struct bfs_replay_file *file = NULL;
    for (size_t i = 0; path && !file && i < replay->trace.n_files; i++)
        if (replay->traced[i].track == track && strcmp(replay->traced[i].path, path) == 0)
            file = &replay->traced[i];
    if (!file)
        return;
    atomic_store(&open->replay, file);
    (void)pthread_mutex_lock(&replay->mutex);
    if (!track->running && track->steps[0].file == file) {
        track->slot = bfs_node_slot(open->node);
        track->running = true;
        track->near = 0;
        track->at = track->asked = track->stored = 0;
        track->moved_ms = bfs_now_ms();
        replay->is_news = true;
        (void)pthread_cond_signal(&replay->moved);
    }
    (void)pthread_mutex_unlock(&replay->mutex);
}

bool bfs_replay_note(struct bfs_replay *replay, const struct bfs_open_file *open, uint64_t offset,
                     uint64_t end)
{
    const struct bfs_replay_file *file = atomic_load(&open->replay);
    bool follows = false;
    if (!file)
        return false;
    struct track *track = file->track;
    (void)pthread_mutex_lock(&replay->mutex);
    uint32_t limit = track->running ? track->near + STEPS_NEAR : 0;
    for (uint32_t i = track->near; i < limit && i < track->n_steps; i++) {
        const struct step *step = &track->steps[i];
        if (step->file != file || offset < step->offset || offset - step->offset >= step->size)
            continue;
        uint64_t reached = end - step->offset < step->size ? end - step->offset : step->size;
        track->near = i;
        if (track->at < step->position + reached)
            track->at = step->position + reached;
        track->moved_ms = bfs_now_ms();
        follows = true;
        break;
    }
    /* By halves, so that workers find many chunks at once. */
    if (track->running && track->at + replay->window / 2 >= track->asked && !replay->is_news) {
        replay->is_news = true;
        (void)pthread_cond_signal(&replay->moved);
    }
    (void)pthread_mutex_unlock(&replay->mutex);
    return follows;
}

/* The file of a step, opened if need be; NULL: it cannot be. */
static struct bfs_open_file *open_file(struct bfs_replay *replay, struct bfs_replay_file *file,
                                       uint32_t slot)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct bfs_error error = {0};
    uint32_t inode;
    if (file->open || file->cannot)
        return file->open;
    file->cannot = true;
    if (bfs_bundles_get(replay->bundles, slot, true, &bundle) ||
        !bfs_digest_equal(bfs_bundle_id(bundle), file->track->bundle) ||
        bfs_index_resolve(bfs_bundle_index(bundle), file->path, &inode) ||
        !S_ISREG(bfs_index_inode(bfs_bundle_index(bundle), inode).mode))
        return NULL;
    uint64_t node = bfs_node_of(slot, inode);
    file->open = bfs_files_find(replay->files, node);
    if (!file->open && bfs_files_open(replay->files, node, bundle, inode, &file->open, &error))
        return NULL; /* who opens it is told */
    file->cannot = false;
    atomic_store(&file->open->replay, file);
    return file->open;
}

/* The chunks of a file that have bytes in [from, end); false when there are none. */
static bool chunks_in(const struct bfs_file *file, uint64_t from, uint64_t end, uint32_t *ret_first,
                      uint32_t *ret_last)
{
    const struct bfs_chunk_table *table = bfs_file_table(file);
    if (end > bfs_file_size(file))
        end = bfs_file_size(file);
    if (!table || from >= end)
        return false;
    *ret_first = bfs_chunk_table_find(table, from);
    *ret_last = bfs_chunk_table_find(table, end - 1);
    return true;
}

static void ask_decoded(struct bfs_replay *replay, const struct bfs_open_file *open, uint64_t from,
                        uint64_t end)
{
    uint32_t chunks[PREFETCH_MAX], first, last;
    size_t n = 0;
    if (!chunks_in(open->file, from, end, &first, &last))
        return;
    for (uint32_t i = first; i <= last; i++) {
        if (!bfs_readahead_is_late(open->readahead, i))
            chunks[n++] = i;
        if (n == PREFETCH_MAX || i == last) {
            bfs_cache_prefetch(replay->cache, open->file, chunks, n);
            bfs_metric_add(replay->metrics, BFS_METRIC_REPLAY_CHUNKS, n);
            n = 0;
        }
    }
}

static void ask_stored(const struct bfs_open_file *open, uint64_t from, uint64_t end)
{
    uint32_t first, last;
    if (chunks_in(open->file, from, end, &first, &last))
        bfs_advice_ask_now(open->file, first, last - first + 1);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What is to be asked for next: a part of one step. */
struct wish {
    struct step *step;
    uint64_t from, end; /* of the file */
    bool is_stored;
};

/* The next wish, which is then taken to be granted; false: there is none. With the mutex held. */
static bool next_wish(const struct bfs_replay *replay, struct track *track, uint32_t *step,
                      struct wish *ret)
{
    uint64_t decoded_until = track->at + replay->window;
    uint64_t stored_until = decoded_until + replay->stored_window;
    track->asked = later(track->asked, track->at); /* what was passed needs no asking */
    track->stored = later(track->stored, track->asked);
    bool is_stored = track->asked >= decoded_until || track->asked >= track->size;
    uint64_t *mark = is_stored ? &track->stored : &track->asked;
    uint64_t until = is_stored ? stored_until : decoded_until;
    if (*mark >= until || *mark >= track->size)
        return false;
    while (*step + 1 < track->n_steps && track->steps[*step + 1].position <= *mark)
        ++*step;
    while (*step > 0 && track->steps[*step].position > *mark)
        --*step;
    ret->step = &track->steps[*step];
    ret->from = ret->step->offset + (*mark - ret->step->position);
    ret->end = ret->step->offset + ret->step->size;
    if (ret->end - ret->from > until - *mark)
        ret->end = ret->from + (until - *mark);
    ret->is_stored = is_stored;
    *mark += ret->end - ret->from;
    return true;
}

static void let_go(struct bfs_replay *replay, struct track *track)
{
    for (size_t i = 0; i < replay->trace.n_files; i++) {
        struct bfs_replay_file *file = &replay->traced[i];
        if (file->track != track)
            continue;
        if (file->open)
            bfs_files_unref(replay->files, file->open);
        file->open = NULL;
        file->cannot = false;
    }
}

/* With the mutex held on entry and exit. */
static void advance(struct bfs_replay *replay, struct track *track)
{
    struct wish wish;
    uint32_t step = track->near;
    while (!replay->stopping && track->running && next_wish(replay, track, &step, &wish)) {
        uint32_t slot = track->slot;
        (void)pthread_mutex_unlock(&replay->mutex);
        const struct bfs_open_file *open = open_file(replay, wish.step->file, slot);
        if (open && wish.is_stored)
            ask_stored(open, wish.from, wish.end);
        else if (open)
            ask_decoded(replay, open, wish.from, wish.end);
        (void)pthread_mutex_lock(&replay->mutex);
    }
    if (track->running && (track->at >= track->size || bfs_now_ms() - track->moved_ms > IDLE_MS)) {
        track->running = false;
        (void)pthread_mutex_unlock(&replay->mutex);
        let_go(replay, track);
        (void)pthread_mutex_lock(&replay->mutex);
    }
}

static void *run_replay(void *argument)
{
    struct bfs_replay *replay = argument;
    (void)pthread_mutex_lock(&replay->mutex);
    while (!replay->stopping) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ROUND_MS / 1000;
        while (!replay->is_news && !replay->stopping &&
               pthread_cond_timedwait(&replay->moved, &replay->mutex, &until) == 0)
            continue;
        replay->is_news = false;
        for (size_t i = 0; i < replay->n_tracks; i++)
            advance(replay, &replay->tracks[i]);
    }
    (void)pthread_mutex_unlock(&replay->mutex);
    return NULL;
}

void bfs_replay_stop(struct bfs_replay *replay)
{
    if (!replay || !replay->has_thread)
        return;
    (void)pthread_mutex_lock(&replay->mutex);
    replay->stopping = true;
    (void)pthread_cond_signal(&replay->moved);
    (void)pthread_mutex_unlock(&replay->mutex);
    (void)pthread_join(replay->thread, NULL);
    replay->has_thread = false;
}

struct bfs_replay *bfs_replay_free(struct bfs_replay *replay)
{
    if (!replay)
        return NULL;
    bfs_replay_stop(replay);
    for (size_t i = 0; i < replay->n_tracks; i++) {
        let_go(replay, &replay->tracks[i]);
        free(replay->tracks[i].steps);
    }
    free(replay->tracks);
    free(replay->traced);
    bfs_trace_steps_done(&replay->trace);
    (void)pthread_mutex_destroy(&replay->mutex);
    (void)pthread_cond_destroy(&replay->moved);
    free(replay);
    return NULL;
}

int bfs_replay_new(const char *path, struct bfs_bundles *bundles, struct bfs_files *files,
                   struct bfs_cache *cache, struct bfs_metrics *metrics, uint64_t window,
                   uint64_t stored_window, struct bfs_replay **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_replay_cleanup) struct bfs_replay *replay = calloc(1, sizeof(*replay));
    if (!replay)
        return bfs_fail(error, -ENOMEM, "out of memory");
    replay->bundles = bundles;
    replay->files = files;
    replay->cache = cache;
    replay->metrics = metrics;
    replay->window = window;
    replay->stored_window = stored_window;
    (void)pthread_mutex_init(&replay->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&replay->moved, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    int r = bfs_trace_read(path, &replay->trace, error);
    if (r)
        return bfs_fail_context(error, r, "replay");
    if (lay_tracks(replay))
        return bfs_fail(error, -ENOMEM, "out of memory");
    r = bfs_thread_start(&replay->thread, run_replay, replay);
    if (r)
        return bfs_fail(error, r, "replay: cannot start a thread: %s", strerror(-r));
    replay->has_thread = true;
    *ret = bfs_steal(&replay);
    return 0;
}

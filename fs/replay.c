/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/replay.h"

#include "codec/trace/order_make.h"
#include "fs/advice.h"
#include "fs/clock.h"
#include "fs/node.h"
#include "fs/replay_track.h"
#include "fs/thread.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    WINDOW_SHARE = 4, /* of the cache: what is decoded must not push out itself */
    ROUND_MS = 1000,
    IDLE_MS = 60 * 1000, /* without a read, the files of a load are let go */
    PREFETCH_MAX = 64,
    OPENED_MAX = 64,          /* opens of bundles whose order is not known yet */
    TRACKS_MAX = 16,          /* loads that are remembered */
    TRACKS_MEMORY = 16 << 20, /* of those that bundles bring; the largest takes about 3 MB */
    OPEN_MAX = 64,            /* files that a load keeps open ahead of its reader */
};

struct opened {
    uint32_t slot, inode;
};

struct bfs_replay {
    struct bfs_replay_setup with;
    struct bfs_trace_steps trace; /* without files: there is none */
    pthread_t thread;
    bool has_thread;
    atomic_bool is_used; /* there was a bundle with an order */
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    /* Protected by mutex, like all below. The thread alone changes the list, so it may read it as
     * it likes. */
    struct bfs_track *tracks[TRACKS_MAX];
    size_t n_tracks;
    struct opened opened[OPENED_MAX];
    size_t n_opened;
    bool stopping;
    bool is_news; /* something is to be asked for */
};

static struct bfs_track *track_of(const struct bfs_replay *replay, uint32_t slot)
{
    for (size_t i = 0; i < replay->n_tracks; i++)
        if (replay->tracks[i]->slot == slot)
            return replay->tracks[i];
    return NULL;
}

static bool is_traced(const struct bfs_replay *replay, const struct bfs_bundle *bundle)
{
    for (size_t i = 0; i < replay->trace.n_files; i++)
        if (bfs_digest_equal(&replay->trace.files[i].bundle, bfs_bundle_id(bundle)))
            return true;
    return false;
}

/* All loads share the windows; with the mutex held. */
static uint64_t window_of(const struct bfs_replay *replay, uint64_t *ret_stored)
{
    unsigned n = 0;
    for (size_t i = 0; i < replay->n_tracks; i++)
        n += replay->tracks[i]->running;
    uint64_t window = bfs_cache_limit_now(replay->with.cache) / WINDOW_SHARE / (n ? n : 1);
    uint64_t limit = replay->with.limits->decoded;
    bool is_tight = replay->with.limits->stored == 0;
    *ret_stored = is_tight ? 0 : replay->with.stored_window / (n ? n : 1);
    return is_tight && window > limit ? limit : window;
}

static void wake(struct bfs_replay *replay)
{
    replay->is_news = true;
    (void)pthread_cond_signal(&replay->moved);
}

void bfs_replay_opened(struct bfs_replay *replay, const struct bfs_open_file *open)
{
    const struct bfs_bundle *bundle = bfs_file_bundle(open->file);
    const struct opened opened = {bfs_node_slot(open->node), bfs_file_inode(open->file)};
    if (!bfs_bundle_config(bundle)->has_trace && !is_traced(replay, bundle))
        return;
    atomic_store(&replay->is_used, true);
    (void)pthread_mutex_lock(&replay->mutex);
    struct bfs_track *track = track_of(replay, opened.slot);
    if (track ? bfs_track_begin(track, opened.inode) : replay->n_opened < OPENED_MAX) {
        if (!track)
            replay->opened[replay->n_opened++] = opened;
        wake(replay);
    }
    (void)pthread_mutex_unlock(&replay->mutex);
}

bool bfs_replay_note(struct bfs_replay *replay, const struct bfs_open_file *open, uint64_t offset,
                     uint64_t end)
{
    uint64_t stored_window;
    bool follows = false;
    if (!atomic_load_explicit(&replay->is_used, memory_order_relaxed))
        return false;
    (void)pthread_mutex_lock(&replay->mutex);
    struct bfs_track *track = track_of(replay, bfs_node_slot(open->node));
    if (track) {
        follows = bfs_track_note(track, bfs_file_inode(open->file), offset, end);
        if (!replay->is_news && bfs_track_is_due(track, window_of(replay, &stored_window)))
            wake(replay);
    }
    (void)pthread_mutex_unlock(&replay->mutex);
    return follows;
}

static void close_file(struct bfs_replay *replay, struct bfs_track *track,
                       struct bfs_track_file *file)
{
    if (file->open) {
        bfs_files_unref(replay->with.files, file->open);
        track->n_open--;
    }
    file->open = NULL;
}

static void let_go(struct bfs_replay *replay, struct bfs_track *track)
{
    for (uint32_t i = 0; i < track->n_files; i++) {
        close_file(replay, track, &track->files[i]);
        track->files[i].cannot = false;
    }
}

static void close_passed(struct bfs_replay *replay, struct bfs_track *track, uint32_t near)
{
    for (uint32_t i = 0; i < track->n_files; i++)
        if (track->files[i].last < near)
            close_file(replay, track, &track->files[i]);
}

/* The file of a step, opened if need be; NULL: it cannot be. */
static struct bfs_open_file *open_file(struct bfs_replay *replay, struct bfs_track *track,
                                       struct bfs_track_file *file, uint32_t near)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct bfs_error error = {0};
    if (file->open || file->cannot)
        return file->open;
    if (track->n_open == OPEN_MAX)
        close_passed(replay, track, near);
    if (track->n_open == OPEN_MAX)
        return NULL;
    file->cannot = true;
    if (bfs_bundles_get(replay->with.bundles, track->slot, true, &bundle))
        return NULL;
    uint64_t node = bfs_node_of(track->slot, file->inode);
    file->open = bfs_files_find(replay->with.files, node);
    if (!file->open &&
        bfs_files_open(replay->with.files, node, bundle, file->inode, &file->open, &error))
        return NULL; /* who opens it is told */
    file->cannot = false;
    track->n_open++;
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
                        uint64_t end, enum bfs_priority priority)
{
    uint32_t chunks[PREFETCH_MAX], first, last;
    size_t n = 0;
    if (!chunks_in(open->file, from, end, &first, &last))
        return;
    for (uint32_t i = first; i <= last; i++) {
        if (!bfs_readahead_is_late(open->readahead, i))
            chunks[n++] = i;
        if (n == PREFETCH_MAX || i == last) {
            bfs_metric_add(replay->with.metrics, BFS_METRIC_REPLAY_CHUNKS, n);
            bfs_cache_prefetch(replay->with.cache, open->file, chunks, n, priority);
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

/* The next wish of a track that runs, under the mutex. */
static bool next_wish(struct bfs_replay *replay, struct bfs_track *track,
                      struct bfs_track_wish *ret, uint32_t *ret_near)
{
    uint64_t stored_window;
    (void)pthread_mutex_lock(&replay->mutex);
    uint64_t window = window_of(replay, &stored_window);
    *ret_near = track->near;
    bool found =
        !replay->stopping && track->running && bfs_track_next(track, window, stored_window, ret);
    (void)pthread_mutex_unlock(&replay->mutex);
    return found;
}

static void advance(struct bfs_replay *replay, struct bfs_track *track)
{
    struct bfs_track_wish wish;
    uint32_t near;
    while (next_wish(replay, track, &wish, &near)) {
        const struct bfs_open_file *open = open_file(replay, track, &track->files[wish.file], near);
        if (open && wish.is_stored)
            ask_stored(open, wish.from, wish.end);
        else if (open)
            ask_decoded(replay, open, wish.from, wish.end,
                        track->is_bundles ? BFS_PRIORITY_FILL : BFS_PRIORITY_AHEAD);
    }
    (void)pthread_mutex_lock(&replay->mutex);
    bool ends =
        track->running && (track->at >= track->size || bfs_now_ms() - track->moved_ms > IDLE_MS);
    track->running = track->running && !ends;
    (void)pthread_mutex_unlock(&replay->mutex);
    if (ends)
        let_go(replay, track);
}

/* What the bundle of a slot is loaded in: by the trace, else as it says itself. */
static int read_order(struct bfs_replay *replay, uint32_t slot, bool *ret_is_bundles,
                      struct bfs_order *ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct bfs_order_report report;
    int r = bfs_bundles_get(replay->with.bundles, slot, true, &bundle);
    if (r)
        return bfs_fail(error, r, "%s", strerror(-r));
    *ret_is_bundles = !is_traced(replay, bundle);
    if (*ret_is_bundles)
        return bfs_bundle_trace(bundle, ret, error);
    r = bfs_order_make(&replay->trace, bfs_bundle_id(bundle), bfs_bundle_index(bundle),
                       BFS_TRACE_STEPS_MAX, ret, &report);
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

/* Takes away loads that ended longest ago, until there is room. */
static bool make_room(struct bfs_replay *replay, const struct bfs_track *wanted)
{
    for (;;) {
        size_t memory = bfs_track_memory(wanted), oldest = TRACKS_MAX;
        for (size_t i = 0; i < replay->n_tracks; i++) {
            const struct bfs_track *track = replay->tracks[i];
            memory += track->is_bundles ? bfs_track_memory(track) : 0;
            if (!track->running &&
                (oldest == TRACKS_MAX || track->moved_ms < replay->tracks[oldest]->moved_ms))
                oldest = i;
        }
        if (replay->n_tracks < TRACKS_MAX && (!wanted->is_bundles || memory <= TRACKS_MEMORY))
            return true;
        if (oldest == TRACKS_MAX)
            return false;
        (void)bfs_track_free(replay->tracks[oldest]);
        replay->tracks[oldest] = replay->tracks[--replay->n_tracks];
    }
}

/* A bundle whose order is not known yet. One that cannot be used is remembered, so that it is read
 * and reported once. */
static void meet(struct bfs_replay *replay, const struct opened *opened)
{
    bfs_autoorder struct bfs_order order = {0};
    BFS_CLEANUP(bfs_track_cleanup) struct bfs_track *track = NULL;
    char text[BFS_ERROR_TEXT_SIZE], name[BFS_REFERENCE_MAX + 1];
    struct bfs_error error = {0};
    bool is_bundles = true;
    if (!track_of(replay, opened->slot)) {
        if (read_order(replay, opened->slot, &is_bundles, &order, &error))
            bfs_log(replay->with.log, BFS_LOG_WARNING, "%s: its trace is not used: %s",
                    bfs_bundles_name(replay->with.bundles, opened->slot, name),
                    bfs_error_text(&error, text));
        if (bfs_track_new(opened->slot, is_bundles, &order, &track))
            return;
        track->moved_ms = bfs_now_ms();
    }
    (void)pthread_mutex_lock(&replay->mutex);
    if (track && make_room(replay, track))
        replay->tracks[replay->n_tracks++] = bfs_steal(&track);
    struct bfs_track *known = track_of(replay, opened->slot);
    if (known)
        (void)bfs_track_begin(known, opened->inode);
    (void)pthread_mutex_unlock(&replay->mutex);
}

static bool next_opened(struct bfs_replay *replay, struct opened *ret)
{
    (void)pthread_mutex_lock(&replay->mutex);
    bool found = replay->n_opened > 0 && !replay->stopping;
    if (found) {
        *ret = replay->opened[0];
        memmove(replay->opened, replay->opened + 1, --replay->n_opened * sizeof(*ret));
    }
    (void)pthread_mutex_unlock(&replay->mutex);
    return found;
}

/* Waits for news, or a round's time while a load runs; false: it is time to stop. */
static bool wait_for_news(struct bfs_replay *replay)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ROUND_MS / 1000;
    (void)pthread_mutex_lock(&replay->mutex);
    bool runs = false;
    for (size_t i = 0; i < replay->n_tracks; i++)
        runs = runs || replay->tracks[i]->running;
    while (!replay->is_news && !replay->stopping &&
           (runs ? pthread_cond_timedwait(&replay->moved, &replay->mutex, &until)
                 : pthread_cond_wait(&replay->moved, &replay->mutex)) == 0)
        continue;
    replay->is_news = false;
    bool stopping = replay->stopping;
    (void)pthread_mutex_unlock(&replay->mutex);
    return !stopping;
}

static void *run_replay(void *argument)
{
    struct bfs_replay *replay = argument;
    while (wait_for_news(replay)) {
        struct opened opened;
        while (next_opened(replay, &opened))
            meet(replay, &opened);
        for (size_t i = 0; i < replay->n_tracks; i++)
            advance(replay, replay->tracks[i]);
    }
    return NULL;
}

bool bfs_replay_stop(struct bfs_replay *replay, unsigned timeout_ms)
{
    if (!replay || !replay->has_thread)
        return true;
    (void)pthread_mutex_lock(&replay->mutex);
    replay->stopping = true;
    (void)pthread_cond_signal(&replay->moved);
    (void)pthread_mutex_unlock(&replay->mutex);
    if (!bfs_thread_stop(replay->thread, timeout_ms))
        return false;
    replay->has_thread = false;
    return true;
}

struct bfs_replay *bfs_replay_free(struct bfs_replay *replay)
{
    if (!replay)
        return NULL;
    (void)bfs_replay_stop(replay, UINT_MAX);
    for (size_t i = 0; i < replay->n_tracks; i++) {
        let_go(replay, replay->tracks[i]);
        (void)bfs_track_free(replay->tracks[i]);
    }
    bfs_trace_steps_done(&replay->trace);
    (void)pthread_mutex_destroy(&replay->mutex);
    (void)pthread_cond_destroy(&replay->moved);
    free(replay);
    return NULL;
}

int bfs_replay_new(const struct bfs_replay_setup *setup, struct bfs_replay **ret,
                   struct bfs_error *error)
{
    BFS_CLEANUP(bfs_replay_cleanup) struct bfs_replay *replay = calloc(1, sizeof(*replay));
    if (!replay)
        return bfs_fail(error, -ENOMEM, "out of memory");
    replay->with = *setup;
    (void)pthread_mutex_init(&replay->mutex, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&replay->moved, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    int r = setup->path ? bfs_trace_read(setup->path, &replay->trace, error) : 0;
    if (r)
        return bfs_fail_context(error, r, "replay");
    r = bfs_thread_start(&replay->thread, run_replay, replay);
    if (r)
        return bfs_fail(error, r, "replay: cannot start a thread: %s", strerror(-r));
    replay->has_thread = true;
    *ret = bfs_steal(&replay);
    return 0;
}

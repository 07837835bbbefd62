/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/state.h"

#include "accel/profile.h"
#include "fs/control_text.h"
#include "fs/lookups.h"
#include "fs/memory.h"

#include <limits.h>
#include <string.h>
#include <sys/random.h>

enum {
    WINDOW_MAX = 16 << 20,  /* beyond this, waiting for the disk is no longer what costs */
    STORED_MAX = 64 << 20,  /* a tenth of a second of a fast disk; the kernel's memory, not ours */
    WINDOW_TIGHT = 2 << 20, /* when memory is tight */
    WINDOW_SHARE = 8,       /* and no stream may fill more of the cache than this part, */
    AHEAD_SHARE = 2,        /* all together no more than this */
    REPLAY_STORED = 256 << 20,
    DAEMON_REST = 64 << 20, /* what it takes beside the cache, at most */
};

struct bfs_fs *bfs_fs_free(struct bfs_fs *fs)
{
    if (!fs)
        return NULL;
    /* The workers end, and with them what is queued; who still waits is answered; then what they
     * used may go. */
    (void)bfs_fs_stop(fs, UINT_MAX);
    (void)bfs_advice_free(fs->advice);
    (void)bfs_pool_free(fs->pool);
    bfs_files_lose_pool(fs->files);
    (void)bfs_calls_free(fs->calls);
    (void)bfs_prover_free(fs->prover);
    (void)bfs_reads_free(fs->reads);
    (void)bfs_replay_free(fs->replay);
    (void)bfs_trace_free(fs->trace);
    (void)bfs_files_free(fs->files);
    (void)bfs_lines_free(fs->lines);
    (void)bfs_flocks_free(fs->flocks);
    (void)bfs_backing_free(fs->backing);
    (void)bfs_cache_free(fs->cache);
    (void)bfs_proofs_free(fs->proofs);
    (void)bfs_lookahead_free(fs->lookahead);
    if (fs->bundles && fs->numbers)
        bfs_lookups_watch(fs, false);
    (void)bfs_guard_free(fs->guard);
    (void)bfs_policy_file_free(fs->policy_file);
    (void)bfs_audit_free(fs->audit);
    (void)bfs_tree_unref(fs->tree);
    (void)bfs_bundles_free(fs->bundles);
    (void)bfs_links_free(fs->links);
    (void)bfs_signatures_free(fs->signatures);
    (void)bfs_control_texts_free(fs->control_texts);
    (void)bfs_tree_numbers_free(fs->numbers);
    bfs_host_done(&fs->host);
    (void)pthread_mutex_destroy(&fs->mutex);
    free(fs);
    return NULL;
}

bool bfs_fs_write_out(struct bfs_fs *fs, unsigned timeout_ms)
{
    bool is_written = true;
    if (fs->trace && !bfs_trace_stop(fs->trace, timeout_ms)) {
        bfs_trace_leave(fs->trace);
        is_written = false;
    }
    if (fs->audit && !bfs_audit_stop(fs->audit, timeout_ms)) {
        bfs_audit_leave(fs->audit);
        is_written = false;
    }
    return is_written;
}

bool bfs_fs_stop(struct bfs_fs *fs, unsigned timeout_ms)
{
    bool ended = bfs_replay_stop(fs->replay, timeout_ms);
    ended = bfs_advice_stop(fs->advice, timeout_ms) && ended;
    if (fs->backing)
        ended = bfs_backing_stop(fs->backing, timeout_ms) && ended;
    if (fs->pool)
        ended = bfs_pool_stop(fs->pool, timeout_ms) && ended;
    return ended;
}

void bfs_fs_look_at_memory(struct bfs_fs *fs)
{
    struct bfs_memory memory;
    bfs_memory_look("/proc", "/sys/fs/cgroup", &memory);
    bool is_tight = bfs_memory_is_tight(&memory);
    bfs_cache_bound(fs->cache,
                    is_tight ? bfs_memory_spare(&memory, bfs_cache_size(fs->cache)) : SIZE_MAX);
    size_t cache = bfs_cache_limit_now(fs->cache), window = cache / WINDOW_SHARE;
    size_t limit = is_tight ? WINDOW_TIGHT : WINDOW_MAX;
    fs->ahead.decoded = window < limit ? window : limit;
    fs->ahead.stored = is_tight ? 0 : STORED_MAX;
    fs->ahead.together = cache / AHEAD_SHARE;
    bfs_readahead_next_round(&fs->ahead);
    bfs_metric_set(&fs->metrics, BFS_METRIC_MEMORY_TIGHT, is_tight);
    if (fs->backing)
        bfs_backing_note_memory(fs->backing, is_tight);
}

static int start_proofs(struct bfs_fs *fs)
{
    if (fs->options->verify == BFS_VERIFY_ALWAYS)
        return 0;
    int r = bfs_proofs_new(BFS_PROOFS_MEMORY, BFS_PROOFS_SETTLE_MS, &fs->proofs);
    if (r)
        return r;
    bfs_cache_set_proofs(fs->cache, fs->proofs);
    if (fs->options->verify != BFS_VERIFY_STRICT)
        return 0;
    return bfs_prover_new(fs->pool, fs->cache, fs->proofs, fs->calls, &fs->metrics, fs->log,
                          &fs->prover);
}

/* Unless it was chosen: what leaves half of the memory to others, of what is left beside the rest
 * of the daemon. */
static size_t cache_size(const struct bfs_mount_options *options)
{
    uint64_t limit = bfs_memory_limit("/proc", "/sys/fs/cgroup");
    uint64_t size = limit > DAEMON_REST ? (limit - DAEMON_REST) / 2 : 0;
    if (options->cache_size)
        return (size_t)options->cache_size;
    if (size < BFS_CACHE_SIZE_MIN)
        return BFS_CACHE_SIZE_MIN;
    return size < BFS_CACHE_SIZE_DEFAULT ? (size_t)size : BFS_CACHE_SIZE_DEFAULT;
}

static int start(struct bfs_fs *fs)
{
    const struct bfs_mount_options *options = fs->options;
    int r;
    if ((r = bfs_pool_new(options->workers ? (unsigned)options->workers : bfs_host_usable_cpus(),
                          &fs->pool)) ||
        (r = bfs_cache_new(cache_size(options), fs->pool, &fs->metrics, fs->log, &fs->cache)) ||
        (r = bfs_calls_new((unsigned)options->timeout * 1000, &fs->metrics, &fs->calls)) ||
        (r = start_proofs(fs)) ||
        (r = bfs_backing_new(fs->cache, fs->pool, &fs->metrics, fs->log, &fs->backing)) ||
        (r = bfs_advice_new(&fs->advice)) || (r = bfs_lines_new(fs->pool, &fs->lines)) ||
        (r = bfs_flocks_new(&fs->flocks)) ||
        (r = bfs_files_new(&fs->ahead, fs->pool, &fs->metrics, &fs->files)) ||
        (r = bfs_reads_new(fs->cache, fs->calls, fs->files, fs->backing, &fs->metrics,
                           &fs->reads)) ||
        (r = bfs_bundles_new(fs->store, &fs->view_rules, &fs->metrics, fs->log, &fs->bundles)) ||
        (r = bfs_lookahead_new(fs->bundles, fs->pool, &fs->lookahead)) ||
        (r = bfs_tree_numbers_new(&fs->numbers)) || (r = bfs_links_new(&fs->links)) ||
        (r = bfs_signatures_new(&fs->signatures)) ||
        (r = bfs_control_texts_new(&fs->control_texts)))
        return r;
    bfs_lookups_watch(fs, true);
    bfs_fs_look_at_memory(fs);
    return 0;
}

/* The kernel keeps 32 bits of it in file handles, and takes 0 for "none". Without a random one, the
 * time will do. */
static uint64_t incarnation(void)
{
    uint32_t value = 0;
    if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value))
        value = (uint32_t)bfs_now_ms() ^ (uint32_t)time(NULL);
    return value ? value : 1;
}

static int start_policy(struct bfs_fs *fs, struct bfs_error *error)
{
    const struct bfs_mount_options *options = fs->options;
    int r = options->audit ? bfs_audit_open(options->audit, fs->log, &fs->audit, error) : 0;
    if (r == 0)
        r = bfs_policy_file_open(options->policy, fs->log, &fs->policy_file, error);
    if (r || !fs->policy_file)
        return r;
    r = bfs_guard_new(fs->store, fs->bundles, fs->policy_file, fs->log, fs->audit, &fs->guard);
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

static int start_tracing(struct bfs_fs *fs, struct bfs_error *error)
{
    const struct bfs_mount_options *options = fs->options;
    bool is_off = options->replay && strcmp(options->replay, BFS_REPLAY_OFF) == 0;
    const struct bfs_replay_setup setup = {.path = options->replay,
                                           .bundles = fs->bundles,
                                           .files = fs->files,
                                           .cache = fs->cache,
                                           .metrics = &fs->metrics,
                                           .log = fs->log,
                                           .limits = &fs->ahead,
                                           .stored_window = REPLAY_STORED};
    int r = is_off ? 0 : bfs_replay_new(&setup, &fs->replay, error);
    if (r == 0 && options->trace)
        r = bfs_trace_new(options->trace, &fs->metrics, fs->log, &fs->trace, error);
    bfs_reads_watch(fs->reads, fs->advice, fs->trace, fs->replay);
    return r;
}

int bfs_fs_read_tree(struct bfs_fs *fs, struct bfs_tree **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_catalog_cleanup) struct bfs_catalog *catalog = NULL;
    int r = bfs_catalog_load(fs->store, &catalog, error);
    if (r)
        return r;
    if (!fs->options->hidden)
        bfs_catalog_drop_hidden(catalog);
    r = bfs_tree_new(catalog, fs->bundles, fs->numbers, fs->guard != NULL, ret);
    if (r)
        return bfs_fail(error, r, "out of memory");
    catalog = NULL; /* transferred */
    return 0;
}

/* A name that is mistyped is as legal as one that somebody's view.json brings. */
static void warn_of_view(const struct bfs_fs *fs)
{
    const char *view = fs->options->view;
    if (view && !bfs_profile_find(view))
        bfs_log(fs->log, BFS_LOG_WARNING,
                "-o view=%s: no profile has this name; views/auto is only in bundles that bring a "
                "view of that name (\"bundlefs views\" lists the profiles)",
                view);
}

int bfs_fs_new(const struct bfs_store *store, const struct bfs_mount_options *options,
               const struct bfs_log *log, struct bfs_fs **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_fs_cleanup) struct bfs_fs *fs = calloc(1, sizeof(*fs));
    if (!fs)
        return bfs_fail(error, -ENOMEM, "out of memory");
    fs->store = store;
    fs->uid = geteuid();
    fs->gid = getegid();
    fs->incarnation = incarnation();
    fs->options = options;
    fs->log = log;
    fs->view_rules = (struct bfs_view_rules){
        .host = &fs->host,
        .forced = options->view,
        .hide_unfit = options->hide_unfit,
        .found = &fs->is_view_found};
    warn_of_view(fs);
    (void)pthread_mutex_init(&fs->mutex, NULL);
    fs->passthrough.fd = -1;
    (void)strcpy(fs->no_passthrough, "nothing is mounted");
    int r = bfs_host_load(options->host, &fs->host, error);
    if (r)
        return r;
    r = start(fs);
    if (r)
        return bfs_fail(error, r, "cannot start: %s", strerror(-r));
    if ((r = start_policy(fs, error)) || (r = start_tracing(fs, error)))
        return r;
    bfs_metric_set(&fs->metrics, BFS_METRIC_START_TIME, (uint64_t)time(NULL));
    bfs_metric_set(&fs->metrics, BFS_METRIC_CACHE_LIMIT_BYTES, bfs_cache_limit(fs->cache));
    struct bfs_tree *tree;
    /* Seen before it is read, so that the watch notices what changes in between. */
    if (stat(bfs_store_index_path(store), &fs->index_seen) != 0)
        fs->index_seen = (struct stat){0};
    r = bfs_fs_read_tree(fs, &tree, error);
    if (r)
        return r;
    (void)bfs_fs_set_tree(fs, tree);
    *ret = bfs_steal(&fs);
    return 0;
}

bool bfs_fs_refusal(struct bfs_fs *fs, uint32_t slot, char ret[static BFS_ERROR_TEXT_SIZE])
{
    return bfs_guard_refusal(fs->guard, slot, ret) || bfs_bundles_refusal(fs->bundles, slot, ret);
}

struct bfs_tree *bfs_fs_tree(struct bfs_fs *fs)
{
    (void)pthread_mutex_lock(&fs->mutex);
    struct bfs_tree *tree = bfs_tree_ref(fs->tree);
    (void)pthread_mutex_unlock(&fs->mutex);
    return tree;
}

/* Do both name the same blobs? Then what was measured of one is true of the other. */
static bool has_same_blobs(const struct bfs_catalog *a, const struct bfs_catalog *b)
{
    if (a->n_entries != b->n_entries || a->n_statements != b->n_statements ||
        a->n_refused != b->n_refused)
        return false;
    for (size_t i = 0; i < a->n_entries; i++)
        if (!bfs_digest_equal(&a->entries[i].manifest, &b->entries[i].manifest))
            return false;
    for (size_t i = 0; i < a->n_statements; i++)
        if (!bfs_digest_equal(&a->statements[i].manifest, &b->statements[i].manifest))
            return false;
    return true;
}

static bool names_other_blobs(struct bfs_fs *fs, const struct bfs_tree *tree)
{
    (void)pthread_mutex_lock(&fs->mutex);
    BFS_CLEANUP(bfs_tree_cleanup)
    struct bfs_tree *now = fs->tree ? bfs_tree_ref(fs->tree) : NULL;
    (void)pthread_mutex_unlock(&fs->mutex);
    return !now || !has_same_blobs(bfs_tree_catalog(now), bfs_tree_catalog(tree));
}

struct bfs_tree *bfs_fs_set_tree(struct bfs_fs *fs, struct bfs_tree *tree)
{
    bfs_metric_set(&fs->metrics, BFS_METRIC_BUNDLES, bfs_tree_catalog(tree)->n_entries);
    bfs_guard_set_tree(fs->guard, tree);
    bfs_lookahead_set_tree(fs->lookahead, tree);
    bool is_news = names_other_blobs(fs, tree);
    (void)pthread_mutex_lock(&fs->mutex);
    struct bfs_tree *old = fs->tree;
    fs->tree = tree;
    bfs_bundles_note_judgement(fs->bundles);
    fs->generation += is_news;
    fs->checked_ms = bfs_now_ms();
    (void)clock_gettime(CLOCK_REALTIME, &fs->tree_time);
    (void)pthread_mutex_unlock(&fs->mutex);
    return old;
}

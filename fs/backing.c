/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backing_private.h"

#include "fs/clock.h"
#include "fs/node.h"
#include "fs/thread.h"

#include <string.h>

enum {
    RETRY_MS = 1000,        /* after a failure, when somebody asks for it again */
    RETRY_LATER_MS = 60000, /* when nobody does */
    KEEP_MS = 5000,         /* so much longer than who waits takes to ask again */
};

static const char *const fill_words[] = {
    [BFS_FILL_AGAIN] = "again", [BFS_FILL_FIRST] = "first", [BFS_FILL_WARM] = "warm"};

bool bfs_backing_fill_parse(const char *word, enum bfs_backing_fill *ret)
{
    for (unsigned i = 0; i < sizeof(fill_words) / sizeof(fill_words[0]); i++)
        if (strcmp(word, fill_words[i]) == 0) {
            *ret = (enum bfs_backing_fill)i;
            return true;
        }
    return false;
}

int bfs_backing_new(struct bfs_cache *cache, struct bfs_pool *pool, struct bfs_metrics *metrics,
                    const struct bfs_log *log, struct bfs_backing **ret)
{
    struct bfs_backing *backing = calloc(1, sizeof(*backing));
    if (!backing)
        return -ENOMEM;
    backing->cache = cache;
    backing->pool = pool;
    backing->metrics = metrics;
    backing->log = log;
    backing->queue_last = &backing->queue;
    (void)pthread_mutex_init(&backing->mutex, NULL);
    (void)pthread_cond_init(&backing->work, NULL);
    bfs_cache_set_copies(cache, &bfs_backing_copies, backing);
    *ret = backing;
    return 0;
}

static int try_place(const struct bfs_backing_kernel *kernel, const struct bfs_backing_place *place,
                     struct bfs_error *error)
{
    BFS_CLEANUP(bfs_backing_file_cleanup) struct bfs_backing_file *file = NULL;
    int32_t id;
    int r = bfs_backing_file_new(place, 1, 1, &file, error);
    if (r)
        return r;
    r = kernel->add(kernel->context, bfs_backing_file_fd(file), &id);
    if (r)
        return bfs_fail(error, r, "%s: the kernel does not take a backing file there: %s",
                        place->folder ? place->folder : BFS_BACKING_MEMORY, strerror(-r));
    kernel->remove(kernel->context, id);
    return 0;
}

int bfs_backing_start(struct bfs_backing *backing, const struct bfs_backing_kernel *kernel,
                      const struct bfs_backing_place *place, enum bfs_backing_fill fill,
                      struct bfs_error *error)
{
    int r = try_place(kernel, place, error);
    if (r)
        return r;
    backing->kernel = *kernel;
    backing->place = *place;
    backing->fill = fill;
    r = bfs_thread_start(&backing->keeper, bfs_backing_run_keeper, backing);
    if (r)
        return bfs_fail(error, r, "cannot start a thread: %s", strerror(-r));
    (void)pthread_mutex_lock(&backing->mutex);
    backing->has_keeper = true;
    (void)pthread_mutex_unlock(&backing->mutex);
    bfs_metric_set(backing->metrics, BFS_METRIC_BACKING_LIMIT_BYTES, place->limit);
    atomic_store(&backing->started, true);
    return 0;
}

bool bfs_backing_stop(struct bfs_backing *backing, unsigned timeout_ms)
{
    (void)pthread_mutex_lock(&backing->mutex);
    bool has_keeper = backing->has_keeper;
    backing->stopping = true;
    (void)pthread_cond_broadcast(&backing->work);
    (void)pthread_mutex_unlock(&backing->mutex);
    if (!has_keeper)
        return true;
    if (!bfs_thread_stop(backing->keeper, timeout_ms))
        return false;
    backing->has_keeper = false;
    return true;
}

struct bfs_backing *bfs_backing_free(struct bfs_backing *backing)
{
    if (!backing)
        return NULL;
    while (backing->oldest) {
        struct bfs_backed *backed = backing->oldest;
        backing->oldest = backed->newer;
        bfs_backed_free(backed);
    }
    (void)pthread_mutex_destroy(&backing->mutex);
    (void)pthread_cond_destroy(&backing->work);
    free(backing);
    return NULL;
}

void bfs_backing_queue_locked(struct bfs_backing *backing, struct bfs_backed *backed)
{
    backed->queue_next = NULL;
    backed->is_queued = true;
    *backing->queue_last = backed;
    backing->queue_last = &backed->queue_next;
    (void)pthread_cond_signal(&backing->work);
}

void bfs_backing_count_locked(struct bfs_backing *backing)
{
    bfs_metric_set(backing->metrics, BFS_METRIC_BACKING_BYTES, backing->reserved);
    bfs_metric_set(backing->metrics, BFS_METRIC_BACKING_FILES, atomic_load(&backing->n_ready));
}

bool bfs_backed_is_awaited(const struct bfs_backed *backed)
{
    return backed->kept_ms && bfs_now_ms() - backed->kept_ms < KEEP_MS;
}

/* Also one that waits for what is read of it, and nobody reads. */
static bool may_drop(const struct bfs_backed *backed)
{
    if (bfs_backed_is_awaited(backed))
        return false;
    if (backed->state == BFS_BACKED_FILLING)
        return (!backed->fill->complete || backed->fill->is_paused) && backed->fill->n_work == 0;
    return backed->state == BFS_BACKED_READY && backed->opens == 0 && !backed->is_kept;
}

void bfs_backed_drop_locked(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    if (backed->state == BFS_BACKED_READY)
        atomic_fetch_sub(&backing->n_ready, 1);
    backed->state = BFS_BACKED_DROPPED;
    backing->reserved -= backed->reserved;
    backed->reserved = 0;
    backed->served = 0;
    bfs_backing_queue_locked(backing, backed);
    bfs_backing_count_locked(backing);
}

bool bfs_backing_make_room_locked(struct bfs_backing *backing, uint64_t size)
{
    uint64_t droppable = 0;
    for (const struct bfs_backed *backed = backing->oldest; backed; backed = backed->newer)
        if (may_drop(backed))
            droppable += backed->reserved;
    if (size > backing->place.limit || backing->reserved - droppable > backing->place.limit - size)
        return false;
    for (struct bfs_backed *backed = backing->oldest;
         backed && backing->reserved > backing->place.limit - size; backed = backed->newer) {
        if (!may_drop(backed))
            continue;
        bfs_backed_drop_locked(backed);
        bfs_metric_add(backing->metrics, BFS_METRIC_BACKING_EVICTIONS, 1);
    }
    return true;
}

void bfs_backed_fail_locked(struct bfs_backed *backed, int error)
{
    struct bfs_backing *backing = backed->backing;
    backed->state = BFS_BACKED_FAILED;
    backed->error = error;
    backed->failed_ms = bfs_now_ms();
    backing->reserved -= backed->reserved;
    backed->reserved = 0;
    bfs_metric_add(backing->metrics, BFS_METRIC_BACKING_FAILURES, 1);
    bfs_backing_count_locked(backing);
}

void bfs_backed_damage_locked(struct bfs_backed *backed, int error)
{
    struct bfs_backing *backing = backed->backing;
    if (backed->fill && !backed->fill->error)
        backed->fill->error = error; /* the keeper looks once more before it is READY */
    bfs_fill_end_locked(backed);
    if (backed->state != BFS_BACKED_READY)
        return;
    backed->state = BFS_BACKED_DAMAGED;
    backed->error = error;
    atomic_fetch_sub(&backing->n_ready, 1);
    bfs_metric_add(backing->metrics, BFS_METRIC_BACKING_FAILURES, 1);
    bfs_backing_count_locked(backing);
    bfs_backing_queue_locked(backing, backed);
}

void bfs_backed_let_go_locked(struct bfs_backed *backed)
{
    if (backed->state == BFS_BACKED_DAMAGED && backed->opens == 0 && !backed->is_queued)
        bfs_backed_drop_locked(backed);
}

uint64_t bfs_backing_node(struct bfs_backing *backing, uint64_t node)
{
    if (atomic_load(&backing->n_ready) == 0)
        return node;
    (void)pthread_mutex_lock(&backing->mutex);
    const struct bfs_backed *backed = bfs_backed_find_locked(backing, node);
    bool ready = backed && backed->state == BFS_BACKED_READY;
    (void)pthread_mutex_unlock(&backing->mutex);
    return ready ? node | BFS_NODE_BACKED : node;
}

int bfs_backing_enter(struct bfs_backing *backing, uint64_t node, int32_t *ret_id)
{
    int r = -ENOMEM;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_get_locked(backing, bfs_node_plain(node));
    if (backed && backed->state == BFS_BACKED_READY && backed->plain_opens == 0) {
        backed->opens++;
        *ret_id = backed->id;
        bfs_metric_add(backing->metrics, BFS_METRIC_PASSTHROUGH_OPENS, 1);
        r = 1;
    } else if (backed && backed->opens > 0) {
        r = -ESTALE;
    } else if (backed) {
        backed->plain_opens++;
        r = 0;
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    return r;
}

void bfs_backing_leave(struct bfs_backing *backing, uint64_t node, bool in_kernel)
{
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    (*(in_kernel ? &backed->opens : &backed->plain_opens))--;
    bfs_backed_let_go_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}

static void resume_locked(struct bfs_backed *backed)
{
    if (backed->state != BFS_BACKED_FILLING || !backed->fill->is_paused || backed->is_queued)
        return;
    backed->fill->is_paused = false;
    backed->fill->n_work++; /* until the keeper has asked for chunks */
    bfs_backing_queue_locked(backed->backing, backed);
}

void bfs_backing_keep(struct bfs_backing *backing, uint64_t node)
{
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    if (backed)
        backed->kept_ms = bfs_now_ms();
    if (backed)
        resume_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}

void bfs_backing_note_memory(struct bfs_backing *backing, bool is_tight)
{
    (void)pthread_mutex_lock(&backing->mutex);
    bool is_over = backing->is_tight && !is_tight;
    backing->is_tight = is_tight;
    for (struct bfs_backed *backed = is_over ? backing->oldest : NULL; backed;
         backed = backed->newer)
        resume_locked(backed);
    (void)pthread_mutex_unlock(&backing->mutex);
}

uint64_t bfs_backing_limit(struct bfs_backing *backing)
{
    return atomic_load(&backing->started) ? backing->place.limit : 0;
}

/* Where the file's name is. Errors: -ENOMEM. */
static int find_name(struct bfs_backed *backed, const struct bfs_file *file)
{
    const struct bfs_index *index = bfs_bundle_index(bfs_file_bundle(file));
    uint32_t number = bfs_file_inode(file);
    bfs_autofree char *path = bfs_index_path(index, number);
    if (!path)
        return -ENOMEM;
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    if (!name)
        return -ENOMEM;
    free(backed->name);
    backed->name = name;
    backed->parent =
        bfs_node_of(bfs_node_slot(backed->node), bfs_index_inode(index, number).parent);
    return 0;
}

static int want_locked(struct bfs_backed *backed, struct bfs_file *file, bool complete,
                       uint64_t retry_ms)
{
    bool may_begin =
        backed->state == BFS_BACKED_NONE ||
        (backed->state == BFS_BACKED_FAILED && bfs_now_ms() - backed->failed_ms >= retry_ms);
    if (!may_begin || !bfs_file_table(file))
        return 0;
    backed->size = bfs_file_size(file);
    if (backed->size > backed->backing->place.limit) {
        bfs_backed_fail_locked(backed, -EFBIG);
        return -EFBIG;
    }
    struct bfs_fill *fill = bfs_fill_new(backed, file, complete);
    if (!fill || find_name(backed, file)) {
        (void)bfs_fill_free(fill);
        return -ENOMEM;
    }
    fill->was_read = backed->served > 0;
    bfs_backed_set_content_locked(backed, file);
    backed->fill = fill;
    backed->state = BFS_BACKED_WANTED;
    bfs_backing_queue_locked(backed->backing, backed);
    return 0;
}

int bfs_backing_want(struct bfs_backing *backing, uint64_t node, struct bfs_file *file)
{
    if (!atomic_load(&backing->started))
        return -ENOTSUP;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_get_locked(backing, bfs_node_plain(node));
    int r = backed ? want_locked(backed, file, true, RETRY_MS) : -ENOMEM;
    (void)pthread_mutex_unlock(&backing->mutex);
    if (r == 0)
        bfs_backing_complete(backing, node);
    return r;
}

struct bfs_file *bfs_backing_source(struct bfs_backing *backing, uint64_t node)
{
    if (!atomic_load_explicit(&backing->started, memory_order_acquire))
        return NULL;
    (void)pthread_mutex_lock(&backing->mutex);
    const struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    struct bfs_file *file =
        backed && backed->fill && !backed->fill->error ? bfs_file_ref(backed->fill->source) : NULL;
    (void)pthread_mutex_unlock(&backing->mutex);
    return file;
}

void bfs_backing_complete(struct bfs_backing *backing, uint64_t node)
{
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    bool has_fill = backed && backed->fill && !backed->fill->complete;
    bool runs = has_fill && backed->state == BFS_BACKED_FILLING;
    if (has_fill)
        backed->fill->complete = true;
    if (runs) {
        backed->fill->n_work++; /* until the keeper has asked for chunks: this may be a request */
        bfs_backing_queue_locked(backing, backed);
    }
    (void)pthread_mutex_unlock(&backing->mutex);
}

void bfs_backing_note_open(struct bfs_backing *backing, uint64_t node, struct bfs_file *file)
{
    if (!atomic_load_explicit(&backing->started, memory_order_acquire) ||
        bfs_file_size(file) < BFS_BACKING_SIZE_MIN || bfs_file_size(file) > backing->place.limit)
        return;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_get_locked(backing, bfs_node_plain(node));
    if (backed) {
        backed->size = bfs_file_size(file);
        bool again = backed->served >= backed->size;
        if (backing->fill != BFS_FILL_WARM && (again || backing->fill == BFS_FILL_FIRST))
            (void)want_locked(backed, file, again, RETRY_LATER_MS);
    }
    (void)pthread_mutex_unlock(&backing->mutex);
}

void bfs_backing_note_read(struct bfs_backing *backing, uint64_t node, uint64_t size)
{
    if (!atomic_load_explicit(&backing->started, memory_order_acquire))
        return;
    (void)pthread_mutex_lock(&backing->mutex);
    struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    bool was_read = false;
    if (backed && backed->size) {
        backed->served += size;
        if (backed->fill)
            backed->fill->was_read = true;
        was_read = backed->served >= backed->size && backed->fill && !backed->fill->complete;
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    if (was_read)
        bfs_backing_complete(backing, node);
}

struct bfs_backing_status bfs_backing_status(struct bfs_backing *backing, uint64_t node)
{
    static const enum bfs_backing_state states[] = {
        [BFS_BACKED_NONE] = BFS_BACKING_NONE,       [BFS_BACKED_WANTED] = BFS_BACKING_FILLING,
        [BFS_BACKED_FILLING] = BFS_BACKING_FILLING, [BFS_BACKED_ENDING] = BFS_BACKING_FILLING,
        [BFS_BACKED_READY] = BFS_BACKING_READY,     [BFS_BACKED_DROPPED] = BFS_BACKING_NONE,
        [BFS_BACKED_FAILED] = BFS_BACKING_FAILED,   [BFS_BACKED_DAMAGED] = BFS_BACKING_FAILED};
    struct bfs_backing_status status = {.state = BFS_BACKING_NONE};
    (void)pthread_mutex_lock(&backing->mutex);
    const struct bfs_backed *backed = bfs_backed_find_locked(backing, bfs_node_plain(node));
    if (backed) {
        /* Before the kernel knows, an open would still be led to the first number. */
        status.state = backed->is_kept && backed->state == BFS_BACKED_READY ? BFS_BACKING_FILLING
                                                                            : states[backed->state];
        status.error = status.state == BFS_BACKING_FAILED ? backed->error : 0;
        status.present = backed->file && status.state != BFS_BACKING_NONE
                             ? bfs_backing_file_present(backed->file)
                             : 0;
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    return status;
}

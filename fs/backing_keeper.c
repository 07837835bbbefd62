/* SPDX-License-Identifier: Apache-2.0
 * The thread that makes, seals and takes away backing files, and tells the kernel: all of it may
 * wait for a disk, or for who has a directory locked. */
#include "fs/backing_private.h"

#include "fs/clock.h"

#include <string.h>

static void log_failure(const struct bfs_backing *backing, const char *name, int error)
{
    bfs_log(backing->log, BFS_LOG_WARNING,
            "%s: no passthrough: its backing file is given up: %s; it is read as before", name,
            error == -EBADMSG ? "a chunk is corrupt" : strerror(-error));
}

/* The mutex is held before and after, not while it works; the state keeps others away. */

static void give_up(struct bfs_backed *backed, int error)
{
    struct bfs_backing *backing = backed->backing;
    struct bfs_fill *fill = backed->fill;
    struct bfs_backing_file *file = backed->file;
    int32_t id = backed->id;
    backed->fill = NULL;
    backed->file = NULL;
    backed->id = 0;
    (void)pthread_mutex_unlock(&backing->mutex);
    if (id)
        backing->kernel.remove(backing->kernel.context, id);
    (void)bfs_fill_free(fill);
    if (file)
        atomic_fetch_sub(&backing->n_files, 1);
    (void)bfs_backing_file_unref(file);
    if (error != -ESHUTDOWN)
        log_failure(backing, backed->name, error);
    (void)pthread_mutex_lock(&backing->mutex);
    bfs_backed_fail_locked(backed, error);
}

/* The work that keeps the fill meanwhile is counted. */
static void ask(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    (void)pthread_mutex_unlock(&backing->mutex);
    bfs_fill_go_on(backed);
    (void)pthread_mutex_lock(&backing->mutex);
    backed->fill->n_work--;
    bfs_fill_end_locked(backed);
}

static void make(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    struct bfs_backing_file *file = NULL;
    if (!backed->reserved) {
        if (!bfs_backing_make_room_locked(backing, backed->size)) {
            give_up(backed, -ENOSPC);
            return;
        }
        backed->reserved = backed->size;
        backing->reserved += backed->size;
        bfs_backing_count_locked(backing);
        bfs_backing_queue_locked(backing, backed); /* behind those that make room */
        return;
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    const struct bfs_chunk_table *table = bfs_file_table(backed->fill->source);
    int r = bfs_backing_file_new(&backing->place, backed->size, bfs_chunk_table_n_chunks(table),
                                 &file, NULL);
    (void)pthread_mutex_lock(&backing->mutex);
    if (r) {
        give_up(backed, r);
        return;
    }
    backed->file = file;
    atomic_fetch_add(&backing->n_files, 1);
    backed->state = BFS_BACKED_FILLING;
    backed->fill->n_work++;
    ask(backed);
}

static void finish(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    int r = backed->fill->error;
    int32_t id = 0;
    (void)pthread_mutex_unlock(&backing->mutex);
    if (r == 0)
        r = bfs_backing_file_seal(backed->file);
    if (r == 0)
        r = backing->kernel.add(backing->kernel.context, bfs_backing_file_fd(backed->file), &id);
    (void)pthread_mutex_lock(&backing->mutex);
    backed->id = id;
    /* Meanwhile a reader may have found it damaged. */
    if (r || (r = backed->fill->error)) {
        give_up(backed, r);
        return;
    }
    struct bfs_fill *fill = backed->fill;
    backed->fill = NULL;
    backed->state = BFS_BACKED_READY;
    atomic_fetch_add(&backing->n_ready, 1);
    bfs_backing_count_locked(backing);
    backed->is_kept = true;
    (void)pthread_mutex_unlock(&backing->mutex);
    (void)bfs_fill_free(fill);
    backing->kernel.forget(backing->kernel.context, backed->parent, backed->name);
    (void)pthread_mutex_lock(&backing->mutex);
    backed->is_kept = false;
}

/* Lookups lead back first; what comes under the second number nevertheless is read through us. */
static void take_away(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    struct bfs_backing_file *file = backed->file;
    struct bfs_fill *fill = backed->fill;
    backed->file = NULL;
    backed->fill = NULL;
    (void)pthread_mutex_unlock(&backing->mutex);
    if (backed->id) {
        backing->kernel.forget(backing->kernel.context, backed->parent, backed->name);
        backing->kernel.remove(backing->kernel.context, backed->id);
    }
    (void)bfs_fill_free(fill);
    atomic_fetch_sub(&backing->n_files, 1);
    (void)bfs_backing_file_unref(file);
    (void)pthread_mutex_lock(&backing->mutex);
    backed->id = 0;
    backed->state = BFS_BACKED_NONE;
}

/* Who opens it by name from now on is led to the first number; who has it open cannot be. */
static void disown(struct bfs_backed *backed)
{
    struct bfs_backing *backing = backed->backing;
    unsigned n_opens = backed->opens;
    int error = backed->error;
    (void)pthread_mutex_unlock(&backing->mutex);
    backing->kernel.forget(backing->kernel.context, backed->parent, backed->name);
    bfs_log(backing->log, BFS_LOG_ERROR,
            "%s: its backing file is not what was written, and is given up: %s; "
            "%u opens that the kernel serves go on with it until they are closed",
            backed->name, strerror(-error), n_opens);
    (void)pthread_mutex_lock(&backing->mutex);
    bfs_backed_let_go_locked(backed);
}

static void work_on(struct bfs_backed *backed)
{
    switch (backed->state) {
    case BFS_BACKED_WANTED:
        make(backed);
        break;
    case BFS_BACKED_FILLING:
        ask(backed);
        break;
    case BFS_BACKED_ENDING:
        finish(backed);
        break;
    case BFS_BACKED_DAMAGED:
        disown(backed);
        break;
    case BFS_BACKED_DROPPED:
        take_away(backed);
        break;
    default:
        break;
    }
}

void *bfs_backing_run_keeper(void *argument)
{
    struct bfs_backing *backing = argument;
    (void)pthread_mutex_lock(&backing->mutex);
    while (!backing->stopping) {
        struct bfs_backed *backed = backing->queue;
        if (!backed) {
            (void)pthread_cond_wait(&backing->work, &backing->mutex);
            continue;
        }
        backing->queue = backed->queue_next;
        if (!backing->queue)
            backing->queue_last = &backing->queue;
        backed->is_queued = false;
        work_on(backed);
    }
    (void)pthread_mutex_unlock(&backing->mutex);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/advice.h"

#include "fs/thread.h"

#include <limits.h>

enum { QUEUE_SIZE = 64 };

struct range {
    struct bfs_file *file; /* a reference */
    uint32_t first, n;
};

struct bfs_advice {
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    struct range queue[QUEUE_SIZE]; /* a ring; protected by mutex, like all below */
    unsigned at, n;
    bool stopping;
};

void bfs_advice_ask_now(const struct bfs_file *file, uint32_t first, uint32_t n)
{
    const struct bfs_chunk_table *table = bfs_file_table(file);
    if (n == 0)
        return;
    struct bfs_chunk run = bfs_chunk_table_at(table, first);
    uint64_t size = run.stored_size;
    for (uint32_t i = first + 1; i < first + n; i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        if (chunk.blob == run.blob && chunk.stored_off == run.stored_off + size) {
            size += chunk.stored_size;
            continue;
        }
        bfs_file_will_need(file, run.blob, run.stored_off, size);
        run = chunk;
        size = chunk.stored_size;
    }
    bfs_file_will_need(file, run.blob, run.stored_off, size);
}

void bfs_advice_ask(struct bfs_advice *advice, struct bfs_file *file, uint32_t first, uint32_t n)
{
    (void)pthread_mutex_lock(&advice->mutex);
    if (advice->n < QUEUE_SIZE) {
        advice->queue[(advice->at + advice->n++) % QUEUE_SIZE] =
            (struct range){bfs_file_ref(file), first, n};
        (void)pthread_cond_signal(&advice->asked);
    }
    (void)pthread_mutex_unlock(&advice->mutex);
}

static void *run_advice(void *argument)
{
    struct bfs_advice *advice = argument;
    (void)pthread_mutex_lock(&advice->mutex);
    for (;;) {
        while (advice->n == 0 && !advice->stopping)
            (void)pthread_cond_wait(&advice->asked, &advice->mutex);
        if (advice->stopping)
            break;
        struct range range = advice->queue[advice->at];
        advice->at = (advice->at + 1) % QUEUE_SIZE;
        advice->n--;
        (void)pthread_mutex_unlock(&advice->mutex);
        bfs_advice_ask_now(range.file, range.first, range.n);
        (void)bfs_file_unref(range.file);
        (void)pthread_mutex_lock(&advice->mutex);
    }
    (void)pthread_mutex_unlock(&advice->mutex);
    return NULL;
}

bool bfs_advice_stop(struct bfs_advice *advice, unsigned timeout_ms)
{
    if (!advice || !advice->has_thread)
        return true;
    (void)pthread_mutex_lock(&advice->mutex);
    advice->stopping = true;
    (void)pthread_cond_signal(&advice->asked);
    (void)pthread_mutex_unlock(&advice->mutex);
    if (!bfs_thread_stop(advice->thread, timeout_ms))
        return false;
    advice->has_thread = false;
    return true;
}

struct bfs_advice *bfs_advice_free(struct bfs_advice *advice)
{
    if (!advice)
        return NULL;
    (void)bfs_advice_stop(advice, UINT_MAX);
    for (; advice->n > 0; advice->n--)
        (void)bfs_file_unref(advice->queue[(advice->at + advice->n - 1) % QUEUE_SIZE].file);
    (void)pthread_mutex_destroy(&advice->mutex);
    (void)pthread_cond_destroy(&advice->asked);
    free(advice);
    return NULL;
}

int bfs_advice_new(struct bfs_advice **ret)
{
    BFS_CLEANUP(bfs_advice_cleanup) struct bfs_advice *advice = calloc(1, sizeof(*advice));
    if (!advice)
        return -ENOMEM;
    (void)pthread_mutex_init(&advice->mutex, NULL);
    (void)pthread_cond_init(&advice->asked, NULL);
    int r = bfs_thread_start(&advice->thread, run_advice, advice);
    if (r)
        return r;
    advice->has_thread = true;
    *ret = bfs_steal(&advice);
    return 0;
}

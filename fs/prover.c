/* SPDX-License-Identifier: Apache-2.0
 * A file that is being proved has a few lanes: jobs that take the next chunks in file order, and
 * queue themselves again behind what others want. */
#include "fs/prover.h"

#include "fs/chunk_log.h"

#include <pthread.h>

enum { LANES_MAX = 8 }; /* more workers are left to reads, and the memory of their chunks unused */

struct proving;

struct lane {
    struct bfs_job job;
    struct proving *proving;
};

/* One file; gone when its last lane is. */
struct proving {
    struct bfs_prover *prover;
    struct bfs_file *file; /* a reference */
    uint32_t n_chunks;
    struct proving *next;
    struct bfs_opening *openings; /* protected by the prover's mutex, like all below */
    uint32_t at;                  /* the first chunk that no lane has taken */
    unsigned n_lanes;             /* that are not done */
    int status;
    struct lane lanes[LANES_MAX];
};

struct bfs_prover {
    struct bfs_pool *pool;
    struct bfs_cache *cache;
    struct bfs_proofs *proofs;
    struct bfs_calls *calls;
    struct bfs_metrics *metrics;
    const struct bfs_log *log;
    pthread_mutex_t mutex;
    struct proving *first; /* protected by mutex */
};

/* Chunks that a lane has taken, of which some are not remembered as proved. */
struct piece {
    struct bfs_chunk_want wants[BFS_CHUNKS_MAX];
    struct bfs_blob_state states[BFS_CHUNKS_MAX];
    size_t n;
    size_t raw_max;
};

int bfs_prover_new(struct bfs_pool *pool, struct bfs_cache *cache, struct bfs_proofs *proofs,
                   struct bfs_calls *calls, struct bfs_metrics *metrics, const struct bfs_log *log,
                   struct bfs_prover **ret)
{
    struct bfs_prover *prover = calloc(1, sizeof(*prover));
    if (!prover)
        return -ENOMEM;
    *prover = (struct bfs_prover){.pool = pool,
                                  .cache = cache,
                                  .proofs = proofs,
                                  .calls = calls,
                                  .metrics = metrics,
                                  .log = log};
    (void)pthread_mutex_init(&prover->mutex, NULL);
    *ret = prover;
    return 0;
}

struct bfs_prover *bfs_prover_free(struct bfs_prover *prover)
{
    if (prover) {
        (void)pthread_mutex_destroy(&prover->mutex);
        free(prover);
    }
    return NULL;
}

/* The next chunks, with the mutex held: as many as a worker may have in memory at once. */
static uint32_t take_range(struct proving *proving, uint32_t *ret_first)
{
    const struct bfs_chunk_table *table = bfs_file_table(proving->file);
    size_t limit = bfs_cache_together(proving->prover->cache), stored = 0;
    uint32_t n = 0;
    *ret_first = proving->at;
    while (!proving->status && n < BFS_CHUNKS_MAX && proving->at < proving->n_chunks) {
        stored += bfs_chunk_table_at(table, proving->at).stored_size;
        if (n > 0 && stored > limit)
            break;
        proving->at++;
        n++;
    }
    return n;
}

static void select_unproved(const struct proving *proving, uint32_t first, uint32_t n,
                            struct piece *piece)
{
    const struct bfs_chunk_table *table = bfs_file_table(proving->file);
    for (uint32_t i = first; i < first + n; i++) {
        if (bfs_proofs_has(proving->prover->proofs, proving->file, i, &piece->states[piece->n]))
            continue;
        uint32_t raw_size = bfs_chunk_table_at(table, i).raw_size;
        piece->wants[piece->n++] = (struct bfs_chunk_want){.file = proving->file, .index = i};
        if (piece->raw_max < raw_size)
            piece->raw_max = raw_size;
    }
}

static int prove_piece(const struct proving *proving, const struct piece *piece,
                       struct bfs_chunk_reader *reader)
{
    const struct bfs_prover *prover = proving->prover;
    struct bfs_error error = {0};
    if (piece->n == 0)
        return 0;
    bfs_autofree uint8_t *raw = malloc(piece->raw_max + (size_t)1);
    if (!raw)
        return -ENOMEM;
    bfs_file_fetch_chunks(reader, piece->wants, piece->n);
    for (size_t k = 0; k < piece->n; k++) {
        const struct bfs_chunk_want *want = &piece->wants[k];
        struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(proving->file), want->index);
        int r = bfs_file_take_chunk(reader, k, want, raw, &error);
        if (r) {
            bfs_log_chunk(prover->log, prover->metrics, proving->file, r, &error);
            return r;
        }
        bfs_proofs_add(prover->proofs, proving->file, want->index, &piece->states[k]);
        bfs_cache_count_decoded(prover->cache, &chunk, false);
    }
    return 0;
}

static void call_all(struct bfs_opening *openings, int status)
{
    for (struct bfs_opening *next; openings; openings = next) {
        next = openings->next; /* done() may free it */
        openings->done(openings, status);
    }
}

/* Gives those who wait more time, and takes out who does not wait any more, with the mutex held. */
static void renew(struct proving *proving, struct bfs_opening **ret_interrupted,
                  struct bfs_opening **ret_expired)
{
    for (struct bfs_opening **at = &proving->openings, *opening; (opening = *at);) {
        int r = bfs_call_renew(proving->prover->calls, opening->call);
        if (r == 0) {
            at = &opening->next;
            continue;
        }
        struct bfs_opening **list = r == -EINTR ? ret_interrupted : ret_expired;
        *at = opening->next;
        opening->next = *list;
        *list = opening;
    }
    if (!proving->openings && !proving->status)
        proving->status = -EINTR;
}

static void free_proving(struct proving *proving)
{
    (void)bfs_file_unref(proving->file);
    free(proving);
}

/* The last lane has ended, with the mutex held: nobody joins any more. */
static struct bfs_opening *end(struct proving *proving)
{
    struct proving **at = &proving->prover->first;
    while (*at != proving)
        at = &(*at)->next;
    *at = proving->next;
    return proving->openings;
}

static void leave(struct proving *proving, int status)
{
    struct bfs_prover *prover = proving->prover;
    struct bfs_opening *openings = NULL;
    (void)pthread_mutex_lock(&prover->mutex);
    if (status && !proving->status)
        proving->status = status;
    bool last = --proving->n_lanes == 0;
    if (last)
        openings = end(proving);
    status = proving->status;
    (void)pthread_mutex_unlock(&prover->mutex);
    if (!last)
        return;
    if (status == 0)
        bfs_metric_add(prover->metrics, BFS_METRIC_FILES_PROVED, 1);
    call_all(openings, status);
    free_proving(proving);
}

static void run_lane(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct lane *lane = (struct lane *)job; /* its first member */
    struct proving *proving = lane->proving;
    struct bfs_prover *prover = proving->prover;
    struct bfs_opening *interrupted = NULL, *expired = NULL;
    struct piece piece = {.n = 0};
    uint32_t first;
    if (!reader) {
        leave(proving, -ESHUTDOWN);
        return;
    }
    (void)pthread_mutex_lock(&prover->mutex);
    uint32_t n = take_range(proving, &first);
    (void)pthread_mutex_unlock(&prover->mutex);
    select_unproved(proving, first, n, &piece);
    int status = prove_piece(proving, &piece, reader);
    (void)pthread_mutex_lock(&prover->mutex);
    renew(proving, &interrupted, &expired);
    (void)pthread_mutex_unlock(&prover->mutex);
    call_all(interrupted, -EINTR);
    call_all(expired, -ETIMEDOUT);
    if (status || n == 0)
        leave(proving, status);
    else
        bfs_pool_submit(prover->pool, &lane->job, BFS_PRIORITY_DEMAND);
}

/* With the mutex held; NULL: no memory. */
static struct proving *make(struct bfs_prover *prover, struct bfs_file *file)
{
    struct proving *proving = calloc(1, sizeof(*proving));
    if (!proving)
        return NULL;
    unsigned n_workers = bfs_pool_n_workers(prover->pool);
    proving->prover = prover;
    proving->file = bfs_file_ref(file);
    proving->n_chunks = bfs_chunk_table_n_chunks(bfs_file_table(file));
    proving->n_lanes = n_workers < LANES_MAX ? n_workers : LANES_MAX;
    for (unsigned i = 0; i < proving->n_lanes; i++)
        proving->lanes[i] = (struct lane){.job.run = run_lane, .proving = proving};
    proving->next = prover->first;
    prover->first = proving;
    return proving;
}

/* One that has failed or was given up is not joined: this open starts anew. */
static struct proving *find(const struct bfs_prover *prover, const struct bfs_file *file)
{
    struct proving *proving = prover->first;
    while (proving && (proving->file != file || proving->status))
        proving = proving->next;
    return proving;
}

void bfs_prover_start(struct bfs_prover *prover, struct bfs_file *file, struct bfs_opening *opening)
{
    if (!bfs_file_table(file)) {
        opening->done(opening, 0);
        return;
    }
    (void)pthread_mutex_lock(&prover->mutex);
    struct proving *proving = find(prover, file);
    bool is_new = !proving;
    if (is_new)
        proving = make(prover, file);
    if (proving) {
        opening->next = proving->openings;
        proving->openings = opening;
    }
    /* Lanes that are queued may end, and take `proving` with them, before all are. */
    struct bfs_job *first = NULL, **last = &first;
    for (unsigned i = 0; is_new && proving && i < proving->n_lanes; i++) {
        *last = &proving->lanes[i].job;
        last = &proving->lanes[i].job.next;
    }
    (void)pthread_mutex_unlock(&prover->mutex);
    if (!proving)
        opening->done(opening, -ENOMEM);
    else
        bfs_pool_submit_all(prover->pool, first, BFS_PRIORITY_DEMAND);
}

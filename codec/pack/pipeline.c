/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/pack/pipeline.h"

#include <pthread.h>
#include <string.h>

enum {
    /* Of all chunks whose digests are computed together: more would leave the processor's cache,
     * and chunks of megabytes would take gigabytes. */
    TOGETHER_SIZE = BFS_PIPELINE_TOGETHER * (320 << 10),
    /* What an encoder's tools are beside buffers of the raw capacity: contexts of zstd. */
    TOOLS_SIZE = 3 << 20,
    /* Buffers of the raw capacity: the encoder's, the reader's and the scratch memory. */
    TOOLS_BUFFERS = 6,
    SLOT_BUFFERS = 2,
};

/* How far a slot is. */
enum stage {
    FILLED, /* or free */
    ENCODED,
    DIGESTED, /* ready to be written */
};

struct bfs_pipeline {
    const struct bfs_pipeline_ops *ops;
    void *context;

    struct bfs_slot *slots;
    enum stage *stages; /* protected by mutex */
    size_t n_slots;
    size_t together; /* how many are digested at once */

    pthread_mutex_t mutex;
    pthread_cond_t filled;  /* work for encoders */
    pthread_cond_t ready;   /* work for the writer */
    pthread_cond_t written; /* a free slot, or all done */
    uint64_t n_filled;      /* protected by mutex, like all below */
    uint64_t n_taken;       /* by encoders */
    uint64_t n_written;
    size_t n_encoded; /* slots at that stage */
    bool finishing;   /* nothing more will be filled */
    bool stopping;
    struct bfs_error failure; /* the first; code 0 while there is none */

    /* Of each thread: the encoders', and the writer's last. */
    struct worker *workers;
    unsigned n_workers;
    unsigned n_threads; /* of those, how many run */
};

struct worker {
    struct bfs_pipeline *pipeline;
    pthread_t thread;
    struct bfs_pipeline_tools tools;
};

static bool is_over(const struct bfs_pipeline *pipeline)
{
    return pipeline->stopping || pipeline->failure.code;
}

static void fail(struct bfs_pipeline *pipeline, int code, const struct bfs_error *error)
{
    if (!pipeline->failure.code) {
        pipeline->failure = *error;
        pipeline->failure.code = code;
    }
    (void)pthread_cond_broadcast(&pipeline->filled);
    (void)pthread_cond_broadcast(&pipeline->ready);
    (void)pthread_cond_broadcast(&pipeline->written);
}

/* Enough for a digest of many, or no more will come before these are written. */
static bool is_digest_due(const struct bfs_pipeline *pipeline)
{
    if (pipeline->n_encoded >= pipeline->together)
        return true;
    return pipeline->n_encoded > 0 && pipeline->n_taken == pipeline->n_filled &&
           (pipeline->finishing || pipeline->n_filled - pipeline->n_written == pipeline->n_slots);
}

/* The oldest first: the writer waits for those. With the mutex held on entry and exit. */
static int digest_some(struct bfs_pipeline *pipeline, struct bfs_error *error)
{
    struct bfs_slot *slots[BFS_PIPELINE_TOGETHER];
    size_t n = 0;
    for (uint64_t k = pipeline->n_written; k < pipeline->n_taken && n < pipeline->together; k++) {
        size_t i = k % pipeline->n_slots;
        if (pipeline->stages[i] != ENCODED)
            continue;
        pipeline->stages[i] = FILLED; /* nobody else takes it */
        slots[n++] = &pipeline->slots[i];
    }
    pipeline->n_encoded -= n;
    (void)pthread_mutex_unlock(&pipeline->mutex);
    int r = pipeline->ops->digest(pipeline->context, slots, n, error);
    (void)pthread_mutex_lock(&pipeline->mutex);
    for (size_t k = 0; k < n; k++)
        pipeline->stages[slots[k] - pipeline->slots] = DIGESTED;
    (void)pthread_cond_signal(&pipeline->ready);
    return r;
}

static int encode_next(struct bfs_pipeline *pipeline, const struct bfs_pipeline_tools *tools,
                       struct bfs_error *error)
{
    size_t i = pipeline->n_taken++ % pipeline->n_slots;
    struct bfs_slot *slot = &pipeline->slots[i];
    if (slot->is_end) {
        pipeline->stages[i] = DIGESTED;
        (void)pthread_cond_signal(&pipeline->ready);
        return 0;
    }
    (void)pthread_mutex_unlock(&pipeline->mutex);
    int r = pipeline->ops->encode(pipeline->context, tools, slot, error);
    (void)pthread_mutex_lock(&pipeline->mutex);
    pipeline->stages[i] = ENCODED;
    pipeline->n_encoded++;
    return r;
}

static void *run_encoder(void *argument)
{
    const struct worker *worker = argument;
    struct bfs_pipeline *pipeline = worker->pipeline;
    (void)pthread_mutex_lock(&pipeline->mutex);
    while (!is_over(pipeline)) {
        struct bfs_error error = {0};
        int r = 0;
        if (is_digest_due(pipeline))
            r = digest_some(pipeline, &error);
        else if (pipeline->n_taken < pipeline->n_filled)
            r = encode_next(pipeline, &worker->tools, &error);
        else
            (void)pthread_cond_wait(&pipeline->filled, &pipeline->mutex);
        if (r)
            fail(pipeline, r, &error);
    }
    (void)pthread_mutex_unlock(&pipeline->mutex);
    return NULL;
}

static void *run_writer(void *argument)
{
    const struct worker *worker = argument;
    struct bfs_pipeline *pipeline = worker->pipeline;
    (void)pthread_mutex_lock(&pipeline->mutex);
    for (;;) {
        size_t i = pipeline->n_written % pipeline->n_slots;
        while (!is_over(pipeline) && pipeline->stages[i] != DIGESTED)
            (void)pthread_cond_wait(&pipeline->ready, &pipeline->mutex);
        if (is_over(pipeline))
            break;
        (void)pthread_mutex_unlock(&pipeline->mutex);
        struct bfs_error error = {0};
        int r =
            pipeline->ops->write(pipeline->context, &worker->tools, &pipeline->slots[i], &error);
        (void)pthread_mutex_lock(&pipeline->mutex);
        pipeline->stages[i] = FILLED;
        if (r) {
            fail(pipeline, r, &error);
        } else {
            pipeline->n_written++;
            (void)pthread_cond_signal(&pipeline->written);
        }
    }
    (void)pthread_mutex_unlock(&pipeline->mutex);
    return NULL;
}

struct bfs_pipeline *bfs_pipeline_free(struct bfs_pipeline *pipeline)
{
    if (!pipeline)
        return NULL;
    (void)pthread_mutex_lock(&pipeline->mutex);
    pipeline->stopping = true;
    (void)pthread_cond_broadcast(&pipeline->filled);
    (void)pthread_cond_broadcast(&pipeline->ready);
    (void)pthread_mutex_unlock(&pipeline->mutex);
    for (unsigned i = 0; i < pipeline->n_threads; i++)
        (void)pthread_join(pipeline->workers[i].thread, NULL);
    for (size_t i = 0; pipeline->slots && i < pipeline->n_slots; i++) {
        free(pipeline->slots[i].raw);
        free(pipeline->slots[i].memory);
    }
    for (unsigned i = 0; pipeline->workers && i < pipeline->n_workers; i++) {
        struct bfs_pipeline_tools *tools = &pipeline->workers[i].tools;
        (void)bfs_encoder_free(tools->encoder);
        (void)bfs_chunk_reader_free(tools->reader);
        free(tools->scratch);
    }
    free(pipeline->slots);
    free(pipeline->stages);
    free(pipeline->workers);
    (void)pthread_mutex_destroy(&pipeline->mutex);
    (void)pthread_cond_destroy(&pipeline->filled);
    (void)pthread_cond_destroy(&pipeline->ready);
    (void)pthread_cond_destroy(&pipeline->written);
    free(pipeline);
    return NULL;
}

static int init_slots(struct bfs_pipeline *pipeline, uint32_t raw_capacity)
{
    pipeline->slots = calloc(pipeline->n_slots, sizeof(*pipeline->slots));
    pipeline->stages = calloc(pipeline->n_slots, sizeof(*pipeline->stages));
    if (!pipeline->slots || !pipeline->stages)
        return -ENOMEM;
    for (size_t i = 0; i < pipeline->n_slots; i++) {
        struct bfs_slot *slot = &pipeline->slots[i];
        slot->raw = malloc(raw_capacity);
        slot->memory = malloc(raw_capacity);
        if (!slot->raw || !slot->memory)
            return -ENOMEM;
    }
    return 0;
}

static int init_workers(struct bfs_pipeline *pipeline, uint32_t raw_capacity)
{
    pipeline->workers = calloc(pipeline->n_workers, sizeof(*pipeline->workers));
    if (!pipeline->workers)
        return -ENOMEM;
    for (unsigned i = 0; i < pipeline->n_workers; i++) {
        struct worker *worker = &pipeline->workers[i];
        bool is_writer = i + 1 == pipeline->n_workers;
        int r;
        worker->pipeline = pipeline;
        if ((r = bfs_chunk_reader_new(&worker->tools.reader)) ||
            (!is_writer && (r = bfs_encoder_new(&worker->tools.encoder))))
            return r;
        worker->tools.scratch = malloc(raw_capacity);
        if (!worker->tools.scratch)
            return -ENOMEM;
    }
    return 0;
}

static int start(struct bfs_pipeline *pipeline, void *(*run)(void *))
{
    struct worker *worker = &pipeline->workers[pipeline->n_threads];
    int r = pthread_create(&worker->thread, NULL, run, worker);
    if (r)
        return -r;
    pipeline->n_threads++;
    return 0;
}

static size_t together_of(uint32_t raw_capacity)
{
    size_t best = bfs_sha256_many_best(), most = TOGETHER_SIZE / raw_capacity;
    best = best < most ? best : most;
    return best ? best : 1;
}

/* Enough that no encoder waits while the writer writes and the reader reads, with those that wait
 * for their digests. */
static size_t count_slots(unsigned n_encoders, size_t together)
{
    return 2 * (size_t)n_encoders + 2 * together + 2;
}

unsigned bfs_pipeline_encoders(unsigned n_encoders, uint32_t raw_capacity)
{
    uint64_t slot = (uint64_t)SLOT_BUFFERS * raw_capacity;
    uint64_t tools = TOOLS_SIZE + (uint64_t)TOOLS_BUFFERS * raw_capacity;
    uint64_t fixed = count_slots(0, together_of(raw_capacity)) * slot + tools;
    uint64_t left = fixed < BFS_PIPELINE_MEMORY ? BFS_PIPELINE_MEMORY - fixed : 0;
    uint64_t most = left / (tools + 2 * slot);
    most = most ? most : 1;
    return n_encoders < most ? n_encoders : (unsigned)most;
}

int bfs_pipeline_new(const struct bfs_pipeline_ops *ops, void *context, unsigned n_encoders,
                     uint32_t raw_capacity, struct bfs_pipeline **ret)
{
    BFS_CLEANUP(bfs_pipeline_cleanup) struct bfs_pipeline *pipeline = calloc(1, sizeof(*pipeline));
    if (!pipeline)
        return -ENOMEM;
    pipeline->ops = ops;
    pipeline->context = context;
    pipeline->together = together_of(raw_capacity);
    n_encoders = bfs_pipeline_encoders(n_encoders, raw_capacity);
    pipeline->n_slots = count_slots(n_encoders, pipeline->together);
    pipeline->n_workers = n_encoders + 1;
    (void)pthread_mutex_init(&pipeline->mutex, NULL);
    (void)pthread_cond_init(&pipeline->filled, NULL);
    (void)pthread_cond_init(&pipeline->ready, NULL);
    (void)pthread_cond_init(&pipeline->written, NULL);
    int r = init_slots(pipeline, raw_capacity);
    if (r == 0)
        r = init_workers(pipeline, raw_capacity);
    for (unsigned i = 0; r == 0 && i < n_encoders; i++)
        r = start(pipeline, run_encoder);
    if (r == 0)
        r = start(pipeline, run_writer);
    if (r)
        return r;
    *ret = bfs_steal(&pipeline);
    return 0;
}

/* Waits until at most `limit` slots are on their way. */
static int wait_below(struct bfs_pipeline *pipeline, uint64_t limit, struct bfs_error *error)
{
    (void)pthread_mutex_lock(&pipeline->mutex);
    while (!pipeline->failure.code && pipeline->n_filled - pipeline->n_written > limit)
        (void)pthread_cond_wait(&pipeline->written, &pipeline->mutex);
    int r = pipeline->failure.code;
    if (r && error)
        *error = pipeline->failure;
    (void)pthread_mutex_unlock(&pipeline->mutex);
    return r;
}

int bfs_pipeline_slot(struct bfs_pipeline *pipeline, struct bfs_slot **ret, struct bfs_error *error)
{
    int r = wait_below(pipeline, pipeline->n_slots - 1, error);
    if (r)
        return r;
    *ret = &pipeline->slots[pipeline->n_filled % pipeline->n_slots];
    (*ret)->transform = BFS_TRANSFORM_NONE;
    return 0;
}

void bfs_pipeline_submit(struct bfs_pipeline *pipeline)
{
    (void)pthread_mutex_lock(&pipeline->mutex);
    pipeline->n_filled++;
    (void)pthread_cond_signal(&pipeline->filled);
    (void)pthread_mutex_unlock(&pipeline->mutex);
}

int bfs_pipeline_finish(struct bfs_pipeline *pipeline, struct bfs_error *error)
{
    (void)pthread_mutex_lock(&pipeline->mutex);
    pipeline->finishing = true;
    (void)pthread_cond_broadcast(&pipeline->filled);
    (void)pthread_mutex_unlock(&pipeline->mutex);
    return wait_below(pipeline, 0, error);
}

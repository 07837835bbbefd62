/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/content/content.h"

#include "codec/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* From this size on a file has enough chunks to keep all threads busy. */
#define LARGE_SIZE (UINT64_C(8) << 20)

/* Scratch of one thread. */
struct worker {
    struct bfs_chunk_reader *reader;
    uint8_t *raw;
    struct bfs_sha256_stream *sha256; /* of the file that this thread reads alone */
};

struct content {
    struct bfs_bundle *bundle;
    const struct bfs_content_ops *ops;
    void *context;
    struct worker *workers;
    unsigned n_workers;
    const uint32_t *small;
    atomic_uint_fast64_t done; /* bytes, since the last progress() */
};

/* A file that all threads read. */
struct shared_file {
    struct content *content;
    struct bfs_file *file;
    void *sink;
    struct bfs_sha256_stream *sha256;
    pthread_mutex_t mutex;
    pthread_cond_t turned;
    uint64_t turn; /* the chunk that is hashed next */
    bool broken;   /* a chunk is missing, so there is no digest */
    bool stopped;  /* nobody needs to wait for a turn any more */
};

static int report(struct content *content, uint32_t inode, const uint32_t *chunk, int code,
                  struct bfs_error *error)
{
    if (code != -ENOMEM && code != -EINTR && content->ops->failed)
        return content->ops->failed(content->context, inode, chunk, error);
    bfs_autofree char *path = bfs_index_path(bfs_bundle_index(content->bundle), inode);
    return path ? bfs_fail_context(error, code, "%s", path) : code;
}

static int take(struct content *content, void *sink, const struct bfs_file *file, uint32_t i,
                const uint8_t *raw, struct bfs_error *error)
{
    struct bfs_chunk chunk = bfs_chunk_table_at(bfs_file_table(file), i);
    (void)atomic_fetch_add(&content->done, chunk.raw_size);
    return content->ops->take ? content->ops->take(content->context, sink, &chunk, raw, error) : 0;
}

static int compare_digest(const struct bfs_file *file, struct bfs_sha256_stream *sha256,
                          struct bfs_error *error)
{
    struct bfs_inode inode =
        bfs_index_inode(bfs_bundle_index(bfs_file_bundle(file)), bfs_file_inode(file));
    struct bfs_digest digest;
    int r = bfs_sha256_stream_finish(sha256, &digest);
    if (r)
        return bfs_fail(error, r, "cannot compute SHA-256");
    if (bfs_digest_equal(&digest, &inode.digest))
        return 0;
    char expected[BFS_DIGEST_TEXT_SIZE], found[BFS_DIGEST_TEXT_SIZE];
    (void)bfs_fail(error, -EBADMSG, "the content does not match the file's digest");
    (void)bfs_fail_values(error, bfs_digest_text(&inode.digest, expected),
                          bfs_digest_text(&digest, found));
    return -EBADMSG;
}

/* Reads all chunks in order; *whole tells whether none was bad. */
static int read_chunks(struct content *content, struct worker *worker, struct bfs_file *file,
                       void *sink, bool *whole, struct bfs_error *error)
{
    const struct bfs_chunk_table *table = bfs_file_table(file);
    uint32_t n = table ? bfs_chunk_table_n_chunks(table) : 0;
    for (uint32_t i = 0; i < n; i++) {
        int r = bfs_file_read_chunk(file, worker->reader, i, worker->raw, error);
        if (r) {
            *whole = false;
            r = report(content, bfs_file_inode(file), &i, r, error);
            if (r)
                return r;
            continue;
        }
        if ((r = take(content, sink, file, i, worker->raw, error)) ||
            (r = bfs_sha256_stream_update(worker->sha256, worker->raw,
                                          bfs_chunk_table_at(table, i).raw_size)))
            return r;
    }
    return 0;
}

static int begin(struct content *content, struct bfs_file *file, void **ret_sink,
                 struct bfs_error *error)
{
    *ret_sink = NULL;
    return content->ops->begin ? content->ops->begin(content->context, file, ret_sink, error) : 0;
}

static int end(struct content *content, void *sink, struct bfs_file *file, int result,
               struct bfs_error *error)
{
    return content->ops->end ? content->ops->end(content->context, sink, file, result, error)
                             : result;
}

static int read_alone(struct content *content, struct worker *worker, uint32_t number,
                      struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    struct bfs_digest unused;
    void *sink;
    bool whole = true;
    int r = bfs_file_open(content->bundle, number, &file, error);
    if (r)
        return report(content, number, NULL, r, error);
    r = begin(content, file, &sink, error);
    if (r)
        return r;
    r = read_chunks(content, worker, file, sink, &whole, error);
    int digest = 0;
    if (r == 0 && whole)
        digest = compare_digest(file, worker->sha256, error);
    else
        (void)bfs_sha256_stream_finish(worker->sha256, &unused);
    if (digest)
        r = report(content, number, NULL, digest, error);
    int proved = r ? r : digest ? digest : whole ? 0 : -EBADMSG;
    int ended = end(content, sink, file, proved, error);
    return r ? r : proved ? 0 : ended;
}

/* Waits until all chunks before i are hashed, then hashes this one (NULL: it was bad). */
static int hash_in_turn(struct shared_file *shared, uint64_t i, const uint8_t *raw, size_t size)
{
    int r = 0;
    (void)pthread_mutex_lock(&shared->mutex);
    while (shared->turn != i && !shared->stopped)
        (void)pthread_cond_wait(&shared->turned, &shared->mutex);
    bool hash = raw && !shared->stopped && !shared->broken;
    if (!raw)
        shared->broken = true;
    (void)pthread_mutex_unlock(&shared->mutex);
    if (hash)
        r = bfs_sha256_stream_update(shared->sha256, raw, size);
    (void)pthread_mutex_lock(&shared->mutex);
    shared->turn++;
    (void)pthread_cond_broadcast(&shared->turned);
    (void)pthread_mutex_unlock(&shared->mutex);
    return r;
}

static void stop(struct shared_file *shared)
{
    (void)pthread_mutex_lock(&shared->mutex);
    shared->stopped = true;
    (void)pthread_cond_broadcast(&shared->turned);
    (void)pthread_mutex_unlock(&shared->mutex);
}

static int work_chunk(void *context, unsigned number, uint64_t i, struct bfs_error *error)
{
    struct shared_file *shared = context;
    struct worker *worker = &shared->content->workers[number];
    uint32_t chunk = (uint32_t)i;
    const uint8_t *raw = worker->raw;
    int r = bfs_file_read_chunk(shared->file, worker->reader, chunk, worker->raw, error);
    if (r) {
        raw = NULL;
        r = report(shared->content, bfs_file_inode(shared->file), &chunk, r, error);
    } else {
        r = take(shared->content, shared->sink, shared->file, chunk, raw, error);
    }
    if (r == 0)
        r = hash_in_turn(shared, i, raw,
                         bfs_chunk_table_at(bfs_file_table(shared->file), chunk).raw_size);
    if (r)
        stop(shared);
    return r;
}

static int tick(struct content *content)
{
    uint64_t bytes = atomic_exchange(&content->done, 0);
    return content->ops->progress ? content->ops->progress(content->context, bytes) : 0;
}

static int tick_shared(void *context)
{
    struct shared_file *shared = context;
    return tick(shared->content);
}

static int read_shared(struct shared_file *shared, bool *whole, struct bfs_error *error)
{
    static const struct bfs_parallel_ops ops = {.work = work_chunk, .tick = tick_shared};
    int r = bfs_parallel_run(shared->content->n_workers,
                             bfs_chunk_table_n_chunks(bfs_file_table(shared->file)), &ops, shared,
                             error);
    *whole = !shared->broken;
    return r;
}

static int read_together(struct content *content, uint32_t number, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    BFS_CLEANUP(bfs_sha256_stream_cleanup) struct bfs_sha256_stream *sha256 = NULL;
    struct shared_file shared = {
        .content = content, .mutex = PTHREAD_MUTEX_INITIALIZER, .turned = PTHREAD_COND_INITIALIZER};
    bool whole;
    int r = bfs_file_open(content->bundle, number, &file, error);
    if (r)
        return report(content, number, NULL, r, error);
    r = bfs_sha256_stream_new(&sha256);
    if (r)
        return bfs_fail(error, r, "out of memory");
    r = begin(content, file, &shared.sink, error);
    if (r)
        return r;
    shared.file = file;
    shared.sha256 = sha256;
    r = read_shared(&shared, &whole, error);
    (void)pthread_mutex_destroy(&shared.mutex);
    (void)pthread_cond_destroy(&shared.turned);
    int digest = r == 0 && whole ? compare_digest(file, sha256, error) : 0;
    if (digest)
        r = report(content, number, NULL, digest, error);
    int proved = r ? r : digest ? digest : whole ? 0 : -EBADMSG;
    int ended = end(content, shared.sink, file, proved, error);
    return r ? r : proved ? 0 : ended;
}

static int work_small(void *context, unsigned worker, uint64_t i, struct bfs_error *error)
{
    struct content *content = context;
    return read_alone(content, &content->workers[worker], content->small[i], error);
}

static int tick_small(void *context)
{
    return tick(context);
}

static int read_files(struct content *content, const uint32_t *files, size_t n,
                      struct bfs_error *error)
{
    static const struct bfs_parallel_ops ops = {.work = work_small, .tick = tick_small};
    const struct bfs_index *index = bfs_bundle_index(content->bundle);
    bfs_autofree uint32_t *small = calloc(n + 1, sizeof(*small));
    size_t n_small = 0;
    if (!small)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        int r = 0;
        if (bfs_index_inode(index, files[i]).size < LARGE_SIZE)
            small[n_small++] = files[i];
        else
            r = read_together(content, files[i], error);
        if (r)
            return r;
    }
    content->small = small;
    return bfs_parallel_run(content->n_workers, n_small, &ops, content, error);
}

static int init_workers(struct content *content, struct bfs_error *error)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < content->n_workers; i++) {
        struct worker *worker = &content->workers[i];
        worker->raw = malloc(BFS_CHUNK_WIDE_MAX);
        r = worker->raw ? bfs_chunk_reader_new(&worker->reader) : -ENOMEM;
        if (r == 0)
            r = bfs_sha256_stream_new(&worker->sha256);
    }
    return r ? bfs_fail(error, r, "out of memory") : 0;
}

int bfs_content_read(struct bfs_bundle *bundle, const uint32_t *files, size_t n, unsigned n_jobs,
                     const struct bfs_content_ops *ops, void *context, struct bfs_error *error)
{
    bfs_autofree struct worker *workers = calloc(n_jobs, sizeof(*workers));
    struct content content = {
        .bundle = bundle, .ops = ops, .context = context, .workers = workers, .n_workers = n_jobs};
    /* Failures that failed() lets pass are written here too, and must not reach the caller. */
    struct bfs_error failure = {0};
    if (!workers)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = init_workers(&content, &failure);
    if (r == 0)
        r = read_files(&content, files, n, &failure);
    int ticked = tick(&content);
    if (r == 0 && ticked)
        r = bfs_fail(&failure, ticked, "%s", strerror(-ticked));
    if (r && error)
        *error = failure;
    for (unsigned i = 0; i < n_jobs; i++) {
        (void)bfs_chunk_reader_free(workers[i].reader);
        (void)bfs_sha256_stream_free(workers[i].sha256);
        free(workers[i].raw);
    }
    return r;
}

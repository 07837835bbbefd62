/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/files.h"

#include <pthread.h>

enum { N_BUCKETS = 1024 }; /* files open at once are hundreds at most */

struct bfs_files {
    struct bfs_readahead_limits *limits;
    struct bfs_pool *pool;
    struct bfs_metrics *metrics;
    pthread_mutex_t mutex;
    struct bfs_open_file *buckets[N_BUCKETS]; /* protected by mutex, like all below */
    uint64_t n_files;
    struct opening *openings;
    pthread_cond_t opened; /* one of them has ended */
};

/* A table that is being read. */
struct opening {
    uint64_t node;
    struct opening *next;
};

int bfs_files_new(struct bfs_readahead_limits *limits, struct bfs_pool *pool,
                  struct bfs_metrics *metrics, struct bfs_files **ret)
{
    struct bfs_files *files = calloc(1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    files->limits = limits;
    files->pool = pool;
    files->metrics = metrics;
    (void)pthread_mutex_init(&files->mutex, NULL);
    (void)pthread_cond_init(&files->opened, NULL);
    *ret = files;
    return 0;
}

static void destroy(struct bfs_open_file *open)
{
    (void)bfs_readahead_free(open->readahead);
    (void)bfs_file_unref(open->file);
    free(open);
}

/* Also while the pool is stopping: what is held is released. */
static void run_closing(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    (void)reader;
    destroy((struct bfs_open_file *)((char *)job - offsetof(struct bfs_open_file, closing)));
}

static void destroy_later(struct bfs_files *files, struct bfs_open_file *open)
{
    open->closing = (struct bfs_job){.run = run_closing};
    if (files->pool)
        bfs_pool_submit(files->pool, &open->closing, BFS_PRIORITY_METADATA);
    else
        destroy(open);
}

void bfs_files_lose_pool(struct bfs_files *files)
{
    if (files)
        files->pool = NULL;
}

struct bfs_files *bfs_files_free(struct bfs_files *files)
{
    if (!files)
        return NULL;
    for (size_t i = 0; i < N_BUCKETS; i++) {
        while (files->buckets[i]) {
            struct bfs_open_file *open = files->buckets[i];
            files->buckets[i] = open->next;
            destroy(open);
        }
    }
    (void)pthread_cond_destroy(&files->opened);
    (void)pthread_mutex_destroy(&files->mutex);
    free(files);
    return NULL;
}

/* Slots are in the high half of a node number, inodes in the low one. */
static struct bfs_open_file **bucket_of(struct bfs_files *files, uint64_t node)
{
    return &files->buckets[(node ^ node >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

static struct bfs_open_file *find_locked(struct bfs_files *files, uint64_t node)
{
    struct bfs_open_file *open = *bucket_of(files, node);
    while (open && open->node != node)
        open = open->next;
    if (open)
        open->references++;
    return open;
}

struct bfs_open_file *bfs_files_find(struct bfs_files *files, uint64_t node)
{
    (void)pthread_mutex_lock(&files->mutex);
    struct bfs_open_file *open = find_locked(files, node);
    (void)pthread_mutex_unlock(&files->mutex);
    return open;
}

int bfs_files_share(struct bfs_files *files, uint64_t node, struct bfs_file *file,
                    struct bfs_open_file **ret)
{
    struct bfs_open_file *made = calloc(1, sizeof(*made));
    if (!made) {
        (void)bfs_file_unref(file);
        return -ENOMEM;
    }
    made->node = node;
    made->references = 1;
    atomic_flag_clear(&made->is_counting);
    made->file = file;
    if (bfs_readahead_new(file, files->limits, &made->readahead)) {
        destroy_later(files, made);
        return -ENOMEM;
    }
    (void)pthread_mutex_lock(&files->mutex);
    struct bfs_open_file *open = find_locked(files, node);
    if (!open) {
        struct bfs_open_file **bucket = bucket_of(files, node);
        made->next = *bucket;
        *bucket = made;
        bfs_metric_set(files->metrics, BFS_METRIC_OPEN_FILES, ++files->n_files);
    }
    (void)pthread_mutex_unlock(&files->mutex);
    if (open)
        destroy_later(files, made);
    *ret = open ? open : made;
    return 0;
}

static bool is_being_opened(const struct bfs_files *files, uint64_t node)
{
    const struct opening *opening = files->openings;
    while (opening && opening->node != node)
        opening = opening->next;
    return opening != NULL;
}

/* What somebody else has opened meanwhile, or NULL, and the opening is in the list. */
static struct bfs_open_file *begin(struct bfs_files *files, struct opening *opening)
{
    struct bfs_open_file *open;
    (void)pthread_mutex_lock(&files->mutex);
    while (!(open = find_locked(files, opening->node)) && is_being_opened(files, opening->node))
        (void)pthread_cond_wait(&files->opened, &files->mutex);
    if (!open) {
        opening->next = files->openings;
        files->openings = opening;
    }
    (void)pthread_mutex_unlock(&files->mutex);
    return open;
}

static void end(struct bfs_files *files, const struct opening *opening)
{
    (void)pthread_mutex_lock(&files->mutex);
    struct opening **at = &files->openings;
    while (*at != opening)
        at = &(*at)->next;
    *at = opening->next;
    (void)pthread_cond_broadcast(&files->opened);
    (void)pthread_mutex_unlock(&files->mutex);
}

int bfs_files_open(struct bfs_files *files, uint64_t node, struct bfs_bundle *bundle,
                   uint32_t inode, struct bfs_open_file **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    struct opening opening = {.node = node};
    struct bfs_open_file *open = begin(files, &opening);
    if (open) {
        *ret = open;
        return 0;
    }
    int r = bfs_file_open(bundle, inode, &file, error);
    if (r == 0 && bfs_files_share(files, node, bfs_steal(&file), ret))
        r = bfs_fail(error, -ENOMEM, "out of memory");
    end(files, &opening);
    return r;
}

struct bfs_open_file *bfs_files_ref(struct bfs_files *files, struct bfs_open_file *open)
{
    (void)pthread_mutex_lock(&files->mutex);
    open->references++;
    (void)pthread_mutex_unlock(&files->mutex);
    return open;
}

void bfs_files_unref(struct bfs_files *files, struct bfs_open_file *open)
{
    (void)pthread_mutex_lock(&files->mutex);
    bool last = --open->references == 0;
    if (last) {
        struct bfs_open_file **at = bucket_of(files, open->node);
        while (*at != open)
            at = &(*at)->next;
        *at = open->next;
        bfs_metric_set(files->metrics, BFS_METRIC_OPEN_FILES, --files->n_files);
    }
    (void)pthread_mutex_unlock(&files->mutex);
    if (last)
        destroy_later(files, open);
}

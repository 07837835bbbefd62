/* SPDX-License-Identifier: Apache-2.0
 * Blobs by number and by digest, and those of them that are open for reading back. */
#include "codec/pack/dedup_private.h"

#include <unistd.h>

static int read_blob(struct bfs_dedup *dedup, uint32_t number, struct bfs_known_blob *ret)
{
    return bfs_spill_read(dedup->blobs.elements, (uint64_t)number * sizeof(*ret), ret,
                          sizeof(*ret));
}

static int write_blob(struct bfs_dedup *dedup, uint32_t number, const struct bfs_known_blob *blob)
{
    return bfs_spill_write(dedup->blobs.elements, (uint64_t)number * sizeof(*blob), blob,
                           sizeof(*blob));
}

struct blob_search {
    struct bfs_dedup *dedup;
    const struct bfs_digest *digest;
};

static int match_blob(void *context, uint32_t number, bool *ret)
{
    const struct blob_search *search = context;
    struct bfs_known_blob known;
    int r = read_blob(search->dedup, number, &known);
    *ret = r == 0 && bfs_digest_equal(&known.blob.digest, search->digest);
    return r;
}

static int add_known(struct bfs_dedup *dedup, const struct bfs_table_blob *blob, uint32_t *ret)
{
    struct blob_search search = {.dedup = dedup, .digest = &blob->digest};
    const struct bfs_known_blob known = {.blob = *blob, .has_digest = true};
    uint32_t hash = bfs_known_hash(blob->digest.bytes), number;
    int r = bfs_spill_index_find(dedup->blobs.index, hash, match_blob, &search, &number);
    if (r == 0 && number == BFS_SPILL_INDEX_NONE) {
        number = dedup->blobs.n;
        if ((r = write_blob(dedup, number, &known)) ||
            (r = bfs_spill_index_add(dedup->blobs.index, hash, number)))
            return r;
        dedup->blobs.n++;
    }
    if (r == 0)
        *ret = number;
    return r;
}

int bfs_dedup_add_blob(struct bfs_dedup *dedup, const struct bfs_table_blob *blob, uint32_t *ret)
{
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = add_known(dedup, blob, ret);
    (void)pthread_mutex_unlock(&dedup->mutex);
    return r;
}

static struct bfs_known_file *find_open(struct bfs_dedup *dedup, uint32_t blob)
{
    for (unsigned i = 0; i < dedup->n_open; i++)
        if (dedup->open[i].fd >= 0 && dedup->open[i].blob == blob)
            return &dedup->open[i];
    return NULL;
}

/* A place for one more: a new one, or that of the one that nobody uses for the longest time. NULL:
 * all are in use. */
static struct bfs_known_file *make_room(struct bfs_dedup *dedup)
{
    struct bfs_known_file *oldest = NULL;
    if (dedup->n_open < BFS_KNOWN_FILES_MAX)
        return &dedup->open[dedup->n_open++];
    for (unsigned i = 0; i < dedup->n_open; i++) {
        struct bfs_known_file *file = &dedup->open[i];
        if (file->users == 0 && (!oldest || file->used < oldest->used))
            oldest = file;
    }
    if (oldest)
        bfs_cleanup_close(&oldest->fd);
    return oldest;
}

static bool keep_open(struct bfs_dedup *dedup, uint32_t blob, int fd)
{
    struct bfs_known_file *file = make_room(dedup);
    if (file)
        *file = (struct bfs_known_file){.fd = fd, .blob = blob, .users = 1, .used = ++dedup->clock};
    return file != NULL;
}

static int add_open(struct bfs_dedup *dedup, int fd, uint32_t *ret)
{
    const struct bfs_known_blob known = {0};
    int r = write_blob(dedup, dedup->blobs.n, &known);
    if (r)
        return r;
    if (!keep_open(dedup, dedup->blobs.n, fd))
        return -EMFILE; /* each is being written, or read by a thread: there are not so many */
    *ret = dedup->blobs.n++;
    return 0;
}

int bfs_dedup_add_open_blob(struct bfs_dedup *dedup, int fd, uint32_t *ret)
{
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = add_open(dedup, fd, ret);
    (void)pthread_mutex_unlock(&dedup->mutex);
    if (r)
        bfs_cleanup_close(&fd);
    return r;
}

int bfs_dedup_close_blob(struct bfs_dedup *dedup, uint32_t number,
                         const struct bfs_table_blob *blob)
{
    const struct bfs_known_blob known = {.blob = *blob, .has_digest = true};
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = write_blob(dedup, number, &known);
    struct bfs_known_file *file = find_open(dedup, number);
    if (r == 0 && file)
        file->users--;
    (void)pthread_mutex_unlock(&dedup->mutex);
    return r;
}

int bfs_dedup_blob(struct bfs_dedup *dedup, uint32_t number, struct bfs_table_blob *ret,
                   bool *ret_closed)
{
    struct bfs_known_blob known;
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = read_blob(dedup, number, &known);
    (void)pthread_mutex_unlock(&dedup->mutex);
    if (r)
        return r;
    *ret_closed = known.has_digest;
    if (known.has_digest)
        *ret = known.blob;
    return 0;
}

static int take(struct bfs_dedup *dedup, uint32_t blob, int *ret)
{
    struct bfs_known_file *file = find_open(dedup, blob);
    struct bfs_known_blob known;
    int fd = -1;
    if (file) {
        file->users++;
        file->used = ++dedup->clock;
        *ret = file->fd;
        return 0;
    }
    int r = read_blob(dedup, blob, &known);
    if (r)
        return r;
    if (known.has_digest &&
        bfs_store_open_blob(dedup->store, &known.blob.digest, known.blob.size, &fd, NULL) == 0)
        (void)keep_open(dedup, blob, fd); /* otherwise its only user closes it */
    *ret = fd;
    return 0;
}

int bfs_known_file_take(struct bfs_dedup *dedup, uint32_t blob, int *ret)
{
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = take(dedup, blob, ret);
    (void)pthread_mutex_unlock(&dedup->mutex);
    return r;
}

void bfs_known_file_release(struct bfs_dedup *dedup, uint32_t blob, int fd)
{
    (void)pthread_mutex_lock(&dedup->mutex);
    struct bfs_known_file *file = find_open(dedup, blob);
    bool is_kept = file && file->fd == fd;
    if (is_kept)
        file->users--;
    (void)pthread_mutex_unlock(&dedup->mutex);
    if (!is_kept)
        bfs_cleanup_close(&fd);
}

/* SPDX-License-Identifier: Apache-2.0
 * Chunks and files that are known. */
#include "codec/pack/dedup.h"

#include "codec/pack/dedup_private.h"
#include "verify/errno_text.h"

#include <string.h>

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
    /* The index of chunks is asked everywhere for every chunk: it gets most, and holds 3 million
     * chunks (800 GB of content at the default chunk size) before it needs a file. All else is
     * mostly written and read in order. */
    CHUNK_INDEX = 32 * MIB,
    CHUNKS = 2 * MIB,
    FILE_INDEX = 2 * MIB,
    FILES = 1 * MIB,
    FILE_BLOBS = 256 * KIB,
    BLOB_INDEX = 1 * MIB,
    BLOBS = 1 * MIB,
    FRAMES = 512 * KIB, /* what spills need beside their pages */
};
_Static_assert(CHUNK_INDEX + CHUNKS + FILE_INDEX + FILES + FILE_BLOBS + BLOB_INDEX + BLOBS +
                       FRAMES <=
                   BFS_DEDUP_MEMORY,
               "the parts are less than the whole");

static int list_init(struct bfs_known_list *list, const char *folder, size_t elements, size_t index)
{
    int r = bfs_spill_new(folder, elements, &list->elements);
    return r ? r : bfs_spill_index_new(folder, index, &list->index);
}

static void list_done(struct bfs_known_list *list)
{
    (void)bfs_spill_free(list->elements);
    (void)bfs_spill_index_free(list->index);
}

int bfs_dedup_new(const struct bfs_store *store, struct bfs_dedup **ret)
{
    const char *folder = bfs_store_tmp_path(store);
    BFS_CLEANUP(bfs_dedup_cleanup) struct bfs_dedup *dedup = calloc(1, sizeof(*dedup));
    if (!dedup)
        return -ENOMEM;
    dedup->store = store;
    (void)pthread_mutex_init(&dedup->mutex, NULL);
    int r;
    if ((r = list_init(&dedup->chunks, folder, CHUNKS, CHUNK_INDEX)) ||
        (r = list_init(&dedup->files, folder, FILES, FILE_INDEX)) ||
        (r = list_init(&dedup->blobs, folder, BLOBS, BLOB_INDEX)) ||
        (r = bfs_spill_new(folder, FILE_BLOBS, &dedup->file_blobs)))
        return r;
    *ret = bfs_steal(&dedup);
    return 0;
}

struct bfs_dedup *bfs_dedup_free(struct bfs_dedup *dedup)
{
    if (!dedup)
        return NULL;
    for (unsigned i = 0; i < dedup->n_open; i++)
        bfs_cleanup_close(&dedup->open[i].fd);
    list_done(&dedup->chunks);
    list_done(&dedup->files);
    list_done(&dedup->blobs);
    (void)bfs_spill_free(dedup->file_blobs);
    (void)pthread_mutex_destroy(&dedup->mutex);
    free(dedup);
    return NULL;
}

int bfs_dedup_fail(const struct bfs_dedup *dedup, int code, struct bfs_error *error)
{
    if (code == -ENOMEM)
        return bfs_fail(error, code, "out of memory");
    return bfs_fail(error, code, "%s: temporary tables: %s", bfs_store_tmp_path(dedup->store),
                    bfs_write_errno_text(-code));
}

/* What is looked for, and what was found. */
struct chunk_search {
    struct bfs_dedup *dedup;
    const struct bfs_xxh128 *check;
    uint32_t raw_size;
    enum bfs_transform transform;
    struct bfs_chunk chunk;
};

static int match_chunk(void *context, uint32_t number, bool *ret)
{
    struct chunk_search *search = context;
    struct bfs_chunk *chunk = &search->chunk;
    int r = bfs_spill_read(search->dedup->chunks.elements, (uint64_t)number * sizeof(*chunk), chunk,
                           sizeof(*chunk));
    *ret = r == 0 && chunk->raw_size == search->raw_size &&
           chunk->encoding.transform == search->transform &&
           bfs_xxh128_equal(&chunk->check, search->check);
    return r;
}

/* With the mutex held. */
static int search_chunk(struct chunk_search *search, bool *ret)
{
    uint32_t number;
    int r = bfs_spill_index_find(search->dedup->chunks.index, bfs_known_hash(search->check->bytes),
                                 match_chunk, search, &number);
    if (r == 0)
        *ret = number != BFS_SPILL_INDEX_NONE;
    return r;
}

int bfs_dedup_find(struct bfs_dedup *dedup, const struct bfs_xxh128 *check, uint32_t raw_size,
                   enum bfs_transform transform, struct bfs_chunk *ret, bool *ret_found)
{
    struct chunk_search search = {
        .dedup = dedup, .check = check, .raw_size = raw_size, .transform = transform};
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = search_chunk(&search, ret_found);
    (void)pthread_mutex_unlock(&dedup->mutex);
    if (r == 0 && *ret_found)
        *ret = search.chunk;
    return r;
}

static int add(struct bfs_known_list *list, const void *element, size_t size, uint32_t hash)
{
    int r = bfs_spill_write(list->elements, (uint64_t)list->n * size, element, size);
    if (r == 0)
        r = bfs_spill_index_add(list->index, hash, list->n);
    if (r == 0)
        list->n++;
    return r;
}

int bfs_dedup_add_chunk(struct bfs_dedup *dedup, const struct bfs_chunk *chunk)
{
    struct chunk_search search = {.dedup = dedup,
                                  .check = &chunk->check,
                                  .raw_size = chunk->raw_size,
                                  .transform = chunk->encoding.transform};
    bool found = false;
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = search_chunk(&search, &found);
    if (r == 0 && !found && dedup->chunks.n < BFS_DEDUP_CHUNKS_MAX)
        r = add(&dedup->chunks, chunk, sizeof(*chunk), bfs_known_hash(chunk->check.bytes));
    (void)pthread_mutex_unlock(&dedup->mutex);
    return r;
}

uint32_t bfs_dedup_n_chunks(struct bfs_dedup *dedup)
{
    (void)pthread_mutex_lock(&dedup->mutex);
    uint32_t n = dedup->chunks.n;
    (void)pthread_mutex_unlock(&dedup->mutex);
    return n;
}

struct file_search {
    struct bfs_dedup *dedup;
    const struct bfs_digest *digest;
    uint64_t size;
    struct bfs_dedup_file file;
};

static int match_file(void *context, uint32_t number, bool *ret)
{
    struct file_search *search = context;
    struct bfs_dedup_file *file = &search->file;
    int r = bfs_spill_read(search->dedup->files.elements, (uint64_t)number * sizeof(*file), file,
                           sizeof(*file));
    *ret = r == 0 && file->size == search->size && bfs_digest_equal(&file->digest, search->digest);
    return r;
}

/* With the mutex held. */
static int search_file(struct file_search *search, bool *ret)
{
    uint32_t number;
    int r = bfs_spill_index_find(search->dedup->files.index, bfs_known_hash(search->digest->bytes),
                                 match_file, search, &number);
    if (r == 0)
        *ret = number != BFS_SPILL_INDEX_NONE;
    return r;
}

int bfs_dedup_find_file(struct bfs_dedup *dedup, const struct bfs_digest *digest, uint64_t size,
                        struct bfs_dedup_file *ret, bool *ret_found)
{
    struct file_search search = {.dedup = dedup, .digest = digest, .size = size};
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = search_file(&search, ret_found);
    (void)pthread_mutex_unlock(&dedup->mutex);
    if (r == 0 && *ret_found)
        *ret = search.file;
    return r;
}

int bfs_dedup_add_file(struct bfs_dedup *dedup, const struct bfs_dedup_file *file,
                       const uint32_t blobs[])
{
    struct file_search search = {.dedup = dedup, .digest = &file->digest, .size = file->size};
    struct bfs_dedup_file added = *file;
    bool found = false;
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = search_file(&search, &found);
    if (r == 0 && !found) {
        added.first_blob = dedup->n_file_blobs;
        r = bfs_spill_write(dedup->file_blobs, added.first_blob * sizeof(*blobs), blobs,
                            file->n_blobs * sizeof(*blobs));
        if (r == 0)
            r = add(&dedup->files, &added, sizeof(added), bfs_known_hash(file->digest.bytes));
        if (r == 0)
            dedup->n_file_blobs += file->n_blobs;
    }
    (void)pthread_mutex_unlock(&dedup->mutex);
    return r;
}

void bfs_dedup_place(struct bfs_xxh_stream *places, const struct bfs_chunk *chunk, uint32_t blob)
{
    struct {
        uint64_t stored_off;
        uint32_t stored_size, raw_size, blob;
        uint8_t codec, width, transform, zero;
    } place;
    memset(&place, 0, sizeof(place));
    place.raw_size = chunk->raw_size;
    place.stored_size = chunk->stored_size;
    place.codec = chunk->encoding.codec;
    place.width = chunk->encoding.width;
    place.transform = chunk->encoding.transform;
    if (chunk->stored_size) { /* nothing is nowhere */
        place.stored_off = chunk->stored_off;
        place.blob = blob;
    }
    bfs_xxh_stream_update(places, &place, sizeof(place));
}

int bfs_dedup_file_blobs(struct bfs_dedup *dedup, const struct bfs_dedup_file *file, uint32_t ret[])
{
    (void)pthread_mutex_lock(&dedup->mutex);
    int r = bfs_spill_read(dedup->file_blobs, file->first_blob * sizeof(*ret), ret,
                           file->n_blobs * sizeof(*ret));
    (void)pthread_mutex_unlock(&dedup->mutex);
    return r;
}

int bfs_dedup_confirm(struct bfs_dedup *dedup, const struct bfs_chunk *chunk, const uint8_t *raw,
                      struct bfs_chunk_reader *reader, uint8_t *scratch, bool *ret)
{
    int fd;
    int r = bfs_known_file_take(dedup, chunk->blob, &fd);
    if (r)
        return r;
    *ret = fd >= 0 && bfs_chunk_read(fd, chunk, reader, scratch, NULL) == 0 &&
           memcmp(scratch, raw, chunk->raw_size) == 0;
    bfs_known_file_release(dedup, chunk->blob, fd);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * Three arrays and an open-addressing hash over each. */
#include "codec/pack/dedup.h"

#include "verify/array.h"

#include <stdatomic.h>
#include <string.h>

struct known_blob {
    struct bfs_table_blob blob;
    bool has_digest;
    atomic_int fd; /* -1 while it was not opened */
};

struct hash {
    uint32_t *slots; /* element numbers, BFS_DEDUP_NONE when free */
    uint32_t mask;   /* number of slots less one; a power of two */
};

struct bfs_dedup {
    const struct bfs_store *store; /* borrowed */
    struct known_blob *blobs;
    uint32_t n_blobs;
    struct hash blob_hash; /* of those with a digest */
    struct bfs_chunk *chunks;
    uint32_t n_chunks;
    struct hash chunk_hash;
    struct bfs_dedup_file *files;
    uint32_t n_files;
    struct hash file_hash;
};

int bfs_dedup_new(const struct bfs_store *store, struct bfs_dedup **ret)
{
    struct bfs_dedup *dedup = calloc(1, sizeof(*dedup));
    if (!dedup)
        return -ENOMEM;
    dedup->store = store;
    *ret = dedup;
    return 0;
}

struct bfs_dedup *bfs_dedup_free(struct bfs_dedup *dedup)
{
    if (!dedup)
        return NULL;
    for (uint32_t i = 0; i < dedup->n_blobs; i++)
        if (dedup->blobs[i].fd >= 0)
            (void)close(dedup->blobs[i].fd);
    for (uint32_t i = 0; i < dedup->n_files; i++)
        free(dedup->files[i].blobs);
    free(dedup->blobs);
    free(dedup->blob_hash.slots);
    free(dedup->chunks);
    free(dedup->chunk_hash.slots);
    free(dedup->files);
    free(dedup->file_hash.slots);
    free(dedup);
    return NULL;
}

bool bfs_dedup_blob(const struct bfs_dedup *dedup, uint32_t number, struct bfs_table_blob *ret)
{
    if (!dedup->blobs[number].has_digest)
        return false;
    *ret = dedup->blobs[number].blob;
    return true;
}

/* Both keys are hashes already: their first bytes are as good as any. */
static uint32_t key_of(const uint8_t *hash)
{
    uint32_t key;
    memcpy(&key, hash, sizeof(key));
    return key;
}

static uint32_t chunk_key(const struct bfs_dedup *dedup, uint32_t i)
{
    return key_of(dedup->chunks[i].check.bytes);
}

static uint32_t blob_key(const struct bfs_dedup *dedup, uint32_t i)
{
    return key_of(dedup->blobs[i].blob.digest.bytes);
}

static uint32_t file_key(const struct bfs_dedup *dedup, uint32_t i)
{
    return key_of(dedup->files[i].digest.bytes);
}

static void insert(struct hash *hash, uint32_t key, uint32_t number)
{
    uint32_t at = key & hash->mask;
    while (hash->slots[at] != BFS_DEDUP_NONE)
        at = (at + 1) & hash->mask;
    hash->slots[at] = number;
}

/* Keeps at least half of the slots free for `count` elements and one more. */
static int grow(const struct bfs_dedup *dedup, struct hash *hash, uint32_t count,
                uint32_t (*key)(const struct bfs_dedup *, uint32_t))
{
    if (hash->slots && count + 1 <= hash->mask / 2)
        return 0;
    size_t n = hash->slots ? ((size_t)hash->mask + 1) * 2 : 64;
    uint32_t *slots = malloc(n * sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    memset(slots, 0xff, n * sizeof(*slots));
    free(hash->slots);
    *hash = (struct hash){.slots = slots, .mask = (uint32_t)(n - 1)};
    for (uint32_t i = 0; i < count; i++)
        insert(hash, key(dedup, i), i);
    return 0;
}

int bfs_dedup_add_open_blob(struct bfs_dedup *dedup, int fd, uint32_t *ret)
{
    int r = bfs_array_grow(&dedup->blobs, dedup->n_blobs, sizeof(*dedup->blobs));
    if (r) {
        bfs_cleanup_close(&fd);
        return r;
    }
    dedup->blobs[dedup->n_blobs] = (struct known_blob){0};
    atomic_init(&dedup->blobs[dedup->n_blobs].fd, fd);
    *ret = dedup->n_blobs++;
    return 0;
}

void bfs_dedup_close_blob(struct bfs_dedup *dedup, uint32_t number,
                          const struct bfs_table_blob *blob)
{
    dedup->blobs[number].blob = *blob;
    dedup->blobs[number].has_digest = true;
}

int bfs_dedup_add_blob(struct bfs_dedup *dedup, const struct bfs_table_blob *blob, uint32_t *ret)
{
    /* Only blobs added here are in the hash, so growing it sees no blob without a digest. */
    int r = grow(dedup, &dedup->blob_hash, dedup->n_blobs, blob_key);
    if (r)
        return r;
    uint32_t at = key_of(blob->digest.bytes) & dedup->blob_hash.mask;
    for (uint32_t i; (i = dedup->blob_hash.slots[at]) != BFS_DEDUP_NONE;
         at = (at + 1) & dedup->blob_hash.mask) {
        if (bfs_digest_equal(&dedup->blobs[i].blob.digest, &blob->digest)) {
            *ret = i;
            return 0;
        }
    }
    uint32_t number;
    r = bfs_dedup_add_open_blob(dedup, -1, &number);
    if (r)
        return r;
    bfs_dedup_close_blob(dedup, number, blob);
    insert(&dedup->blob_hash, key_of(blob->digest.bytes), number);
    *ret = number;
    return 0;
}

int bfs_dedup_add_chunk(struct bfs_dedup *dedup, const struct bfs_chunk *chunk)
{
    if (dedup->n_chunks >= BFS_DEDUP_CHUNKS_MAX ||
        bfs_dedup_find(dedup, &chunk->check, chunk->raw_size, chunk->encoding.transform) !=
            BFS_DEDUP_NONE)
        return 0;
    int r;
    if ((r = bfs_array_grow(&dedup->chunks, dedup->n_chunks, sizeof(*dedup->chunks))) ||
        (r = grow(dedup, &dedup->chunk_hash, dedup->n_chunks, chunk_key)))
        return r;
    dedup->chunks[dedup->n_chunks] = *chunk;
    insert(&dedup->chunk_hash, key_of(chunk->check.bytes), dedup->n_chunks);
    dedup->n_chunks++;
    return 0;
}

int bfs_dedup_add_file(struct bfs_dedup *dedup, struct bfs_dedup_file *file)
{
    int r = 0;
    if (!bfs_dedup_find_file(dedup, &file->digest, file->size)) {
        if ((r = bfs_array_grow(&dedup->files, dedup->n_files, sizeof(*dedup->files))) == 0 &&
            (r = grow(dedup, &dedup->file_hash, dedup->n_files, file_key)) == 0) {
            dedup->files[dedup->n_files] = *file;
            file->blobs = NULL; /* transferred */
            insert(&dedup->file_hash, key_of(file->digest.bytes), dedup->n_files);
            dedup->n_files++;
        }
    }
    free(bfs_steal(&file->blobs));
    return r;
}

uint32_t bfs_dedup_find(const struct bfs_dedup *dedup, const struct bfs_xxh128 *check,
                        uint32_t raw_size, enum bfs_transform transform)
{
    if (!dedup->chunk_hash.slots)
        return BFS_DEDUP_NONE;
    uint32_t at = key_of(check->bytes) & dedup->chunk_hash.mask;
    for (uint32_t i; (i = dedup->chunk_hash.slots[at]) != BFS_DEDUP_NONE;
         at = (at + 1) & dedup->chunk_hash.mask)
        if (dedup->chunks[i].raw_size == raw_size &&
            dedup->chunks[i].encoding.transform == transform &&
            bfs_xxh128_equal(&dedup->chunks[i].check, check))
            return i;
    return BFS_DEDUP_NONE;
}

struct bfs_chunk bfs_dedup_chunk(const struct bfs_dedup *dedup, uint32_t number)
{
    return dedup->chunks[number];
}

/* -1 when the blob cannot be opened: missing, damaged in size, or too many files open. */
static int open_known(struct bfs_dedup *dedup, struct known_blob *known)
{
    int fd = known->fd;
    if (fd >= 0 || !known->has_digest ||
        bfs_store_open_blob(dedup->store, &known->blob.digest, known->blob.size, &fd, NULL))
        return fd;
    int none = -1;
    if (atomic_compare_exchange_strong(&known->fd, &none, fd))
        return fd;
    (void)close(fd); /* another thread was first */
    return none;
}

bool bfs_dedup_confirm(struct bfs_dedup *dedup, const struct bfs_chunk *chunk, const uint8_t *raw,
                       struct bfs_chunk_reader *reader, uint8_t *scratch)
{
    int fd = open_known(dedup, &dedup->blobs[chunk->blob]);
    return fd >= 0 && bfs_chunk_read(fd, chunk, reader, scratch, NULL) == 0 &&
           memcmp(scratch, raw, chunk->raw_size) == 0;
}

const struct bfs_dedup_file *bfs_dedup_find_file(const struct bfs_dedup *dedup,
                                                 const struct bfs_digest *digest, uint64_t size)
{
    if (!dedup->file_hash.slots)
        return NULL;
    uint32_t at = key_of(digest->bytes) & dedup->file_hash.mask;
    for (uint32_t i; (i = dedup->file_hash.slots[at]) != BFS_DEDUP_NONE;
         at = (at + 1) & dedup->file_hash.mask)
        if (dedup->files[i].size == size && bfs_digest_equal(&dedup->files[i].digest, digest))
            return &dedup->files[i];
    return NULL;
}

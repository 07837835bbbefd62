/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/proofs.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { N_BUCKETS = 256 };

/* What is proved of one chunk table. */
struct record {
    struct bfs_digest table;
    uint32_t n_chunks;
    uint32_t n_blobs; /* with the table's own, number 0 */
    size_t memory;
    struct record *hash_next;
    struct record *older, *newer;
    uint8_t *bits;                 /* one for each chunk */
    struct bfs_blob_state blobs[]; /* for which they are true */
};

struct bfs_proofs {
    size_t memory_max;
    uint64_t settle_ms;
    pthread_mutex_t mutex;
    struct record *buckets[N_BUCKETS]; /* protected by mutex, like all below */
    struct record *oldest, *newest;
    size_t memory;
};

int bfs_proofs_new(size_t memory, unsigned settle_ms, struct bfs_proofs **ret)
{
    struct bfs_proofs *proofs = calloc(1, sizeof(*proofs));
    if (!proofs)
        return -ENOMEM;
    proofs->memory_max = memory;
    proofs->settle_ms = settle_ms;
    (void)pthread_mutex_init(&proofs->mutex, NULL);
    *ret = proofs;
    return 0;
}

static struct record **bucket_of(struct bfs_proofs *proofs, const struct bfs_digest *table)
{
    return &proofs->buckets[table->bytes[0] % N_BUCKETS];
}

static void list_remove(struct bfs_proofs *proofs, struct record *record)
{
    *(record->older ? &record->older->newer : &proofs->oldest) = record->newer;
    *(record->newer ? &record->newer->older : &proofs->newest) = record->older;
}

static void list_add(struct bfs_proofs *proofs, struct record *record)
{
    record->older = proofs->newest;
    record->newer = NULL;
    *(proofs->newest ? &proofs->newest->newer : &proofs->oldest) = record;
    proofs->newest = record;
}

static void forget_oldest(struct bfs_proofs *proofs)
{
    struct record *record = proofs->oldest;
    struct record **at = bucket_of(proofs, &record->table);
    while (*at != record)
        at = &(*at)->hash_next;
    *at = record->hash_next;
    list_remove(proofs, record);
    proofs->memory -= record->memory;
    free(record->bits);
    free(record);
}

struct bfs_proofs *bfs_proofs_free(struct bfs_proofs *proofs)
{
    if (!proofs)
        return NULL;
    while (proofs->oldest)
        forget_oldest(proofs);
    (void)pthread_mutex_destroy(&proofs->mutex);
    free(proofs);
    return NULL;
}

static struct bfs_digest table_of(const struct bfs_file *file)
{
    return bfs_index_inode(bfs_bundle_index(bfs_file_bundle(file)), bfs_file_inode(file))
        .table_digest;
}

/* With the mutex held; the record becomes the most recent. */
static struct record *find(struct bfs_proofs *proofs, const struct bfs_digest *table)
{
    struct record *record = *bucket_of(proofs, table);
    while (record && !bfs_digest_equal(&record->table, table))
        record = record->hash_next;
    if (record) {
        list_remove(proofs, record);
        list_add(proofs, record);
    }
    return record;
}

/* A record in which nothing is proved yet, with the mutex held. NULL: no memory, or more than all
 * of it. */
static struct record *make(struct bfs_proofs *proofs, const struct bfs_file *file,
                           const struct bfs_digest *table)
{
    uint32_t n_chunks = bfs_chunk_table_n_chunks(bfs_file_table(file));
    uint32_t n_blobs = bfs_chunk_table_n_blobs(bfs_file_table(file)) + 1;
    size_t bits_size = n_chunks / 8 + (size_t)1;
    size_t size = sizeof(struct record) + n_blobs * sizeof(struct bfs_blob_state);
    if (bits_size + size > proofs->memory_max)
        return NULL;
    while (proofs->memory + bits_size + size > proofs->memory_max)
        forget_oldest(proofs);
    struct record *record = calloc(1, size);
    uint8_t *bits = calloc(bits_size, 1);
    if (!record || !bits) {
        free(record);
        free(bits);
        return NULL;
    }
    record->table = *table;
    record->n_chunks = n_chunks;
    record->n_blobs = n_blobs;
    record->memory = bits_size + size;
    record->bits = bits;
    proofs->memory += record->memory;
    record->hash_next = *bucket_of(proofs, table);
    *bucket_of(proofs, table) = record;
    list_add(proofs, record);
    return record;
}

/* May its times be trusted to show the next change? Not those of a file system that keeps none, nor
 * those that are ahead of this host's clock. */
static bool is_settled(const struct bfs_proofs *proofs, const struct bfs_blob_state *state)
{
    const struct timespec *changed = &state->changed;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (changed->tv_sec <= 0 || changed->tv_sec > now.tv_sec)
        return false;
    int64_t age_ms =
        ((int64_t)now.tv_sec - changed->tv_sec) * 1000 + (now.tv_nsec - changed->tv_nsec) / 1000000;
    return age_ms >= (int64_t)proofs->settle_ms;
}

bool bfs_proofs_has(struct bfs_proofs *proofs, const struct bfs_file *file, uint32_t i,
                    struct bfs_blob_state *ret_state)
{
    uint32_t blob = bfs_chunk_table_at(bfs_file_table(file), i).blob;
    const struct bfs_digest table = table_of(file);
    *ret_state = (struct bfs_blob_state){0};
    if (bfs_file_blob_state(file, blob, ret_state))
        return false;
    (void)pthread_mutex_lock(&proofs->mutex);
    const struct record *record = find(proofs, &table);
    bool has = record && bfs_blob_state_equal(&record->blobs[blob], ret_state) &&
               (record->bits[i / 8] >> i % 8 & 1);
    (void)pthread_mutex_unlock(&proofs->mutex);
    /* Now, not when its bytes have been read: that may take longer than it takes to settle. */
    if (!is_settled(proofs, ret_state))
        ret_state->inode = 0;
    return has;
}

/* All that was proved of a blob which is not what it was. */
static void forget_blob(struct record *record, const struct bfs_chunk_table *table, uint32_t blob)
{
    for (uint32_t i = 0; i < record->n_chunks; i++)
        if (bfs_chunk_table_at(table, i).blob == blob)
            record->bits[i / 8] &= (uint8_t) ~(1U << i % 8);
}

void bfs_proofs_add(struct bfs_proofs *proofs, const struct bfs_file *file, uint32_t i,
                    const struct bfs_blob_state *state)
{
    uint32_t blob = bfs_chunk_table_at(bfs_file_table(file), i).blob;
    const struct bfs_digest table = table_of(file);
    if (!state->inode)
        return;
    (void)pthread_mutex_lock(&proofs->mutex);
    struct record *record = find(proofs, &table);
    if (!record)
        record = make(proofs, file, &table);
    if (record) {
        if (!bfs_blob_state_equal(&record->blobs[blob], state)) {
            forget_blob(record, bfs_file_table(file), blob);
            record->blobs[blob] = *state;
        }
        record->bits[i / 8] |= (uint8_t)(1U << i % 8);
    }
    (void)pthread_mutex_unlock(&proofs->mutex);
}

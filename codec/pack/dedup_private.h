/* SPDX-License-Identifier: Apache-2.0
 * What the parts of codec/pack/dedup.h share. */
#ifndef BFS_CODEC_DEDUP_PRIVATE_H
#define BFS_CODEC_DEDUP_PRIVATE_H

#include "codec/pack/dedup.h"
#include "codec/pack/spill_index.h"

#include <pthread.h>
#include <string.h>

/* Elements of one size, numbered as they come, and the way from hashes to numbers. */
struct bfs_known_list {
    struct bfs_spill *elements;
    struct bfs_spill_index *index;
    uint32_t n;
};

enum {
    /* More than threads that confirm at once, and few enough for any limit on open files. */
    BFS_KNOWN_FILES_MAX = 128,
};

/* A blob that is open for reading. */
struct bfs_known_file {
    int fd;
    uint32_t blob;
    unsigned users; /* at least 1 while the blob is being written: it has no name to open it by */
    uint64_t used;  /* when, by bfs_dedup.clock */
};

struct bfs_dedup {
    const struct bfs_store *store; /* borrowed */
    pthread_mutex_t mutex;
    /* All below is protected by the mutex. */
    struct bfs_known_list chunks; /* struct bfs_chunk */
    struct bfs_known_list files;  /* struct bfs_dedup_file */
    struct bfs_spill *file_blobs; /* numbers of blobs, of one file after the other */
    uint64_t n_file_blobs;
    struct bfs_known_list blobs; /* struct bfs_known_blob */
    struct bfs_known_file open[BFS_KNOWN_FILES_MAX];
    unsigned n_open;
    uint64_t clock;
};

struct bfs_known_blob {
    struct bfs_table_blob blob;
    bool has_digest;
};

/* Hashes are as good as random in their first bytes. */
static inline uint32_t bfs_known_hash(const uint8_t *hash)
{
    uint32_t word;
    memcpy(&word, hash, sizeof(word));
    return word;
}

/* A descriptor that reads the blob; -1 when it cannot be opened: missing, damaged in size. Goes
 * back by bfs_known_file_release(). Errors: those of a spill. */
int bfs_known_file_take(struct bfs_dedup *dedup, uint32_t blob, int *ret);
void bfs_known_file_release(struct bfs_dedup *dedup, uint32_t blob, int fd);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Learning what the bundles of a store hold. */
#include "codec/pack/dedup.h"

#include "codec/store/stored_table.h"

#include <stdlib.h>

struct lesson {
    struct bfs_dedup *dedup;
    struct bfs_bundle *bundle;
    struct bfs_xxh_stream *places;
    uint32_t most; /* chunks to know */
    bool damaged;  /* what failed is the bundle */
};

static void lesson_done(struct lesson *lesson)
{
    (void)bfs_xxh_stream_free(lesson->places);
}

static bool is_full(const struct lesson *lesson)
{
    return bfs_dedup_n_chunks(lesson->dedup) >= lesson->most;
}

static int add_chunks(struct lesson *lesson, struct bfs_stored_table *table,
                      const struct bfs_dedup_file *known, const uint32_t blobs[])
{
    for (uint32_t i = 0; i < bfs_stored_table_n_chunks(table) && !is_full(lesson); i++) {
        struct bfs_chunk chunk;
        int r = bfs_stored_table_at(table, i, &chunk, NULL);
        if (r) {
            lesson->damaged = r != -ENOMEM;
            return r;
        }
        chunk.blob = chunk.blob ? blobs[chunk.blob - 1] : known->blob;
        bfs_dedup_place(lesson->places, &chunk, chunk.blob);
        r = bfs_dedup_add_chunk(lesson->dedup, &chunk);
        if (r)
            return r;
    }
    return 0;
}

static int add_table(struct lesson *lesson, struct bfs_stored_table *table,
                     const struct bfs_inode *inode)
{
    const struct bfs_descriptor *layer = bfs_bundle_layer(lesson->bundle, inode->table_layer);
    const struct bfs_table_blob own = {.digest = layer->digest, .size = layer->size};
    struct bfs_dedup_file known = {.digest = inode->digest,
                                   .size = inode->size,
                                   .table_off = inode->table_off,
                                   .table_size = inode->table_size,
                                   .table_digest = inode->table_digest,
                                   .stored_size = inode->stored_size,
                                   .n_blobs = bfs_stored_table_n_blobs(table)};
    bfs_autofree uint32_t *blobs = calloc(known.n_blobs + (size_t)1, sizeof(*blobs));
    if (!blobs)
        return -ENOMEM;
    int r = bfs_dedup_add_blob(lesson->dedup, &own, &known.blob);
    for (uint32_t k = 1; r == 0 && k <= known.n_blobs; k++) {
        struct bfs_table_blob blob = bfs_stored_table_blob(table, k);
        r = bfs_dedup_add_blob(lesson->dedup, &blob, &blobs[k - 1]);
    }
    if (r == 0)
        r = add_chunks(lesson, table, &known, blobs);
    known.places = bfs_xxh_stream_finish(lesson->places);
    return r ? r : bfs_dedup_add_file(lesson->dedup, &known, blobs);
}

static int add_one(struct lesson *lesson, uint32_t number)
{
    BFS_CLEANUP(bfs_stored_table_cleanup) struct bfs_stored_table *table = NULL;
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(lesson->bundle), number);
    struct bfs_dedup_file known;
    bool found = false;
    if (!S_ISREG(inode.mode) || inode.size == 0)
        return 0;
    int r = bfs_dedup_find_file(lesson->dedup, &inode.digest, inode.size, &known, &found);
    if (r || found)
        return r;
    r = bfs_stored_table_open(lesson->bundle, number, &table, NULL);
    if (r) {
        lesson->damaged = r != -ENOMEM;
        return r;
    }
    return add_table(lesson, table, &inode);
}

int bfs_dedup_add_bundle(struct bfs_dedup *dedup, struct bfs_bundle *bundle, uint32_t most,
                         bool *ret_damaged)
{
    uint32_t n_inodes = bfs_index_n_inodes(bfs_bundle_index(bundle));
    BFS_CLEANUP(lesson_done)
    struct lesson lesson = {.dedup = dedup, .bundle = bundle, .most = most};
    int damage = 0;
    if (bfs_xxh_stream_new(&lesson.places))
        return -ENOMEM;
    for (uint32_t number = 0; number < n_inodes && !is_full(&lesson); number++) {
        lesson.damaged = false;
        int r = add_one(&lesson, number);
        if (r && !lesson.damaged)
            return r;
        if (r)
            damage = r; /* the other files are still worth knowing */
    }
    *ret_damaged = damage != 0;
    return damage;
}

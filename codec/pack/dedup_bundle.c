/* SPDX-License-Identifier: Apache-2.0
 * Learning what the bundles of a store hold. */
#include "codec/pack/dedup.h"

#include <stdlib.h>

static int add_chunks(struct bfs_dedup *dedup, const struct bfs_chunk_table *table,
                      const struct bfs_dedup_file *known)
{
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk chunk = bfs_chunk_table_at(table, i);
        chunk.blob = chunk.blob ? known->blobs[chunk.blob - 1] : known->blob;
        int r = bfs_dedup_add_chunk(dedup, &chunk);
        if (r)
            return r;
    }
    return 0;
}

static int add_one(struct bfs_dedup *dedup, struct bfs_bundle *bundle, uint32_t number)
{
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), number);
    if (!S_ISREG(inode.mode) || inode.size == 0 ||
        bfs_dedup_find_file(dedup, &inode.digest, inode.size))
        return 0;
    int r = bfs_file_open(bundle, number, &file, NULL);
    if (r)
        return r;
    const struct bfs_chunk_table *table = bfs_file_table(file);
    const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, inode.table_layer);
    const struct bfs_table_blob own = {.digest = layer->digest, .size = layer->size};
    struct bfs_dedup_file known = {.digest = inode.digest,
                                   .size = inode.size,
                                   .table_off = inode.table_off,
                                   .table_size = inode.table_size,
                                   .table_digest = inode.table_digest,
                                   .stored_size = inode.stored_size,
                                   .n_blobs = bfs_chunk_table_n_blobs(table)};
    known.blobs = calloc(known.n_blobs + (size_t)1, sizeof(*known.blobs));
    if (!known.blobs)
        return -ENOMEM;
    r = bfs_dedup_add_blob(dedup, &own, &known.blob);
    for (uint32_t k = 1; r == 0 && k <= known.n_blobs; k++) {
        struct bfs_table_blob blob = bfs_chunk_table_blob(table, k);
        r = bfs_dedup_add_blob(dedup, &blob, &known.blobs[k - 1]);
    }
    if (r == 0)
        r = add_chunks(dedup, table, &known);
    if (r == 0)
        return bfs_dedup_add_file(dedup, &known);
    free(known.blobs);
    return r;
}

int bfs_dedup_add_bundle(struct bfs_dedup *dedup, struct bfs_bundle *bundle)
{
    const struct bfs_index *index = bfs_bundle_index(bundle);
    int damaged = 0;
    for (uint32_t number = 0; number < bfs_index_n_inodes(index); number++) {
        int r = add_one(dedup, bundle, number);
        if (r == -ENOMEM)
            return r;
        if (r)
            damaged = r; /* the other files are still worth knowing */
    }
    return damaged;
}

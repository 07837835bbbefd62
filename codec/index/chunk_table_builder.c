/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/chunk_records.h"
#include "codec/index/format.h"

#include <string.h>

int bfs_chunk_table_builder_blob(struct bfs_chunk_table_builder *builder,
                                 const struct bfs_table_blob *blob, uint32_t *ret)
{
    for (uint32_t k = 0; k < builder->n_blobs; k++) {
        if (bfs_digest_equal(&builder->blobs[k].digest, &blob->digest)) {
            *ret = k + 1;
            return 0;
        }
    }
    if (builder->n_blobs == BFS_TABLE_BLOBS_MAX)
        return -E2BIG;
    struct bfs_table_blob *blobs =
        reallocarray(builder->blobs, builder->n_blobs + 1U, sizeof(*blobs));
    if (!blobs)
        return -ENOMEM;
    builder->blobs = blobs;
    blobs[builder->n_blobs++] = *blob;
    *ret = builder->n_blobs;
    return 0;
}

int bfs_chunk_table_builder_add(struct bfs_chunk_table_builder *builder,
                                const struct bfs_chunk *chunk)
{
    if (builder->n_chunks == BFS_TABLE_CHUNKS_MAX)
        return -E2BIG;
    struct bfs_buffer *out = &builder->records;
    struct bfs_chunk record = *chunk;
    record.raw_off = builder->file_size;
    bfs_chunk_record_write(&record, out);
    if (bfs_buffer_status(out))
        return bfs_buffer_status(out);
    builder->n_chunks++;
    builder->file_size += chunk->raw_size;
    builder->stored_size += chunk->stored_size;
    return 0;
}

int bfs_chunk_table_builder_write(const struct bfs_chunk_table_builder *builder,
                                  struct bfs_buffer *ret)
{
    bfs_table_frame_write(builder->file_size, builder->n_chunks, builder->blobs, builder->n_blobs,
                          ret);
    bfs_buffer_put(ret, builder->records.bytes, builder->records.size);
    return bfs_buffer_status(ret);
}

void bfs_chunk_table_builder_done(struct bfs_chunk_table_builder *builder)
{
    free(builder->blobs);
    bfs_buffer_done(&builder->records);
    memset(builder, 0, sizeof(*builder));
}

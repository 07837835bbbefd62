/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/chunk_table.h"
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
    bfs_buffer_put_u64(out, builder->file_size);
    bfs_buffer_put_u32(out, chunk->raw_size);
    bfs_buffer_put_u32(out, chunk->stored_size);
    bfs_buffer_put_u64(out, chunk->stored_off);
    bfs_buffer_put_u32(out, chunk->blob);
    bfs_buffer_put_u8(out, chunk->encoding.codec);
    bfs_buffer_put_u8(out, chunk->encoding.width);
    bfs_buffer_put_u8(out, chunk->encoding.transform);
    bfs_buffer_put_u8(out, 0);
    bfs_buffer_put(out, chunk->digest.bytes, sizeof(chunk->digest.bytes));
    bfs_buffer_put(out, chunk->check.bytes, sizeof(chunk->check.bytes));
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
    bfs_buffer_put(ret, BFS_TABLE_MAGIC, 8);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MAJOR);
    bfs_buffer_put_u16(ret, BFS_FORMAT_MINOR);
    bfs_buffer_put_u32(ret, 0);
    bfs_buffer_put_u64(ret, builder->file_size);
    bfs_buffer_put_u32(ret, builder->n_chunks);
    bfs_buffer_put_u32(ret, builder->n_blobs);
    for (uint32_t k = 0; k < builder->n_blobs; k++) {
        bfs_buffer_put(ret, builder->blobs[k].digest.bytes, BFS_DIGEST_SIZE);
        bfs_buffer_put_u64(ret, builder->blobs[k].size);
    }
    bfs_buffer_put(ret, builder->records.bytes, builder->records.size);
    return bfs_buffer_status(ret);
}

void bfs_chunk_table_builder_done(struct bfs_chunk_table_builder *builder)
{
    free(builder->blobs);
    bfs_buffer_done(&builder->records);
    memset(builder, 0, sizeof(*builder));
}

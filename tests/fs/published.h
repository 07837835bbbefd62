/* SPDX-License-Identifier: Apache-2.0
 * A bundle "m:1" of one file "f" with a chunk table that no packer writes. Included after served.h.
 */
#ifndef BFS_TESTS_PUBLISHED_H
#define BFS_TESTS_PUBLISHED_H

#include "codec/index/index_builder.h"

static inline struct bfs_descriptor published_put(const struct bfs_store *store, const char *type,
                                                  const struct bfs_buffer *bytes)
{
    struct bfs_descriptor descriptor = {.size = bytes->size};
    (void)snprintf(descriptor.media_type, sizeof(descriptor.media_type), "%s", type);
    assert_int_equal(bfs_buffer_status(bytes), 0);
    assert_int_equal(bfs_store_put_blob(store, bytes->bytes, bytes->size, &descriptor.digest, NULL),
                     0);
    return descriptor;
}

/* `data` holds the stored bytes; the table comes behind them. The builder is released. */
static inline struct bfs_descriptor published_data(const struct bfs_store *store,
                                                   struct bfs_buffer *data,
                                                   struct bfs_chunk_table_builder *builder,
                                                   struct bfs_inode *file)
{
    size_t table_off = data->size;
    *file = (struct bfs_inode){.mode = S_IFREG | 0444,
                               .size = builder->file_size,
                               .table_layer = 1,
                               .table_off = table_off,
                               .stored_size = builder->stored_size};
    assert_int_equal(bfs_chunk_table_builder_write(builder, data), 0);
    bfs_chunk_table_builder_done(builder);
    file->table_size = (uint32_t)(data->size - table_off);
    assert_int_equal(bfs_sha256(data->bytes + table_off, file->table_size, &file->table_digest), 0);
    return published_put(store, BFS_MEDIA_DATA, data);
}

/* `digest` is that of the whole content. */
static inline void publish(const struct bfs_store *store, struct bfs_buffer *data,
                           struct bfs_chunk_table_builder *table, const struct bfs_digest *digest)
{
    struct bfs_inode file, root = {.mode = S_IFDIR | 0755};
    struct bfs_descriptor layers[2];
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    bfs_autobuffer struct bfs_buffer index = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer config_text = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    uint32_t number;
    layers[1] = published_data(store, data, table, &file);
    file.digest = *digest;
    assert_int_equal(bfs_index_builder_new(&root, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "f", &file, NULL, &number), 0);
    assert_int_equal(bfs_index_builder_write(builder, &index), 0);
    layers[0] = published_put(store, BFS_MEDIA_INDEX, &index);
    struct bfs_bundle_config config = {.created = "2026-01-31T12:00:00Z",
                                       .index_digest = layers[0].digest,
                                       .index_size = layers[0].size,
                                       .n_files = 1,
                                       .content_size = file.size,
                                       .chunk_size = BFS_CHUNK_SIZE_MIN,
                                       .packer_version = "0"};
    assert_int_equal(bfs_reference_parse("m:1", &config.reference, NULL), 0);
    assert_int_equal(bfs_bundle_config_write(&config, &config_text), 0);
    struct bfs_oci_manifest manifest = {.config =
                                            published_put(store, BFS_MEDIA_CONFIG, &config_text),
                                        .layers = layers,
                                        .n_layers = 2};
    assert_int_equal(bfs_oci_manifest_write(&manifest, config.created, &text), 0);
    struct bfs_descriptor descriptor = published_put(store, BFS_MEDIA_OCI_MANIFEST, &text);
    assert_int_equal(bfs_catalog_publish(store, &config.reference, &descriptor, NULL), 0);
}

/* Reads once; every reply has all bytes or an error. */
static inline void expect_read(struct served *served, struct bfs_open_file *open, uint64_t offset,
                               size_t size, const uint8_t *bytes, int error)
{
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, error);
    assert_int_equal(request.bytes.size, error ? 0 : size);
    if (!error)
        assert_memory_equal(request.bytes.bytes, bytes, size);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);
}

#endif

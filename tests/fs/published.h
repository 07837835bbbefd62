/* SPDX-License-Identifier: Apache-2.0
 * A bundle "m:1" of one file "f" with a chunk table that no packer writes. Included after cmocka.h.
 */
#ifndef BFS_TESTS_PUBLISHED_H
#define BFS_TESTS_PUBLISHED_H

#include "codec/index/index_builder.h"
#include "codec/pack/plan.h"
#include "codec/store/bundle_config.h"
#include "codec/store/catalog.h"

#include <stdio.h>

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

/* `layers` are the blobs that the bundle names, the first of them left free for its index. */
static inline struct bfs_descriptor publish_file(const struct bfs_store *store,
                                                 struct bfs_descriptor layers[], uint32_t n_layers,
                                                 const struct bfs_inode *file)
{
    struct bfs_inode root = {.mode = S_IFDIR | 0755};
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    bfs_autobuffer struct bfs_buffer index = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer config_text = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    uint32_t number;
    assert_int_equal(bfs_index_builder_new(&root, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "f", file, NULL, &number), 0);
    assert_int_equal(bfs_index_builder_write(builder, &index), 0);
    layers[0] = published_put(store, BFS_MEDIA_INDEX, &index);
    struct bfs_bundle_config config = {.created = "2026-01-31T12:00:00Z",
                                       .index_digest = layers[0].digest,
                                       .index_size = layers[0].size,
                                       .n_files = 1,
                                       .content_size = file->size,
                                       .chunk_size = BFS_CHUNK_SIZE_MIN,
                                       .packer_version = "0"};
    assert_int_equal(bfs_reference_parse("m:1", &config.reference, NULL), 0);
    assert_int_equal(bfs_bundle_config_write(&config, &config_text), 0);
    struct bfs_oci_manifest manifest = {.config =
                                            published_put(store, BFS_MEDIA_CONFIG, &config_text),
                                        .layers = layers,
                                        .n_layers = n_layers};
    assert_int_equal(bfs_oci_manifest_write(&manifest, config.created, &text), 0);
    struct bfs_descriptor descriptor = published_put(store, BFS_MEDIA_OCI_MANIFEST, &text);
    assert_int_equal(bfs_catalog_publish(store, &config.reference, &descriptor, NULL), 0);
    return descriptor;
}

/* `digest` is that of the whole content. */
static inline void publish(const struct bfs_store *store, struct bfs_buffer *data,
                           struct bfs_chunk_table_builder *table, const struct bfs_digest *digest)
{
    struct bfs_descriptor layers[2];
    struct bfs_inode file;
    layers[1] = published_data(store, data, table, &file);
    file.digest = *digest;
    (void)publish_file(store, layers, 2, &file);
}

#endif

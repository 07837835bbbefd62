/* SPDX-License-Identifier: Apache-2.0
 * A chunk table that no packer writes: thousands of chunks of one byte, each of which takes a whole
 * buffer of the cache. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/index/index_builder.h"
#include "tests/fs/fake_fuse.h"
#include "tests/fs/served.h"

enum { N_CHUNKS = 6000, N_BUFFERS = BFS_CACHE_SIZE_MIN / 4096 };

static uint8_t content[N_CHUNKS];

static struct bfs_descriptor put(const struct bfs_store *store, const char *type,
                                 const struct bfs_buffer *bytes)
{
    struct bfs_descriptor descriptor = {.size = bytes->size};
    (void)snprintf(descriptor.media_type, sizeof(descriptor.media_type), "%s", type);
    assert_int_equal(bfs_buffer_status(bytes), 0);
    assert_int_equal(bfs_store_put_blob(store, bytes->bytes, bytes->size, &descriptor.digest, NULL),
                     0);
    return descriptor;
}

/* The bytes, then their table. */
static struct bfs_descriptor put_data(const struct bfs_store *store, struct bfs_inode *file)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_chunk_table_builder builder = {0};
    bfs_buffer_put(&bytes, content, sizeof(content));
    for (uint32_t i = 0; i < N_CHUNKS; i++) {
        struct bfs_chunk chunk = {.raw_size = 1,
                                  .stored_size = 1,
                                  .stored_off = i,
                                  .encoding = {.codec = BFS_CODEC_RAW},
                                  .check = bfs_xxh128(&content[i], 1)};
        assert_int_equal(bfs_sha256(&content[i], 1, &chunk.digest), 0);
        assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunk), 0);
    }
    assert_int_equal(bfs_chunk_table_builder_write(&builder, &bytes), 0);
    bfs_chunk_table_builder_done(&builder);
    *file = (struct bfs_inode){.mode = S_IFREG | 0444,
                               .size = N_CHUNKS,
                               .table_layer = 1,
                               .table_off = N_CHUNKS,
                               .table_size = (uint32_t)(bytes.size - N_CHUNKS),
                               .stored_size = N_CHUNKS};
    assert_int_equal(bfs_sha256(content, sizeof(content), &file->digest), 0);
    assert_int_equal(bfs_sha256(bytes.bytes + N_CHUNKS, bytes.size - N_CHUNKS, &file->table_digest),
                     0);
    return put(store, BFS_MEDIA_DATA, &bytes);
}

static void publish(const struct bfs_store *store)
{
    struct bfs_inode file, root = {.mode = S_IFDIR | 0755};
    struct bfs_descriptor layers[2];
    BFS_CLEANUP(bfs_index_builder_cleanup) struct bfs_index_builder *builder = NULL;
    bfs_autobuffer struct bfs_buffer index = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer config_text = BFS_BUFFER_INIT;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    uint32_t number;
    layers[1] = put_data(store, &file);
    assert_int_equal(bfs_index_builder_new(&root, &builder), 0);
    assert_int_equal(bfs_index_builder_add(builder, 0, "f", &file, NULL, &number), 0);
    assert_int_equal(bfs_index_builder_write(builder, &index), 0);
    layers[0] = put(store, BFS_MEDIA_INDEX, &index);
    struct bfs_bundle_config config = {.created = "2026-01-31T12:00:00Z",
                                       .index_digest = layers[0].digest,
                                       .index_size = layers[0].size,
                                       .n_files = 1,
                                       .content_size = N_CHUNKS,
                                       .chunk_size = BFS_CHUNK_SIZE_MIN,
                                       .packer_version = "0"};
    assert_int_equal(bfs_reference_parse("m:1", &config.reference, NULL), 0);
    assert_int_equal(bfs_bundle_config_write(&config, &config_text), 0);
    struct bfs_oci_manifest manifest = {
        .config = put(store, BFS_MEDIA_CONFIG, &config_text), .layers = layers, .n_layers = 2};
    assert_int_equal(bfs_oci_manifest_write(&manifest, config.created, &text), 0);
    struct bfs_descriptor descriptor = put(store, BFS_MEDIA_OCI_MANIFEST, &text);
    assert_int_equal(bfs_catalog_publish(store, &config.reference, &descriptor, NULL), 0);
}

static void expect(struct served *served, struct bfs_open_file *open, uint64_t offset, size_t size,
                   int error)
{
    struct fake_request request;
    fake_request_init(&request, served->fs);
    bfs_reads_start(served->fs->reads, fake_handle(&request), open, offset, size, true);
    assert_true(fake_wait(&request, 20000));
    assert_int_equal(request.error, error);
    assert_int_equal(request.bytes.size, error ? 0 : size);
    if (!error)
        assert_memory_equal(request.bytes.bytes, content + offset, size);
    assert_int_equal(fake_n_replies(&request), 1);
    fake_request_done(&request);
}

static void the_budget_holds(void **state)
{
    (void)state;
    test_autoserved struct served served;
    for (uint32_t i = 0; i < N_CHUNKS; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    served_pack(&served, NULL, 0);
    publish(served.packed.store);
    served.options.cache_size = BFS_CACHE_SIZE_MIN;
    served_start(&served);
    struct bfs_open_file *open = served_open(&served, "m/1/f");
    expect(&served, open, 0, N_BUFFERS + 1, EIO);
    expect(&served, open, 0, N_CHUNKS, EIO);
    expect(&served, open, 100, 3000, 0);
    expect(&served, open, N_CHUNKS - 257, 257, 0);
    expect(&served, open, N_CHUNKS - 256, 256, 0);
    expect(&served, open, 17, 1, 0);
    bfs_files_unref(served.fs->files, open);
    assert_true(bfs_cache_size(served.fs->cache) <= BFS_CACHE_SIZE_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_budget_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

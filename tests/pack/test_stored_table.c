/* SPDX-License-Identifier: Apache-2.0
 * A chunk table that is read part by part is as believable as one that is read whole. Tables of
 * many parts are in test_bounded.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/file.h"
#include "codec/store/stored_table.h"
#include "tests/fs/published.h"
#include "tests/pack/packed.h"

static uint32_t number_of(const struct bfs_bundle *bundle, const char *path)
{
    uint32_t number;
    assert_int_equal(bfs_index_resolve(bfs_bundle_index(bundle), path, &number), 0);
    return number;
}

static void compare(struct bfs_bundle *bundle, uint32_t number, uint32_t *n_chunks,
                    uint32_t *n_blobs)
{
    BFS_CLEANUP(bfs_stored_table_cleanup) struct bfs_stored_table *stored = NULL;
    BFS_CLEANUP(bfs_file_cleanup) struct bfs_file *file = NULL;
    assert_int_equal(bfs_stored_table_open(bundle, number, &stored, NULL), 0);
    assert_int_equal(bfs_file_open(bundle, number, &file, NULL), 0);
    const struct bfs_chunk_table *table = bfs_file_table(file);
    assert_int_equal(bfs_stored_table_n_chunks(stored), bfs_chunk_table_n_chunks(table));
    assert_int_equal(bfs_stored_table_n_blobs(stored), bfs_chunk_table_n_blobs(table));
    for (uint32_t i = 0; i < bfs_chunk_table_n_chunks(table); i++) {
        struct bfs_chunk expected = bfs_chunk_table_at(table, i), chunk;
        assert_int_equal(bfs_stored_table_at(stored, i, &chunk, NULL), 0);
        assert_memory_equal(&chunk, &expected, sizeof(chunk));
    }
    for (uint32_t k = 1; k <= bfs_chunk_table_n_blobs(table); k++) {
        struct bfs_table_blob expected = bfs_chunk_table_blob(table, k),
                              blob = bfs_stored_table_blob(stored, k);
        assert_memory_equal(&blob, &expected, sizeof(blob));
    }
    *n_chunks += bfs_chunk_table_n_chunks(table);
    *n_blobs += bfs_chunk_table_n_blobs(table);
}

/* Two versions, so that tables of the second name blobs of the first. */
static struct bfs_bundle *pack_twice(const struct packed *packed)
{
    struct bfs_pack_report report;
    bfs_autofree char *path = test_path(&packed->folder, "model/model.safetensors");
    assert_int_equal(packed_pack(packed, "t/m:1", (struct bfs_pack_options){0}, &report), 0);
    bfs_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(bfs_pwrite_all(fd, "other", 5, 1000000), 0);
    assert_int_equal(packed_pack(packed, "t/m:2", (struct bfs_pack_options){0}, &report), 0);
    return packed_open(packed, "t/m:2");
}

static void it_says_what_the_whole_table_says(void **state)
{
    test_autopacked struct packed packed = packed_make();
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = pack_twice(&packed);
    const struct bfs_index *index = bfs_bundle_index(bundle);
    uint32_t n_chunks = 0, n_blobs = 0;
    (void)state;
    for (uint32_t i = 0; i < bfs_index_n_inodes(index); i++) {
        struct bfs_inode inode = bfs_index_inode(index, i);
        if (S_ISREG(inode.mode) && inode.size)
            compare(bundle, i, &n_chunks, &n_blobs);
    }
    assert_true(n_chunks > 30 && n_blobs > 0);
}

/* The blob of the table of a file, open for writing. */
static int open_table(const struct packed *packed, const struct bfs_bundle *bundle,
                      const struct bfs_inode *inode)
{
    const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, inode->table_layer);
    bfs_autofree char *path = bfs_store_blob_path(packed->store, &layer->digest);
    assert_int_equal(chmod(path, 0644), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void no_bit_of_it_may_change(void **state)
{
    test_autopacked struct packed packed = packed_make();
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = pack_twice(&packed);
    uint32_t number = number_of(bundle, "model.safetensors"), n_flipped = 0;
    struct bfs_inode inode = bfs_index_inode(bfs_bundle_index(bundle), number);
    bfs_autoclose int fd = open_table(&packed, bundle, &inode);
    struct bfs_stored_table *table = NULL;
    (void)state;
    for (uint64_t at = 0; at < inode.table_size * UINT64_C(8); at += at < 800 ? 1 : 37) {
        uint64_t offset = inode.table_off + at / 8;
        uint8_t byte, flipped;
        assert_int_equal(bfs_pread_exact(fd, &byte, 1, offset), 0);
        flipped = (uint8_t)(byte ^ 1 << at % 8);
        assert_int_equal(bfs_pwrite_all(fd, &flipped, 1, offset), 0);
        int r = bfs_stored_table_open(bundle, number, &table, NULL);
        assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG);
        assert_null(table);
        assert_int_equal(bfs_pwrite_all(fd, &byte, 1, offset), 0);
        n_flipped++;
    }
    assert_true(n_flipped > 800);
    assert_int_equal(bfs_stored_table_open(bundle, number, &table, NULL), 0);
    (void)bfs_stored_table_free(table);
    assert_int_equal(ftruncate(fd, (off_t)(inode.table_off + inode.table_size) - 1), 0);
    assert_int_equal(bfs_stored_table_open(bundle, number, &table, NULL), -EBADMSG);
}

static void the_blobs_that_it_names_must_be_there(void **state)
{
    test_autopacked struct packed packed = packed_make();
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = pack_twice(&packed);
    uint32_t number = number_of(bundle, "model.safetensors");
    struct bfs_stored_table *table = NULL;
    (void)state;
    assert_int_equal(bfs_stored_table_open(bundle, number, &table, NULL), 0);
    struct bfs_table_blob blob = bfs_stored_table_blob(table, 1);
    (void)bfs_stored_table_free(bfs_steal(&table));
    bfs_autofree char *path = bfs_store_blob_path(packed.store, &blob.digest);
    assert_int_equal(truncate(path, (off_t)blob.size - 1), 0);
    assert_int_equal(bfs_stored_table_open(bundle, number, &table, NULL), -EBADMSG);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(bfs_stored_table_open(bundle, number, &table, NULL), -ENOENT);
}

/* One that is proved may still say what cannot be: whoever signed a digest may be a liar. */
struct lie {
    uint64_t at; /* 8 bytes of the table are these */
    uint64_t value;
    uint64_t file_size; /* in the index */
    uint32_t table_size;
    int result;
};

static int tell(const struct bfs_store *store, const struct lie *lie)
{
    struct bfs_chunk_table_builder builder = {0};
    bfs_autobuffer struct bfs_buffer data = BFS_BUFFER_INIT;
    struct bfs_table_blob other = {.size = 100};
    struct bfs_chunk chunk = {.raw_size = 8, .stored_size = 8};
    struct bfs_descriptor layers[2];
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    BFS_CLEANUP(bfs_stored_table_cleanup) struct bfs_stored_table *table = NULL;
    uint32_t number;
    if (lie->result == -ENOKEY) /* stands for a blob that no layer is */
        assert_int_equal(bfs_chunk_table_builder_blob(&builder, &other, &number), 0);
    bfs_buffer_put_text(&data, "12345678");
    assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunk), 0);
    assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunk), 0);
    assert_int_equal(bfs_chunk_table_builder_write(&builder, &data), 0);
    bfs_chunk_table_builder_done(&builder);
    struct bfs_inode file = {.mode = S_IFREG | 0444,
                             .size = lie->file_size,
                             .table_layer = 1,
                             .table_off = 8,
                             .table_size = (uint32_t)data.size - 8 + lie->table_size,
                             .stored_size = 16};
    if (lie->at)
        memcpy(data.bytes + 8 + lie->at, &lie->value, 8);
    assert_int_equal(bfs_sha256(data.bytes + 8, data.size - 8, &file.table_digest), 0);
    layers[1] = published_put(store, BFS_MEDIA_DATA, &data);
    struct bfs_descriptor manifest = publish_file(store, layers, 2, &file);
    assert_int_equal(bfs_bundle_open(store, &manifest.digest, manifest.size, &bundle, NULL), 0);
    return bfs_stored_table_open(bundle, 1, &table, NULL);
}

static void lies_are_refused_as_of_whole_tables(void **state)
{
    static const struct lie lies[] = {
        {0, 0, 16, 0, 0},
        {16, 17, 17, 0, -EBADMSG},             /* more bytes than chunks */
        {16, 8, 8, 0, -EBADMSG},               /* fewer */
        {0, 0, 17, 0, -EBADMSG},               /* a file of another size */
        {24, 3, 16, 0, -EBADMSG},              /* three chunks */
        {24, UINT32_MAX, 16, 0, -E2BIG},       /* very many */
        {8, 2, 16, 0, -EPROTONOSUPPORT},       /* another version */
        {32 + 80, 9, 16, 0, -EBADMSG},         /* the second chunk out of place */
        {32 + 80 + 16, 1000, 16, 0, -EBADMSG}, /* its bytes outside of the blob */
        {32 + 80 + 24, 1, 16, 0, -EBADMSG},    /* in a blob that has no name */
        {0, 0, 16, 1, -EBADMSG},               /* the table outside of its blob */
        {0, 0, 16, 0, -ENOKEY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        test_autofolder struct test_folder folder = test_folder_make();
        BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
        bfs_autofree char *path = test_path(&folder, "store");
        assert_int_equal(bfs_store_create(path, BFS_STORE_MODE_ANY, &store, NULL), 0);
        int result = lies[i].result == -ENOKEY ? -EBADMSG : lies[i].result;
        assert_int_equal(tell(store, &lies[i]), result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_what_the_whole_table_says),
        cmocka_unit_test(no_bit_of_it_may_change),
        cmocka_unit_test(the_blobs_that_it_names_must_be_there),
        cmocka_unit_test(lies_are_refused_as_of_whole_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

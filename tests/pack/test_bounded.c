/* SPDX-License-Identifier: Apache-2.0
 * Tables of more chunks than their memory holds: what is known, the chunks of one file, and a table
 * that is read back. Each in memory that the tables themselves would exceed several times. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/pack/layout_writer.h"
#include "codec/store/stored_table.h"
#include "tests/fs/published.h"
#include "tests/pack/limited.h"
#include "tests/support/folder.h"
#include "tests/support/seeded.h"

enum {
#ifdef TEST_IS_SANITIZED
    N_KNOWN = 300000,
    N_FILE = 50000,
#else
    N_KNOWN = 7 << 19, /* more than the index of chunks holds in memory */
    N_FILE = 700000,
#endif
    CHUNK = 16,
};

struct fixture {
    struct test_folder folder;
    struct bfs_store *store;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.folder = test_folder_make();
    bfs_autofree char *path = test_path(&fixture.folder, "store");
    assert_int_equal(bfs_store_create(path, BFS_STORE_MODE_ANY, &fixture.store, NULL), 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)bfs_store_free(fixture->store);
    test_folder_remove(&fixture->folder);
    return 0;
}

static struct bfs_chunk known_chunk(uint32_t i)
{
    struct bfs_chunk chunk = {.raw_size = 1000 + i % 7,
                              .stored_size = i,
                              .stored_off = (uint64_t)i << 20,
                              .blob = i % 100};
    chunk.check = bfs_xxh128(&i, sizeof(i));
    test_fill_random(chunk.digest.bytes, sizeof(chunk.digest.bytes), i);
    return chunk;
}

static void look_up(struct bfs_dedup *dedup, uint32_t i)
{
    struct bfs_chunk expected = known_chunk(i), chunk;
    bool found = false;
    assert_int_equal(bfs_dedup_find(dedup, &expected.check, expected.raw_size, BFS_TRANSFORM_NONE,
                                    &chunk, &found),
                     0);
    assert_true(found);
    assert_memory_equal(&chunk, &expected, sizeof(chunk));
    assert_int_equal(bfs_dedup_find(dedup, &expected.check, expected.raw_size + 1,
                                    BFS_TRANSFORM_NONE, &chunk, &found),
                     0);
    assert_false(found);
}

static void millions_of_chunks_are_known(void **state)
{
    struct fixture *fixture = *state;
    BFS_CLEANUP(bfs_dedup_cleanup) struct bfs_dedup *dedup = NULL;
    struct rlimit before = limited_begin(BFS_DEDUP_MEMORY + (2 << 20));
    assert_int_equal(bfs_dedup_new(fixture->store, &dedup), 0);
    for (uint32_t i = 0; i < N_KNOWN; i++) {
        struct bfs_chunk chunk = known_chunk(i);
        assert_int_equal(bfs_dedup_add_chunk(dedup, &chunk), 0);
    }
    for (uint32_t i = 0; i < 1000; i++) { /* what is there is not added again */
        struct bfs_chunk chunk = known_chunk(i);
        assert_int_equal(bfs_dedup_add_chunk(dedup, &chunk), 0);
    }
    assert_int_equal(bfs_dedup_n_chunks(dedup), N_KNOWN);
    for (uint32_t i = 0; i < N_KNOWN; i += 11)
        look_up(dedup, i);
    for (uint32_t i = N_KNOWN; i < N_KNOWN + 10000; i++) {
        struct bfs_chunk chunk = known_chunk(i);
        bool found;
        assert_int_equal(
            bfs_dedup_find(dedup, &chunk.check, chunk.raw_size, BFS_TRANSFORM_NONE, &chunk, &found),
            0);
        assert_false(found);
    }
    limited_end(&before);
}

/* Files and blobs are as many as bundles like, too. */
static void many_files_are_known(void **state)
{
    enum { N = N_KNOWN / 20 };
    struct fixture *fixture = *state;
    BFS_CLEANUP(bfs_dedup_cleanup) struct bfs_dedup *dedup = NULL;
    struct rlimit before = limited_begin(8 << 20);
    assert_int_equal(bfs_dedup_new(fixture->store, &dedup), 0);
    for (uint32_t i = 0; i < N; i++) {
        struct bfs_table_blob blob = {.size = i};
        struct bfs_dedup_file file = {.size = i, .n_blobs = 2, .blob = i};
        uint32_t blobs[2] = {i, i / 2}, number;
        test_fill_random(file.digest.bytes, BFS_DIGEST_SIZE, i);
        blob.digest = file.digest;
        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(bfs_dedup_add_blob(dedup, &blob, &number), 0);
            assert_int_equal(number, i);
            assert_int_equal(bfs_dedup_add_file(dedup, &file, blobs), 0);
            blobs[0] = N; /* the second time it is there */
        }
    }
    for (uint32_t i = 0; i < N; i += 3) {
        struct bfs_digest digest;
        struct bfs_dedup_file file;
        struct bfs_table_blob blob;
        uint32_t blobs[2];
        bool found = false, closed = false;
        test_fill_random(digest.bytes, BFS_DIGEST_SIZE, i);
        assert_int_equal(bfs_dedup_find_file(dedup, &digest, i + 1, &file, &found), 0);
        assert_false(found);
        assert_int_equal(bfs_dedup_find_file(dedup, &digest, i, &file, &found), 0);
        assert_true(found);
        assert_int_equal(file.blob, i);
        assert_int_equal(bfs_dedup_file_blobs(dedup, &file, blobs), 0);
        assert_int_equal(blobs[0], i);
        assert_int_equal(blobs[1], i / 2);
        assert_int_equal(bfs_dedup_blob(dedup, i, &blob, &closed), 0);
        assert_true(closed);
        assert_true(bfs_digest_equal(&blob.digest, &digest));
        assert_int_equal(blob.size, i);
    }
    limited_end(&before);
}

/* Chunk i of the file: its bytes are its number twice. */
static void fill_slot(struct bfs_slot *slot, uint8_t bytes[CHUNK], uint64_t i)
{
    memcpy(bytes, &i, 8);
    memcpy(bytes + 8, &i, 8);
    *slot = (struct bfs_slot){.raw = bytes,
                              .raw_size = CHUNK,
                              .stored = bytes,
                              .stored_size = CHUNK,
                              .encoding = {.codec = BFS_CODEC_RAW}};
    slot->check = bfs_xxh128(bytes, CHUNK);
    slot->file_check = slot->check;
    assert_int_equal(bfs_sha256(bytes, CHUNK, &slot->digest), 0);
}

/* Every tenth chunk is the one before it again. */
static uint64_t content_of(uint32_t i)
{
    return i % 10 == 9 ? i - 1 : i;
}

static struct bfs_laid_file lay_out(struct bfs_layout_writer *writer)
{
    struct bfs_pipeline_tools tools = {.scratch = malloc(CHUNK)};
    struct bfs_digest digest = {{1}};
    struct bfs_laid_file laid = {0};
    assert_non_null(tools.scratch);
    assert_int_equal(bfs_chunk_reader_new(&tools.reader), 0);
    bfs_layout_writer_begin(writer, true);
    for (uint32_t i = 0; i < N_FILE; i++) {
        uint8_t bytes[CHUNK];
        struct bfs_slot slot;
        fill_slot(&slot, bytes, content_of(i));
        assert_int_equal(bfs_layout_writer_chunk(writer, &tools, &slot, NULL), 0);
    }
    assert_int_equal(bfs_layout_writer_end(writer, &digest, &laid, NULL), 0);
    assert_int_equal(bfs_layout_writer_finish(writer, NULL), 0);
    assert_int_equal(bfs_layout_writer_known_size(writer), N_FILE / 10 * CHUNK);
    bfs_layout_writer_resolve(writer, &laid);
    (void)bfs_chunk_reader_free(tools.reader);
    free(tools.scratch);
    return laid;
}

/* A bundle of that one file. */
static struct bfs_bundle *make_bundle(const struct bfs_store *store)
{
    BFS_CLEANUP(bfs_dedup_cleanup) struct bfs_dedup *known = NULL;
    BFS_CLEANUP(bfs_layout_writer_cleanup) struct bfs_layout_writer *writer = NULL;
    bfs_autofree struct bfs_descriptor *data = NULL;
    struct bfs_descriptor layers[2];
    struct bfs_bundle *bundle = NULL;
    uint32_t n;
    assert_int_equal(bfs_dedup_new(store, &known), 0);
    assert_int_equal(bfs_layout_writer_new(store, known, &writer), 0);
    struct bfs_laid_file laid = lay_out(writer);
    assert_int_equal(bfs_layout_writer_layers(writer, &data, &n, NULL), 0);
    assert_int_equal(n, 1);
    layers[1] = data[0];
    const struct bfs_inode file = {.mode = S_IFREG | 0444,
                                   .size = laid.size,
                                   .digest = laid.digest,
                                   .table_layer = laid.layer,
                                   .table_off = laid.table_off,
                                   .table_size = laid.table_size,
                                   .table_digest = laid.table_digest,
                                   .stored_size = laid.stored_size};
    struct bfs_descriptor manifest = publish_file(store, layers, 2, &file);
    assert_int_equal(bfs_bundle_open(store, &manifest.digest, manifest.size, &bundle, NULL), 0);
    return bundle;
}

static void check_table(struct bfs_stored_table *table)
{
    assert_int_equal(bfs_stored_table_n_chunks(table), N_FILE);
    assert_int_equal(bfs_stored_table_n_blobs(table), 0);
    for (uint32_t i = 0; i < N_FILE; i++) {
        uint64_t content = content_of(i), first = content - content / 10;
        struct bfs_chunk chunk;
        assert_int_equal(bfs_stored_table_at(table, i, &chunk, NULL), 0);
        assert_int_equal(chunk.raw_off, (uint64_t)i * CHUNK);
        assert_int_equal(chunk.stored_off, first * CHUNK);
        assert_int_equal(chunk.blob, 0);
    }
}

/* Flips a bit in the middle of the table's last part, in place. */
static void damage(const struct bfs_store *store, struct bfs_bundle *bundle)
{
    const struct bfs_descriptor *layer = bfs_bundle_layer(bundle, 1);
    bfs_autofree char *path = bfs_store_blob_path(store, &layer->digest);
    uint8_t byte;
    assert_int_equal(chmod(path, 0644), 0);
    bfs_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(bfs_pread_exact(fd, &byte, 1, layer->size - 80 * 100), 0);
    byte ^= 1;
    assert_int_equal(bfs_pwrite_all(fd, &byte, 1, layer->size - 80 * 100), 0);
}

static void a_file_of_many_chunks_is_laid_out_and_learned(void **state)
{
    struct fixture *fixture = *state;
    BFS_CLEANUP(bfs_dedup_cleanup) struct bfs_dedup *dedup = NULL, *some = NULL;
    BFS_CLEANUP(bfs_stored_table_cleanup) struct bfs_stored_table *table = NULL, *again = NULL;
    struct bfs_error error = {0};
    struct bfs_chunk chunk;
    bool damaged = true;
    struct rlimit before = limited_begin(28 << 20);
    struct bfs_bundle *bundle = make_bundle(fixture->store);
    assert_int_equal(bfs_stored_table_open(bundle, 1, &table, NULL), 0);
    check_table(table);

    assert_int_equal(bfs_dedup_new(fixture->store, &dedup), 0);
    assert_int_equal(bfs_dedup_add_bundle(dedup, bundle, UINT32_MAX, &damaged), 0);
    assert_false(damaged);
    assert_int_equal(bfs_dedup_n_chunks(dedup), N_FILE - N_FILE / 10);
    assert_int_equal(bfs_dedup_new(fixture->store, &some), 0);
    assert_int_equal(bfs_dedup_add_bundle(some, bundle, 1000, &damaged), 0);
    assert_int_equal(bfs_dedup_n_chunks(some), 1000);
    limited_end(&before);

    /* A part that is damaged after it was proved is not used; the others are. */
    damage(fixture->store, bundle);
    assert_int_equal(bfs_stored_table_at(table, 0, &chunk, NULL), 0);
    assert_int_equal(bfs_stored_table_at(table, N_FILE - 1, &chunk, &error), -EBADMSG);
    assert_non_null(strstr(error.what, "changed"));
    assert_int_equal(bfs_stored_table_at(table, N_FILE - 1, &chunk, &error), -EBADMSG);
    assert_int_equal(bfs_stored_table_at(table, 0, &chunk, NULL), 0);
    assert_int_equal(bfs_stored_table_open(bundle, 1, &again, NULL), -EBADMSG);
    assert_int_equal(bfs_dedup_add_bundle(some, bundle, UINT32_MAX, &damaged), 0); /* it is known */
    dedup = bfs_dedup_free(dedup);
    assert_int_equal(bfs_dedup_new(fixture->store, &dedup), 0);
    assert_int_equal(bfs_dedup_add_bundle(dedup, bundle, UINT32_MAX, &damaged), -EBADMSG);
    assert_true(damaged);
    (void)bfs_bundle_unref(bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(millions_of_chunks_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_files_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_many_chunks_is_laid_out_and_learned, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

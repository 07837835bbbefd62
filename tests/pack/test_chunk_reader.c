/* SPDX-License-Identifier: Apache-2.0
 * Chunks that are fetched together are proved one by one, before any of their bytes is decoded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/pack/packed.h"

#include "codec/store/file.h"
#include "codec/store/files.h"

enum { POISON = 0xa5 };

struct fixture {
    struct packed packed;
    struct bfs_bundle *bundle;
    struct bfs_file *file;
    struct bfs_chunk_reader *reader;
    struct bfs_chunk_place places[BFS_CHUNKS_MAX]; /* the file's first chunks */
    uint8_t *source, *raw;
    int blob_fd;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    struct bfs_pack_report report;
    uint32_t number;
    size_t size;
    *f = (struct fixture){.packed = packed_make(), .raw = malloc(BFS_CHUNK_WIDE_MAX)};
    assert_int_equal(packed_pack(&f->packed, "t/m:1", (struct bfs_pack_options){0}, &report), 0);
    f->bundle = packed_open(&f->packed, "t/m:1");
    const struct bfs_index *index = bfs_bundle_index(f->bundle);
    assert_int_equal(bfs_index_resolve(index, "model.safetensors", &number), 0);
    assert_int_equal(bfs_file_open(f->bundle, number, &f->file, NULL), 0);
    assert_int_equal(bfs_chunk_reader_new(&f->reader), 0);
    bfs_autofree char *path = test_path(&f->packed.folder, "model/model.safetensors");
    assert_int_equal(bfs_read_file(path, 64 << 20, &f->source, &size, NULL), 0);
    struct bfs_inode inode = bfs_index_inode(index, number);
    const struct bfs_descriptor *layer = bfs_bundle_layer(f->bundle, inode.table_layer);
    assert_int_equal(
        bfs_store_open_blob(f->packed.store, &layer->digest, layer->size, &f->blob_fd, NULL), 0);
    const struct bfs_chunk_table *table = bfs_file_table(f->file);
    assert_true(bfs_chunk_table_n_chunks(table) >= BFS_CHUNKS_MAX);
    for (uint32_t i = 0; i < BFS_CHUNKS_MAX; i++) {
        f->places[i] = (struct bfs_chunk_place){.blob_fd = f->blob_fd,
                                                .chunk = bfs_chunk_table_at(table, i)};
        assert_int_equal(f->places[i].chunk.blob, 0);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    (void)bfs_chunk_reader_free(f->reader);
    (void)bfs_file_unref(f->file);
    (void)bfs_bundle_unref(f->bundle);
    free(f->source);
    free(f->raw);
    (void)close(f->blob_fd);
    packed_done(&f->packed);
    return 0;
}

static void check_sound(struct fixture *f, size_t k, const struct bfs_chunk *chunk)
{
    memset(f->raw, POISON, chunk->raw_size);
    assert_int_equal(bfs_chunk_take(f->reader, k, f->raw, NULL), 0);
    assert_memory_equal(f->raw, f->source + chunk->raw_off, chunk->raw_size);
}

/* Takes all of `places`, of which `bad` must fail so, and before anything is decoded. */
static void check_places(struct fixture *f, const struct bfs_chunk_place *places, size_t n,
                         size_t bad, int status, const char *word)
{
    bfs_chunks_fetch(f->reader, places, n);
    for (size_t k = n; k-- > 0;) {
        if (k != bad) {
            check_sound(f, k, &places[k].chunk);
            continue;
        }
        struct bfs_error error = {0};
        char text[BFS_ERROR_TEXT_SIZE];
        memset(f->raw, POISON, BFS_CHUNK_WIDE_MAX);
        assert_int_equal(bfs_chunk_take(f->reader, k, f->raw, &error), status);
        assert_non_null(strstr(bfs_error_text(&error, text), word));
        for (size_t i = 0; i < BFS_CHUNK_WIDE_MAX; i++)
            assert_int_equal(f->raw[i], POISON);
    }
}

static void any_number_together(void **state)
{
    struct fixture *f = *state;
    for (size_t n = 0; n <= BFS_CHUNKS_MAX; n++) {
        bfs_chunks_fetch(f->reader, f->places, n);
        for (size_t k = 0; k < n; k++)
            check_sound(f, k, &f->places[k].chunk);
    }
}

static void by_file_and_number(void **state)
{
    struct fixture *f = *state;
    struct bfs_chunk_want wants[BFS_CHUNKS_MAX];
    for (uint32_t i = 0; i < BFS_CHUNKS_MAX; i++)
        wants[i] = (struct bfs_chunk_want){.file = f->file, .index = BFS_CHUNKS_MAX - 1 - i};
    bfs_file_fetch_chunks(f->reader, wants, BFS_CHUNKS_MAX);
    for (uint32_t i = 0; i < BFS_CHUNKS_MAX; i++) {
        const struct bfs_chunk *chunk = &f->places[wants[i].index].chunk;
        assert_int_equal(bfs_file_take_chunk(f->reader, i, &wants[i], f->raw, NULL), 0);
        assert_memory_equal(f->raw, f->source + chunk->raw_off, chunk->raw_size);
    }
}

/* The stored bytes are sound, so nothing but the digest can tell. */
static void another_digest_is_refused(void **state)
{
    struct fixture *f = *state;
    static const size_t counts[] = {1, 2, 3, BFS_CHUNKS_MAX};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
        for (size_t bad = 0; bad < counts[c]; bad += 1 + counts[c] / 4) {
            struct bfs_chunk_place places[BFS_CHUNKS_MAX];
            memcpy(places, f->places, sizeof(places));
            places[bad].chunk.digest.bytes[bad] ^= 0x20;
            check_places(f, places, counts[c], bad, -EBADMSG, "do not match their digest");
        }
}

static void what_cannot_be_read_is_told(void **state)
{
    struct fixture *f = *state;
    struct bfs_chunk_place places[BFS_CHUNKS_MAX];
    memcpy(places, f->places, sizeof(places));
    places[5].chunk.stored_off = UINT64_C(1) << 40;
    check_places(f, places, BFS_CHUNKS_MAX, 5, -EBADMSG, "the blob ends early");
    memcpy(places, f->places, sizeof(places));
    places[15].blob_fd = -1;
    check_places(f, places, BFS_CHUNKS_MAX, 15, -EBADF, "cannot read");
}

static void decoded_bytes_are_checked(void **state)
{
    struct fixture *f = *state;
    struct bfs_chunk_place place = f->places[3];
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    place.chunk.check.bytes[0] ^= 1;
    bfs_chunks_fetch(f->reader, &place, 1);
    assert_int_equal(bfs_chunk_take(f->reader, 0, f->raw, &error), -EBADMSG);
    assert_non_null(strstr(bfs_error_text(&error, text), "XXH3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_together),       cmocka_unit_test(by_file_and_number),
        cmocka_unit_test(another_digest_is_refused), cmocka_unit_test(what_cannot_be_read_is_told),
        cmocka_unit_test(decoded_bytes_are_checked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/index/samples.h"

#include "codec/index/format.h"

#include <errno.h>

enum { N_CHUNKS = 6, FILE_SIZE = 1280 };

static struct bfs_chunk_table *parsed(const struct bfs_buffer *bytes, size_t size, int *ret)
{
    struct bfs_chunk_table *table = NULL;
    struct bfs_error error = {0};
    uint8_t *copy = sample_copy(bytes->bytes, size);
    *ret = bfs_chunk_table_parse(copy, size, SAMPLE_BLOB_SIZE, &table, &error);
    assert_int_equal(error.code, *ret);
    assert_int_equal(*ret == 0, table != NULL);
    if (*ret)
        free(copy);
    return table;
}

static int parse(const struct bfs_buffer *bytes, size_t size)
{
    int r;
    (void)bfs_chunk_table_free(parsed(bytes, size, &r));
    return r;
}

static int parse_patched(size_t offset, const void *value, size_t size)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    sample_table(&bytes);
    assert_true(offset + size <= bytes.size);
    memcpy(bytes.bytes + offset, value, size);
    return parse(&bytes, bytes.size);
}

static int parse_patched_u32(size_t offset, uint32_t value)
{
    return parse_patched(offset, &value, sizeof(value));
}

static size_t chunk_at(uint32_t i, size_t field)
{
    return BFS_TABLE_HEADER_SIZE + BFS_TABLE_BLOB_SIZE + (size_t)i * BFS_CHUNK_RECORD_SIZE + field;
}

static void gives_back_what_was_added(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    int r;
    (void)state;
    sample_table(&bytes);
    BFS_CLEANUP(bfs_chunk_table_cleanup)
    struct bfs_chunk_table *table = parsed(&bytes, bytes.size, &r);
    assert_int_equal(r, 0);
    assert_int_equal(bfs_chunk_table_n_chunks(table), N_CHUNKS);
    assert_int_equal(bfs_chunk_table_n_blobs(table), 1);
    assert_int_equal(bfs_chunk_table_file_size(table), FILE_SIZE);
    assert_int_equal(bfs_chunk_table_blob(table, 1).size, 3000);
    struct bfs_chunk chunk = bfs_chunk_table_at(table, 2);
    assert_int_equal(chunk.raw_off, 700);
    assert_int_equal(chunk.blob, 1);
    assert_int_equal(chunk.encoding.codec, BFS_CODEC_ZSTD);
    assert_int_equal(chunk.encoding.transform, BFS_TRANSFORM_NONE);
    chunk = bfs_chunk_table_at(table, 5);
    assert_int_equal(chunk.raw_off, 1200);
    assert_int_equal(chunk.encoding.codec, BFS_CODEC_RAW);
    assert_int_equal(chunk.encoding.transform, BFS_TRANSFORM_F16_TO_F32);
    assert_int_equal(bfs_chunk_table_find(table, 0), 0);
    assert_int_equal(bfs_chunk_table_find(table, 399), 0);
    assert_int_equal(bfs_chunk_table_find(table, 400), 1);
    assert_int_equal(bfs_chunk_table_find(table, 699), 1);
    assert_int_equal(bfs_chunk_table_find(table, 999), 3);
}

static void impossible_records_are_refused(void **state)
{
    uint64_t huge = UINT64_MAX - 50;
    (void)state;
    assert_int_equal(parse_patched_u32(chunk_at(0, 8), 400), 0);      /* the patch that fits */
    assert_int_equal(parse_patched_u32(chunk_at(0, 0), 1), -EBADMSG); /* raw_off: a gap */
    assert_int_equal(parse_patched_u32(chunk_at(0, 8), 0), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(0, 8), 401), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(0, 8), UINT32_MAX), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(0, 12), 399), -EBADMSG); /* RAW of another size */
    assert_int_equal(parse_patched_u32(chunk_at(1, 12), 1), -EBADMSG);   /* ZERO with bytes */
    assert_int_equal(parse_patched_u32(chunk_at(2, 12), 0), -EBADMSG);   /* ZSTD without */
    assert_int_equal(parse_patched_u32(chunk_at(2, 12), 201), -EBADMSG); /* grows by decoding */
    assert_int_equal(parse_patched_u32(chunk_at(2, 12), 91), -EBADMSG);  /* beyond its blob */
    assert_int_equal(parse_patched_u32(chunk_at(3, 16), 4931), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(3, 16), 4930), 0);
    assert_int_equal(parse_patched(chunk_at(3, 16), &huge, sizeof(huge)), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(3, 24), 2), -EBADMSG); /* no such blob */
    assert_int_equal(parse_patched(chunk_at(3, 28), "\x09", 1), -EPROTONOSUPPORT);
    assert_int_equal(parse_patched(chunk_at(3, 29), "\x03", 1), -EPROTONOSUPPORT);
    assert_int_equal(parse_patched(chunk_at(3, 31), "\x01", 1), -EBADMSG); /* reserved */
}

static void transforms_have_rules_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(parse_patched(chunk_at(4, 30), "\x02", 1), 0); /* the other widening */
    assert_int_equal(parse_patched(chunk_at(4, 30), "\x03", 1), -EPROTONOSUPPORT);
    assert_int_equal(parse_patched(chunk_at(4, 30), "\xff", 1), -EPROTONOSUPPORT);
    assert_int_equal(parse_patched(chunk_at(4, 31), "\x01", 1), -EBADMSG); /* reserved */
    /* The codec's rules hold for the 100 bytes before the transform. */
    assert_int_equal(parse_patched_u32(chunk_at(4, 12), 100), 0);
    assert_int_equal(parse_patched_u32(chunk_at(4, 12), 101), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(5, 12), 39), -EBADMSG);
    assert_int_equal(parse_patched_u32(chunk_at(5, 12), 80), -EBADMSG);
    assert_int_equal(parse_patched(chunk_at(5, 30), "", 1), -EBADMSG); /* RAW of half the size */
    assert_int_equal(parse_patched(chunk_at(1, 30), "\x01", 1), 0);    /* ZERO, 300 bytes */
}

static int parse_one(struct bfs_chunk chunk)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    struct bfs_chunk_table_builder builder = {0};
    assert_int_equal(bfs_chunk_table_builder_add(&builder, &chunk), 0);
    assert_int_equal(bfs_chunk_table_builder_write(&builder, &bytes), 0);
    bfs_chunk_table_builder_done(&builder);
    return parse(&bytes, bytes.size);
}

static void sizes_have_limits_before_the_transform(void **state)
{
    const struct bfs_encoding zero = {.codec = BFS_CODEC_ZERO};
    const struct bfs_encoding wide = {.codec = BFS_CODEC_ZERO, .transform = 1};
    (void)state;
    assert_int_equal(parse_one((struct bfs_chunk){.raw_size = 5 << 20, .encoding = zero}), 0);
    assert_int_equal(parse_one((struct bfs_chunk){.raw_size = (5 << 20) + 4, .encoding = zero}),
                     -EBADMSG);
    assert_int_equal(parse_one((struct bfs_chunk){.raw_size = 10 << 20, .encoding = wide}), 0);
    assert_int_equal(parse_one((struct bfs_chunk){.raw_size = (10 << 20) + 4, .encoding = wide}),
                     -EBADMSG);
    assert_int_equal(parse_one((struct bfs_chunk){.raw_size = 4, .encoding = wide}), 0);
    for (uint32_t size = 1; size < 8; size++)
        assert_int_equal(parse_one((struct bfs_chunk){.raw_size = size, .encoding = wide}),
                         size == 4 ? 0 : -EBADMSG);
}

static void counts_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_patched_u32(24, N_CHUNKS + 1), -EBADMSG);
    assert_int_equal(parse_patched_u32(24, BFS_TABLE_CHUNKS_MAX), -EBADMSG);
    assert_int_equal(parse_patched_u32(24, BFS_TABLE_CHUNKS_MAX + 1), -E2BIG);
    assert_int_equal(parse_patched_u32(28, 2), -EBADMSG);
    assert_int_equal(parse_patched_u32(28, BFS_TABLE_BLOBS_MAX), -EBADMSG);
    assert_int_equal(parse_patched_u32(28, BFS_TABLE_BLOBS_MAX + 1), -E2BIG);
    assert_int_equal(parse_patched_u32(16, FILE_SIZE + 1), -EBADMSG); /* file size */
    assert_int_equal(parse_patched_u32(16, FILE_SIZE - 1), -EBADMSG);
    assert_int_equal(parse_patched_u32(8, 2), -EPROTONOSUPPORT);
    assert_int_equal(parse_patched_u32(0, 0), -EBADMSG);
}

static bool same_meaning(const struct bfs_chunk_table *a, const struct bfs_chunk_table *b)
{
    struct bfs_table_blob x = bfs_chunk_table_blob(a, 1), y = bfs_chunk_table_blob(b, 1);
    bool same = x.size == y.size && bfs_digest_equal(&x.digest, &y.digest);
    for (uint32_t i = 0; i < N_CHUNKS; i++) {
        struct bfs_chunk p = bfs_chunk_table_at(a, i), q = bfs_chunk_table_at(b, i);
        same = same && p.raw_off == q.raw_off && p.raw_size == q.raw_size &&
               p.stored_size == q.stored_size && p.stored_off == q.stored_off && p.blob == q.blob &&
               bfs_encoding_equal(p.encoding, q.encoding) &&
               bfs_digest_equal(&p.digest, &q.digest) && bfs_xxh128_equal(&p.check, &q.check);
    }
    return same;
}

static void every_bit_flip_is_refused_or_seen(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    size_t n_accepted = 0, n_refused = 0;
    int r;
    (void)state;
    sample_table(&bytes);
    BFS_CLEANUP(bfs_chunk_table_cleanup)
    struct bfs_chunk_table *original = parsed(&bytes, bytes.size, &r);
    assert_int_equal(r, 0);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        BFS_CLEANUP(bfs_chunk_table_cleanup)
        struct bfs_chunk_table *table = parsed(&bytes, bytes.size, &r);
        if (r == 0) {
            assert_int_equal(same_meaning(original, table), bit / 8 == 10 || bit / 8 == 11);
            n_accepted++;
        } else {
            assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG);
            n_refused++;
        }
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* Each digest and check can be any value: 48 bytes a chunk, 32 for the blob. */
    assert_true(n_accepted >= 8 * (N_CHUNKS * 48 + 32) && n_refused > 500);
}

static void every_truncation_and_extension_is_refused(void **state)
{
    bfs_autobuffer struct bfs_buffer bytes = BFS_BUFFER_INIT;
    (void)state;
    sample_table(&bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(parse(&bytes, size), -EBADMSG);
    assert_int_equal(parse(&bytes, bytes.size), 0);
    bfs_buffer_put_u8(&bytes, 0);
    assert_int_equal(parse(&bytes, bytes.size), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_added),
        cmocka_unit_test(impossible_records_are_refused),
        cmocka_unit_test(transforms_have_rules_of_their_own),
        cmocka_unit_test(sizes_have_limits_before_the_transform),
        cmocka_unit_test(counts_beyond_the_bytes_are_refused),
        cmocka_unit_test(every_bit_flip_is_refused_or_seen),
        cmocka_unit_test(every_truncation_and_extension_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

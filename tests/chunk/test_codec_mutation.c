/* SPDX-License-Identifier: Apache-2.0
 * Hostile stored bytes: every bit flip, truncation and extension of small valid chunks, and frames
 * and headers made to mislead. A decoder refuses them, or gives exactly the bytes asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define ZSTD_STATIC_LINKING_ONLY
#include "codec/chunk/codec.h"
#include "samples.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zstd.h>

enum { RAW = 600, GUARD = 64, STORED_MAX = 2048 };

struct blob {
    struct bfs_encoding encoding;
    size_t raw_size;
    uint8_t bytes[STORED_MAX];
    size_t size;
};

static struct bfs_decoder *decoder;

static int setup(void **state)
{
    (void)state;
    return bfs_decoder_new(&decoder);
}

static int teardown(void **state)
{
    (void)state;
    decoder = bfs_decoder_free(decoder);
    return 0;
}

static void make_blob(struct blob *blob, void (*sample)(uint8_t *, size_t), size_t raw_size,
                      enum bfs_layout layout, enum bfs_codec want)
{
    struct bfs_encoder *encoder;
    uint8_t raw[8 * RAW];
    const uint8_t *stored;
    assert_true(raw_size <= sizeof(raw));
    assert_int_equal(bfs_encoder_new(&encoder), 0);
    sample(raw, raw_size);
    *blob = (struct blob){.raw_size = raw_size};
    assert_int_equal(
        bfs_encoder_encode(encoder, raw, raw_size, layout, &stored, &blob->size, &blob->encoding),
        0);
    assert_int_equal(blob->encoding.codec, want);
    assert_true(blob->size < sizeof(blob->bytes));
    memcpy(blob->bytes, stored, blob->size);
    bfs_encoder_free(encoder);
}

/* Decodes between guards, from a copy that ends where the stored bytes end. */
static int decode(const struct blob *blob)
{
    uint8_t *copy = malloc(blob->size + (blob->size == 0));
    uint8_t *raw = malloc(blob->raw_size + GUARD);
    assert_non_null(copy);
    assert_non_null(raw);
    memcpy(copy, blob->bytes, blob->size);
    memset(raw, 0xa5, blob->raw_size + GUARD);
    int r = bfs_decoder_decode(decoder, blob->encoding, copy, blob->size, raw, blob->raw_size);
    for (size_t i = 0; i < GUARD; i++)
        assert_int_equal(raw[blob->raw_size + i], 0xa5);
    free(copy);
    free(raw);
    return r;
}

static void mutate(const struct blob *blob, bool length_only_matters)
{
    struct blob mutant;
    size_t n_refused = 0;
    assert_int_equal(decode(blob), 0);
    for (size_t bit = 0; bit < 8 * blob->size; bit++) {
        mutant = *blob;
        mutant.bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        int r = decode(&mutant);
        assert_true(r == 0 || r == -EBADMSG);
        n_refused += r != 0;
    }
    for (size_t size = 0; size < blob->size; size++) {
        mutant = *blob;
        mutant.size = size;
        assert_int_equal(decode(&mutant), -EBADMSG);
    }
    for (size_t more = 1; more <= 20; more++) {
        mutant = *blob;
        mutant.size += more;
        assert_int_equal(decode(&mutant), -EBADMSG);
    }
    for (size_t other = 1; other <= 20; other++) {
        mutant = *blob;
        mutant.raw_size += other;
        if (blob->encoding.codec != BFS_CODEC_ZERO)
            assert_int_equal(decode(&mutant), -EBADMSG);
    }
    print_message("%s width %u: %zu of %zu bit flips refused\n",
                  bfs_codec_name(blob->encoding.codec), blob->encoding.width, n_refused,
                  8 * blob->size);
    if (length_only_matters)
        assert_int_equal(n_refused, 0);
    else
        assert_true(n_refused > 40); /* at least the frame's header and tables */
}

static void test_mutations(void **state)
{
    (void)state;
    struct blob blob;
    make_blob(&blob, sample_noise, RAW, BFS_LAYOUT_OPAQUE, BFS_CODEC_RAW);
    mutate(&blob, true);
    make_blob(&blob, sample_zeros, RAW, BFS_LAYOUT_OPAQUE, BFS_CODEC_ZERO);
    mutate(&blob, true);
    make_blob(&blob, sample_text, RAW, BFS_LAYOUT_OPAQUE, BFS_CODEC_ZSTD);
    mutate(&blob, false);
    make_blob(&blob, sample_fp8, RAW, BFS_LAYOUT_OPAQUE, BFS_CODEC_ZSTD);
    mutate(&blob, false);
    make_blob(&blob, sample_int8, 2 * RAW + 1, BFS_LAYOUT_INTEGER, BFS_CODEC_NIBBLES);
    mutate(&blob, false);
    make_blob(&blob, sample_fp8, 2 * RAW + 1, BFS_LAYOUT_FLOAT8, BFS_CODEC_PLANES);
    mutate(&blob, false);
    make_blob(&blob, sample_bf16, RAW + 1, BFS_LAYOUT_BFLOAT16, BFS_CODEC_PLANES);
    mutate(&blob, false);
    make_blob(&blob, sample_fp32, 2 * RAW + 3, BFS_LAYOUT_FLOAT32, BFS_CODEC_PLANES);
    mutate(&blob, false);
    make_blob(&blob, sample_fp32_rounded, RAW, BFS_LAYOUT_FLOAT32, BFS_CODEC_PLANES);
    mutate(&blob, false);
    make_blob(&blob, sample_fp64, 2 * RAW + 5, BFS_LAYOUT_FLOAT64, BFS_CODEC_PLANES);
    mutate(&blob, false);
}

static void test_arguments(void **state)
{
    (void)state;
    struct blob blob;
    make_blob(&blob, sample_bf16, RAW, BFS_LAYOUT_BFLOAT16, BFS_CODEC_PLANES);
    blob.encoding.width = 4;
    assert_int_equal(decode(&blob), -EBADMSG);
    blob.encoding.width = 3;
    assert_int_equal(decode(&blob), -EPROTONOSUPPORT);
    blob.encoding = (struct bfs_encoding){.codec = BFS_CODEC_NIBBLES, .width = 1};
    assert_int_equal(decode(&blob), -EPROTONOSUPPORT);
    blob.encoding = (struct bfs_encoding){.codec = 9};
    assert_int_equal(decode(&blob), -EPROTONOSUPPORT);
    uint8_t byte = 0;
    const struct bfs_encoding zero = {.codec = BFS_CODEC_ZERO};
    assert_int_equal(bfs_decoder_decode(decoder, zero, &byte, 0, &byte, 0), -EBADMSG);
    assert_int_equal(
        bfs_decoder_decode(decoder, zero, &byte, 0, &byte, (size_t)BFS_CHUNK_RAW_MAX + 1),
        -EBADMSG);
}

/* -- frames -- */

static void frame_blob(struct blob *blob, const uint8_t *raw, size_t frame_raw_size,
                       ZSTD_cParameter parameter, int value)
{
    *blob = (struct blob){.encoding = {.codec = BFS_CODEC_ZSTD}, .raw_size = RAW};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)));
    blob->size = ZSTD_compress2(context, blob->bytes, sizeof(blob->bytes), raw, frame_raw_size);
    assert_false(ZSTD_isError(blob->size));
    (void)ZSTD_freeCCtx(context);
}

static void test_frames_refused(void **state)
{
    (void)state;
    static uint8_t raw[4 << 20];
    struct blob blob;
    sample_text(raw, RAW);

    frame_blob(&blob, raw, RAW, ZSTD_c_compressionLevel, 3);
    assert_int_equal(decode(&blob), 0);
    struct blob good = blob;

    frame_blob(&blob, raw, RAW, ZSTD_c_checksumFlag, 1);
    assert_int_equal(decode(&blob), -EBADMSG);
    frame_blob(&blob, raw, RAW, ZSTD_c_contentSizeFlag, 0);
    assert_int_equal(decode(&blob), -EBADMSG);
    frame_blob(&blob, raw, RAW, ZSTD_c_format, ZSTD_f_zstd1_magicless);
    assert_int_equal(decode(&blob), -EBADMSG);

    /* bombs: 4 MiB of zeros in a few hundred bytes, and one byte more or less than asked for */
    memset(raw, 0, sizeof(raw));
    frame_blob(&blob, raw, sizeof(raw), ZSTD_c_compressionLevel, 3);
    assert_true(blob.size < 1024);
    assert_int_equal(decode(&blob), -EBADMSG);
    frame_blob(&blob, raw, RAW + 1, ZSTD_c_compressionLevel, 3);
    assert_int_equal(decode(&blob), -EBADMSG);
    frame_blob(&blob, raw, RAW - 1, ZSTD_c_compressionLevel, 3);
    assert_int_equal(decode(&blob), -EBADMSG);

    /* two frames, of which the second is empty or skippable, and a skippable one first */
    blob = good;
    size_t n = ZSTD_compress(blob.bytes + blob.size, STORED_MAX - blob.size, raw, 0, 3);
    assert_false(ZSTD_isError(n));
    blob.size += n;
    assert_int_equal(decode(&blob), -EBADMSG);
    const uint8_t skippable[8] = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    blob = good;
    memcpy(blob.bytes + blob.size, skippable, sizeof(skippable));
    blob.size += sizeof(skippable);
    assert_int_equal(decode(&blob), -EBADMSG);
    blob = good;
    memmove(blob.bytes + sizeof(skippable), good.bytes, good.size);
    memcpy(blob.bytes, skippable, sizeof(skippable));
    blob.size += sizeof(skippable);
    assert_int_equal(decode(&blob), -EBADMSG);
}

static void test_dictionary_refused(void **state)
{
    (void)state;
    uint8_t raw[RAW];
    struct blob blob;
    sample_text(raw, RAW);
    frame_blob(&blob, raw, RAW, ZSTD_c_compressionLevel, 3);
    /* a one-byte dictionary id of 0, which no bit but its flag tells from none */
    assert_true((blob.bytes[4] & 0x20) != 0);
    memmove(blob.bytes + 6, blob.bytes + 5, blob.size - 5);
    blob.bytes[4] |= 1;
    blob.bytes[5] = 0;
    blob.size++;
    uint8_t out[RAW];
    assert_int_equal(ZSTD_decompress(out, RAW, blob.bytes, blob.size), RAW);
    assert_int_equal(decode(&blob), -EBADMSG);
}

/* A frame of zstd 0.7, which libzstd still decodes where it was built to. */
static void test_old_format_refused(void **state)
{
    (void)state;
    static const uint8_t header[] = {0x27, 0xb5, 0x2f, 0xfd, 0x60, 0x58, 0x01, 0x40, 0x02, 0x58};
    static const uint8_t end[] = {0xc0, 0, 0};
    struct blob blob = {.encoding = {.codec = BFS_CODEC_ZSTD}, .raw_size = RAW};
    memcpy(blob.bytes, header, sizeof(header));
    memset(blob.bytes + sizeof(header), 'x', RAW);
    memcpy(blob.bytes + sizeof(header) + RAW, end, sizeof(end));
    blob.size = sizeof(header) + RAW + sizeof(end);
    uint8_t out[RAW];
    size_t n = ZSTD_decompress(out, RAW, blob.bytes, blob.size);
    print_message("libzstd %s zstd 0.7\n", n == RAW ? "decodes" : "refuses");
    assert_int_equal(decode(&blob), -EBADMSG);
}

/* The examples of docs/format-codecs.md. */
static void test_documented_examples(void **state)
{
    (void)state;
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x08, 0x43, 0x00, 0x00, 0x3f};
    static const uint8_t planes[] = {0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00,
                                     0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00,
                                     0x00, 0x00, 0x7f, 0x7f, 0x00, 0x80, 0x00, 0x01, 0xaa};
    static const uint8_t floats[] = {0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0xc0, 0xbf, 0xaa};
    uint8_t raw[sizeof(floats)];
    assert_int_equal(bfs_decoder_decode(decoder, (struct bfs_encoding){.codec = BFS_CODEC_ZSTD},
                                        frame, sizeof(frame), raw, 8),
                     0);
    assert_memory_equal(raw, "????????", 8);
    assert_int_equal(
        bfs_decoder_decode(decoder, (struct bfs_encoding){.codec = BFS_CODEC_PLANES, .width = 4},
                           planes, sizeof(planes), raw, sizeof(raw)),
        0);
    assert_memory_equal(raw, floats, sizeof(floats));
}

/* -- headers of planes -- */

static void set_record(struct blob *blob, size_t plane, uint8_t method, uint32_t size)
{
    blob->bytes[5 * plane] = method;
    memcpy(blob->bytes + 5 * plane + 1, &size, sizeof(size));
}

static void test_plane_headers_refused(void **state)
{
    (void)state;
    struct blob good = {
        .encoding = {.codec = BFS_CODEC_PLANES, .width = 2}, .raw_size = 21, .size = 10 + 21};
    set_record(&good, 0, 0, 10);
    set_record(&good, 1, 0, 10);
    assert_int_equal(decode(&good), 0);

    const struct {
        uint8_t method[2];
        uint32_t size[2];
    } bad[] = {
        {{0, 0}, {11, 9}},          /* the sum is right, no plane is */
        {{0, 0}, {0xffffffff, 21}}, /* past the end */
        {{0, 1}, {10, 0xfffffff6}}, /* the sum would wrap */
        {{0, 1}, {10, 10}},         /* a frame as large as its plane */
        {{0, 1}, {10, 0}},          /* an empty frame */
        {{2, 0}, {10, 10}},         /* a zero plane with bytes */
        {{0, 3}, {10, 10}},         /* an unknown method */
        {{0, 255}, {10, 10}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct blob blob = good;
        for (size_t k = 0; k < 2; k++)
            set_record(&blob, k, bad[i].method[k], bad[i].size[k]);
        assert_int_equal(decode(&blob), -EBADMSG);
    }

    struct blob zeros = {
        .encoding = {.codec = BFS_CODEC_PLANES, .width = 2}, .raw_size = 21, .size = 10 + 1};
    set_record(&zeros, 0, 2, 0);
    set_record(&zeros, 1, 2, 0);
    assert_int_equal(decode(&zeros), 0);

    /* a good frame that is no smaller than its plane */
    struct blob large = {.encoding = {.codec = BFS_CODEC_PLANES, .width = 2}, .raw_size = 20};
    uint8_t noise[10];
    sample_noise(noise, sizeof(noise));
    size_t n = ZSTD_compress(large.bytes + 10, STORED_MAX - 10, noise, sizeof(noise), 3);
    assert_true(!ZSTD_isError(n) && n >= 10);
    set_record(&large, 0, 1, (uint32_t)n);
    set_record(&large, 1, 2, 0);
    large.size = 10 + n;
    assert_int_equal(decode(&large), -EBADMSG);

    /* fewer bytes than one element: nothing to split */
    struct blob byte = {
        .encoding = {.codec = BFS_CODEC_PLANES, .width = 1}, .raw_size = 1, .size = 10 + 1};
    assert_int_equal(decode(&byte), -EBADMSG);
    struct blob tiny = {
        .encoding = {.codec = BFS_CODEC_PLANES, .width = 8}, .raw_size = 3, .size = 40 + 3};
    assert_int_equal(decode(&tiny), -EBADMSG);
}

static void test_plane_bomb_refused(void **state)
{
    (void)state;
    static uint8_t raw[4 << 20];
    struct blob blob = {.encoding = {.codec = BFS_CODEC_PLANES, .width = 2}, .raw_size = 2048};
    size_t n = ZSTD_compress(blob.bytes + 10, STORED_MAX - 10, raw, sizeof(raw), 3);
    assert_true(n < 1024);
    set_record(&blob, 0, 1, (uint32_t)n);
    set_record(&blob, 1, 2, 0);
    blob.size = 10 + n;
    assert_int_equal(decode(&blob), -EBADMSG);

    n = ZSTD_compress(blob.bytes + 10, STORED_MAX - 10, raw, 1024, 3);
    set_record(&blob, 0, 1, (uint32_t)n);
    blob.size = 10 + n;
    assert_int_equal(decode(&blob), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_frames_refused),
        cmocka_unit_test(test_dictionary_refused),
        cmocka_unit_test(test_old_format_refused),
        cmocka_unit_test(test_documented_examples),
        cmocka_unit_test(test_plane_headers_refused),
        cmocka_unit_test(test_plane_bomb_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

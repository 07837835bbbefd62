/* SPDX-License-Identifier: Apache-2.0
 * Round trips of chunk encodings, what the encoder chooses, and how small the results are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/chunk/codec.h"
#include "samples.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CHUNK = 256 * 1024 };

static const enum bfs_layout layouts[] = {
    BFS_LAYOUT_OPAQUE,   BFS_LAYOUT_INTEGER, BFS_LAYOUT_FLOAT8,  BFS_LAYOUT_FLOAT16,
    BFS_LAYOUT_BFLOAT16, BFS_LAYOUT_FLOAT32, BFS_LAYOUT_FLOAT64, BFS_LAYOUT_BLOCKS,
};
static const size_t n_layouts = sizeof(layouts) / sizeof(layouts[0]);

static void (*const samples[])(uint8_t *bytes, size_t size) = {
    sample_noise,    sample_fp32, sample_bf16,  sample_fp32_rounded, sample_fp64, sample_fp8,
    sample_fp8_e5m2, sample_text, sample_zeros, sample_ones,         sample_nans, sample_sparse,
};
static const size_t n_samples = sizeof(samples) / sizeof(samples[0]);

struct fixture {
    struct bfs_encoder *encoder;
    struct bfs_decoder *decoder;
    uint8_t *raw;
    uint8_t *decoded;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    *state = f;
    f->raw = calloc(1, BFS_CHUNK_RAW_MAX + 1);
    f->decoded = malloc(BFS_CHUNK_RAW_MAX + 1);
    return f->raw == NULL || f->decoded == NULL || bfs_encoder_new(&f->encoder) ||
                   bfs_decoder_new(&f->decoder)
               ? -1
               : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    bfs_encoder_free(f->encoder);
    bfs_decoder_free(f->decoder);
    free(f->raw);
    free(f->decoded);
    free(f);
    return 0;
}

/* Encodes and decodes `size` bytes at f->raw; returns what is left of them, in ten thousandths. */
static size_t round_trip(struct fixture *f, size_t size, enum bfs_layout layout,
                         struct bfs_encoding *ret_encoding)
{
    const uint8_t *stored = NULL;
    size_t stored_size = SIZE_MAX;
    struct bfs_encoding encoding = {0xff, 0xff, 0xff};
    assert_int_equal(
        bfs_encoder_encode(f->encoder, f->raw, size, layout, &stored, &stored_size, &encoding), 0);
    assert_int_equal(bfs_encoding_check(encoding), 0);
    assert_true(stored_size <= size);
    assert_true(encoding.codec == BFS_CODEC_RAW || stored_size * 100 <= size * 97);
    f->decoded[size] = 0x5a;
    memset(f->decoded, 0x5a, size);
    /* a copy of exactly the stored bytes, so that a sanitizer sees a decoder that reads on */
    uint8_t *copy = malloc(stored_size + (stored_size == 0));
    assert_non_null(copy);
    memcpy(copy, stored, stored_size);
    assert_int_equal(bfs_decoder_decode(f->decoder, encoding, copy, stored_size, f->decoded, size),
                     0);
    free(copy);
    assert_memory_equal(f->decoded, f->raw, size);
    assert_int_equal(f->decoded[size], 0x5a);
    if (ret_encoding != NULL)
        *ret_encoding = encoding;
    return stored_size * 10000 / size;
}

static void test_small_sizes(void **state)
{
    struct fixture *f = *state;
    for (size_t s = 0; s < n_samples; s++) {
        for (size_t size = 1; size <= 70; size++) {
            samples[s](f->raw, size);
            for (size_t l = 0; l < n_layouts; l++)
                (void)round_trip(f, size, layouts[l], NULL);
        }
    }
}

static void test_chunk_sizes(void **state)
{
    struct fixture *f = *state;
    const size_t sizes[] = {1000, 4096, 16384, 16385, 65537, CHUNK, CHUNK + 3};
    for (size_t s = 0; s < n_samples; s++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            samples[s](f->raw, sizes[i]);
            for (size_t l = 0; l < n_layouts; l++)
                (void)round_trip(f, sizes[i], layouts[l], NULL);
        }
    }
}

static void test_largest_chunk(void **state)
{
    struct fixture *f = *state;
    struct bfs_encoding encoding;
    sample_bf16(f->raw, BFS_CHUNK_RAW_MAX);
    assert_true(round_trip(f, BFS_CHUNK_RAW_MAX, BFS_LAYOUT_BFLOAT16, &encoding) < 6655);
    assert_int_equal(encoding.codec, BFS_CODEC_PLANES);
    assert_true(round_trip(f, BFS_CHUNK_RAW_MAX - 1, BFS_LAYOUT_FLOAT64, NULL) <= 10000);

    const uint8_t *stored = f->raw;
    size_t stored_size = 1;
    assert_int_equal(bfs_encoder_encode(f->encoder, f->raw, BFS_CHUNK_RAW_MAX + 1,
                                        BFS_LAYOUT_OPAQUE, &stored, &stored_size, &encoding),
                     -EINVAL);
    assert_int_equal(bfs_encoder_encode(f->encoder, f->raw, 0, BFS_LAYOUT_OPAQUE, &stored,
                                        &stored_size, &encoding),
                     -EINVAL);
    assert_ptr_equal(stored, f->raw);
    assert_int_equal(stored_size, 1);
}

/* What each kind of data is stored as, and how much of it is left at most (ten thousandths). */
static const struct choice {
    const char *what;
    void (*sample)(uint8_t *bytes, size_t size);
    enum bfs_layout layout;
    uint8_t codec;
    size_t left;
} choices[] = {
    {"bf16", sample_bf16, BFS_LAYOUT_BFLOAT16, BFS_CODEC_PLANES, 6655},
    {"fp32", sample_fp32, BFS_LAYOUT_FLOAT32, BFS_CODEC_PLANES, 8350},
    {"rounded fp32", sample_fp32_rounded, BFS_LAYOUT_FLOAT32, BFS_CODEC_PLANES, 3340},
    {"fp64", sample_fp64, BFS_LAYOUT_FLOAT64, BFS_CODEC_PLANES, 9000},
    {"fp8", sample_fp8, BFS_LAYOUT_FLOAT8, BFS_CODEC_PLANES, 8290},
    {"fp8 E5M2", sample_fp8_e5m2, BFS_LAYOUT_FLOAT8, BFS_CODEC_ZSTD, 7100},
    {"int8", sample_int8, BFS_LAYOUT_INTEGER, BFS_CODEC_NIBBLES, 8800},
    {"int8 in blocks", sample_int8, BFS_LAYOUT_BLOCKS, BFS_CODEC_NIBBLES, 8800},
    {"text called int8", sample_text, BFS_LAYOUT_INTEGER, BFS_CODEC_ZSTD, 2500},
    {"text", sample_text, BFS_LAYOUT_OPAQUE, BFS_CODEC_ZSTD, 2500},
    {"text called bf16", sample_text, BFS_LAYOUT_BFLOAT16, BFS_CODEC_ZSTD, 2500},
    {"pruned bf16", sample_sparse, BFS_LAYOUT_BFLOAT16, BFS_CODEC_ZSTD, 1600},
    {"ones", sample_ones, BFS_LAYOUT_OPAQUE, BFS_CODEC_ZSTD, 10},
    {"zeros", sample_zeros, BFS_LAYOUT_FLOAT32, BFS_CODEC_ZERO, 0},
    {"noise", sample_noise, BFS_LAYOUT_OPAQUE, BFS_CODEC_RAW, 10000},
    {"noise called fp16", sample_noise, BFS_LAYOUT_FLOAT16, BFS_CODEC_RAW, 10000},
    {"noise in blocks", sample_noise, BFS_LAYOUT_BLOCKS, BFS_CODEC_RAW, 10000},
};

static void test_choices_and_sizes(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        const struct choice *choice = &choices[i];
        choice->sample(f->raw, CHUNK);
        struct bfs_encoding encoding;
        size_t left = round_trip(f, CHUNK, choice->layout, &encoding);
        print_message("%-18s %-6s %5.2f %%\n", choice->what, bfs_codec_name(encoding.codec),
                      (double)left / 100);
        assert_int_equal(encoding.codec, choice->codec);
        assert_true(left <= choice->left);
    }
}

/* One byte in `period` is free, the others are noise: what is saved is about 1 / period. */
static void test_raw_below_three_percent(void **state)
{
    struct fixture *f = *state;
    struct bfs_encoding encoding;
    sample_noise(f->raw, CHUNK);
    memset(f->raw, 1, (size_t)CHUNK * 27 / 1000);
    assert_int_equal(round_trip(f, CHUNK, BFS_LAYOUT_OPAQUE, &encoding), 10000);
    assert_int_equal(encoding.codec, BFS_CODEC_RAW);
    memset(f->raw, 1, (size_t)CHUNK * 35 / 1000);
    assert_true(round_trip(f, CHUNK, BFS_LAYOUT_OPAQUE, &encoding) < 9700);
    assert_int_equal(encoding.codec, BFS_CODEC_ZSTD);
}

static void test_far_repetition_is_found(void **state)
{
    struct fixture *f = *state;
    struct bfs_encoding encoding;
    sample_bf16(f->raw, CHUNK / 2);
    memcpy(f->raw + CHUNK / 2, f->raw, CHUNK / 2);
    assert_true(round_trip(f, CHUNK, BFS_LAYOUT_BFLOAT16, &encoding) < 5200);
}

/* An encoder that has seen much gives the bytes that a fresh one gives. */
static void test_deterministic(void **state)
{
    struct fixture *f = *state;
    for (size_t s = 0; s < n_samples; s++) {
        for (size_t l = 0; l < n_layouts; l++) {
            struct bfs_encoder *fresh;
            assert_int_equal(bfs_encoder_new(&fresh), 0);
            const uint8_t *a;
            const uint8_t *b;
            size_t a_size;
            size_t b_size;
            struct bfs_encoding a_encoding;
            struct bfs_encoding b_encoding;
            samples[s](f->raw, 40001);
            assert_int_equal(
                bfs_encoder_encode(f->encoder, f->raw, 40001, layouts[l], &a, &a_size, &a_encoding),
                0);
            assert_int_equal(
                bfs_encoder_encode(fresh, f->raw, 40001, layouts[l], &b, &b_size, &b_encoding), 0);
            assert_int_equal(a_size, b_size);
            assert_memory_equal(&a_encoding, &b_encoding, sizeof(a_encoding));
            assert_memory_equal(a, b, a_size);
            bfs_encoder_free(fresh);
        }
    }
}

static void test_names_and_encodings(void **state)
{
    (void)state;
    assert_string_equal(bfs_codec_name(BFS_CODEC_RAW), "raw");
    assert_string_equal(bfs_codec_name(BFS_CODEC_PLANES), "planes");
    unsigned known = 0;
    for (unsigned codec = 0; codec < 256; codec++) {
        for (unsigned width = 0; width < 256; width++) {
            int r = bfs_encoding_check((struct bfs_encoding){(uint8_t)codec, (uint8_t)width, 0});
            assert_true(r == 0 || r == -EPROTONOSUPPORT);
            known += r == 0;
        }
        assert_true((bfs_codec_name(codec) != NULL) == (codec <= BFS_CODEC_NIBBLES));
    }
    assert_int_equal(known, 4 + 4); /* four codecs of width 0, planes of 1, 2, 4 and 8 */
    assert_int_equal(bfs_encoding_check((struct bfs_encoding){.codec = BFS_CODEC_PLANES}),
                     -EPROTONOSUPPORT);
    assert_int_equal(bfs_encoding_check((struct bfs_encoding){.codec = BFS_CODEC_ZSTD, .width = 2}),
                     -EPROTONOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_small_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunk_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_chunk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_choices_and_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_raw_below_three_percent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_far_repetition_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deterministic, setup, teardown),
        cmocka_unit_test(test_names_and_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

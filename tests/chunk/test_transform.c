/* SPDX-License-Identifier: Apache-2.0
 * Every widening kernel on every pattern against a formula of its own, and on awkward lengths and
 * places; chunks of every codec that are widened after it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/chunk/codec.h"
#include "codec/chunk/kernels.h"
#include "samples.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERNS = 1 << 16, GUARD = 0xa5, GUARD_SIZE = 64 };

/* The float32 of a binary format with `n_exponent` exponent and `n_mantissa` mantissa bits, by what
 * its fields mean: numbers through the mathematics library, the others field by field. */
static uint32_t expected(uint16_t pattern, unsigned n_exponent, unsigned n_mantissa)
{
    unsigned mantissa = pattern % (1U << n_mantissa);
    unsigned exponent = pattern / (1U << n_mantissa) % (1U << n_exponent);
    int bias = (1 << (n_exponent - 1)) - 1, place = -bias - (int)n_mantissa;
    bool negative = pattern / 0x8000U;
    uint32_t bits;
    if (exponent == (1U << n_exponent) - 1) {
        bits = 0x7f800000U + mantissa * (1U << (23 - n_mantissa));
    } else {
        double value = exponent ? ldexp(mantissa + (1U << n_mantissa), place + (int)exponent)
                                : ldexp(mantissa, place + 1);
        float narrow = (float)value;
        assert_true((double)narrow == value);
        memcpy(&bits, &narrow, sizeof(bits));
    }
    return bits + (negative ? 0x80000000U : 0);
}

static uint32_t expected_of(enum bfs_transform transform, uint16_t pattern)
{
    return transform == BFS_TRANSFORM_BF16_TO_F32 ? expected(pattern, 8, 7)
                                                  : expected(pattern, 5, 10);
}

static void every_pattern(enum bfs_transform transform, uint16_t *narrow, uint32_t *wide)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        narrow[i] = (uint16_t)i;
        wide[i] = expected_of(transform, (uint16_t)i);
    }
}

static void run(const struct bfs_plane_kernels *kernels, enum bfs_transform transform,
                const uint8_t *from, size_t count, uint8_t *to)
{
    if (transform == BFS_TRANSFORM_BF16_TO_F32)
        kernels->widen_bf16(from, count, to);
    else
        kernels->widen_f16(from, count, to);
}

static void check_patterns(const struct bfs_plane_kernels *kernels, enum bfs_transform transform)
{
    bfs_autofree uint16_t *narrow = malloc(PATTERNS * sizeof(*narrow));
    bfs_autofree uint32_t *want = malloc(PATTERNS * sizeof(*want));
    bfs_autofree uint32_t *got = malloc(PATTERNS * sizeof(*got));
    assert_true(narrow && want && got);
    every_pattern(transform, narrow, want);
    run(kernels, transform, (const uint8_t *)narrow, PATTERNS, (uint8_t *)got);
    for (size_t i = 0; i < PATTERNS; i++)
        if (got[i] != want[i])
            fail_msg("%s: pattern %04zx becomes %08x, not %08x", kernels->name, i, got[i], want[i]);
}

/* `count` elements from pattern `first` on, at places that no vector is aligned to. */
static void check_piece(const struct bfs_plane_kernels *kernels, enum bfs_transform transform,
                        size_t first, size_t count, size_t misalign)
{
    bfs_autofree uint8_t *from = malloc(misalign + 2 * count + 1);
    bfs_autofree uint8_t *to = malloc(GUARD_SIZE + misalign + 4 * count + GUARD_SIZE);
    assert_true(from && to);
    memset(to, GUARD, GUARD_SIZE + misalign + 4 * count + GUARD_SIZE);
    for (size_t i = 0; i < count; i++) {
        uint16_t pattern = (uint16_t)(first + 641 * i);
        memcpy(from + misalign + 2 * i, &pattern, sizeof(pattern));
    }
    uint8_t *out = to + GUARD_SIZE + misalign;
    run(kernels, transform, from + misalign, count, out);
    for (size_t i = 0; i < count; i++) {
        uint32_t want = expected_of(transform, (uint16_t)(first + 641 * i));
        assert_memory_equal(out + 4 * i, &want, sizeof(want));
    }
    for (size_t i = 0; i < GUARD_SIZE; i++) {
        assert_int_equal(to[i], GUARD);
        assert_int_equal(out[4 * count + i], GUARD);
    }
}

static void every_kernel_widens_every_pattern(void **state)
{
    size_t n = 0;
    (void)state;
    for (; bfs_plane_kernels_at(n); n++) {
        const struct bfs_plane_kernels *kernels = bfs_plane_kernels_at(n);
        print_message("kernels: %s\n", kernels->name);
        for (enum bfs_transform t = BFS_TRANSFORM_BF16_TO_F32; t <= BFS_TRANSFORM_F16_TO_F32; t++) {
            check_patterns(kernels, t);
            for (size_t count = 0; count <= 130; count++)
                check_piece(kernels, t, 7919 * count, count, count % 7);
        }
    }
    assert_true(n >= 1);
}

/* The formula itself, where its values are known. */
static void known_values(void **state)
{
    static const struct {
        enum bfs_transform transform;
        uint16_t narrow;
        uint32_t wide;
    } values[] = {
        {BFS_TRANSFORM_BF16_TO_F32, 0x3f80, 0x3f800000}, /* 1 */
        {BFS_TRANSFORM_BF16_TO_F32, 0x8001, 0x80010000}, /* a negative subnormal */
        {BFS_TRANSFORM_BF16_TO_F32, 0x7f81, 0x7f810000}, /* a signalling NaN */
        {BFS_TRANSFORM_F16_TO_F32, 0x3c00, 0x3f800000},  /* 1 */
        {BFS_TRANSFORM_F16_TO_F32, 0x7bff, 0x477fe000},  /* 65504, the largest */
        {BFS_TRANSFORM_F16_TO_F32, 0x0001, 0x33800000},  /* 2^-24, the smallest */
        {BFS_TRANSFORM_F16_TO_F32, 0x83ff, 0xb87fc000},  /* the largest subnormal, negative */
        {BFS_TRANSFORM_F16_TO_F32, 0x8000, 0x80000000},  /* -0 */
        {BFS_TRANSFORM_F16_TO_F32, 0xfc00, 0xff800000},  /* -infinity */
        {BFS_TRANSFORM_F16_TO_F32, 0x7c01, 0x7f802000},  /* a signalling NaN */
        {BFS_TRANSFORM_F16_TO_F32, 0xfe00, 0xffc00000},  /* a quiet NaN, negative */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint32_t wide = 0;
        bfs_transform_widen(values[i].transform, (const uint8_t *)&values[i].narrow, 2,
                            (uint8_t *)&wide);
        assert_int_equal(wide, values[i].wide);
        assert_int_equal(expected_of(values[i].transform, values[i].narrow), values[i].wide);
    }
}

static void names_and_factors(void **state)
{
    (void)state;
    assert_string_equal(bfs_transform_name(BFS_TRANSFORM_NONE), "none");
    assert_string_equal(bfs_transform_name(BFS_TRANSFORM_BF16_TO_F32), "widen-bf16");
    assert_string_equal(bfs_transform_name(BFS_TRANSFORM_F16_TO_F32), "widen-f16");
    for (unsigned i = 3; i < 300; i++)
        assert_null(bfs_transform_name(i));
    assert_int_equal(bfs_transform_factor(BFS_TRANSFORM_NONE), 1);
    assert_int_equal(bfs_transform_factor(BFS_TRANSFORM_BF16_TO_F32), 2);
    assert_int_equal(bfs_transform_factor(BFS_TRANSFORM_F16_TO_F32), 2);
}

static void sizes_before_and_after(void **state)
{
    const struct bfs_encoding plain = {0}, wide = {.transform = BFS_TRANSFORM_F16_TO_F32};
    (void)state;
    assert_int_equal(bfs_encoding_decoded_size(plain, 0), 0);
    assert_int_equal(bfs_encoding_decoded_size(plain, 1), 1);
    assert_int_equal(bfs_encoding_decoded_size(plain, BFS_CHUNK_RAW_MAX), BFS_CHUNK_RAW_MAX);
    assert_int_equal(bfs_encoding_decoded_size(plain, BFS_CHUNK_RAW_MAX + 1), 0);
    assert_int_equal(bfs_encoding_decoded_size(wide, 0), 0);
    for (size_t size = 1; size < 4; size++)
        assert_int_equal(bfs_encoding_decoded_size(wide, size), 0);
    assert_int_equal(bfs_encoding_decoded_size(wide, 4), 2);
    assert_int_equal(bfs_encoding_decoded_size(wide, 6), 0);
    assert_int_equal(bfs_encoding_decoded_size(wide, BFS_CHUNK_WIDE_MAX), BFS_CHUNK_RAW_MAX);
    assert_int_equal(bfs_encoding_decoded_size(wide, BFS_CHUNK_WIDE_MAX + 4), 0);
    assert_int_equal(bfs_encoding_decoded_size(wide, (size_t)UINT32_MAX + 5), 0);
}

struct gathered {
    uint8_t bytes[4 * PATTERNS];
    size_t size;
    size_t limit;
};

static int gather(void *context, const uint8_t *bytes, size_t size)
{
    struct gathered *gathered = context;
    assert_true(size <= sizeof(gathered->bytes) - gathered->size);
    memcpy(gathered->bytes + gathered->size, bytes, size);
    gathered->size += size;
    return gathered->size > gathered->limit ? -ECANCELED : 0;
}

static void pieces_are_the_whole(void **state)
{
    static const size_t sizes[] = {2, 8190, 8192, 8194, 16384, 2 * PATTERNS};
    bfs_autofree struct gathered *gathered = malloc(sizeof(*gathered));
    bfs_autofree uint8_t *narrow = malloc(2 * PATTERNS), *wide = malloc(4 * PATTERNS);
    (void)state;
    assert_true(gathered && narrow && wide);
    sample_noise(narrow, 2 * PATTERNS);
    for (enum bfs_transform t = BFS_TRANSFORM_NONE; t <= BFS_TRANSFORM_F16_TO_F32; t++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t size = sizes[i] * bfs_transform_factor(t);
            struct bfs_xxh128 check, whole;
            *gathered = (struct gathered){.limit = SIZE_MAX};
            if (t == BFS_TRANSFORM_NONE)
                memcpy(wide, narrow, size);
            else
                bfs_transform_widen(t, narrow, sizes[i], wide);
            assert_int_equal(bfs_transform_each(t, narrow, sizes[i], gather, gathered), 0);
            assert_int_equal(gathered->size, size);
            assert_memory_equal(gathered->bytes, wide, size);
            assert_int_equal(bfs_transform_check(t, narrow, sizes[i], &check), 0);
            whole = bfs_xxh128(wide, size);
            assert_true(bfs_xxh128_equal(&check, &whole));
        }
    }
    *gathered = (struct gathered){.limit = 20000};
    assert_int_equal(
        bfs_transform_each(BFS_TRANSFORM_F16_TO_F32, narrow, 2 * PATTERNS, gather, gathered),
        -ECANCELED);
    assert_true(gathered->size > 20000 && gathered->size <= 40000);
}

struct coded {
    struct bfs_encoder *encoder;
    struct bfs_decoder *decoder;
    const uint8_t *stored;
    size_t stored_size;
    struct bfs_encoding encoding;
};

static void coded_make(struct coded *coded, const uint8_t *raw, size_t size, enum bfs_layout layout)
{
    *coded = (struct coded){0};
    assert_int_equal(bfs_encoder_new(&coded->encoder), 0);
    assert_int_equal(bfs_decoder_new(&coded->decoder), 0);
    assert_int_equal(bfs_encoder_encode(coded->encoder, raw, size, layout, &coded->stored,
                                        &coded->stored_size, &coded->encoding),
                     0);
    assert_int_equal(coded->encoding.transform, BFS_TRANSFORM_NONE);
}

static void coded_done(struct coded *coded)
{
    bfs_encoder_free(coded->encoder);
    bfs_decoder_free(coded->decoder);
}

static int decode(struct coded *coded, unsigned transform, uint8_t *to, size_t size)
{
    coded->encoding.transform = (uint8_t)transform;
    return bfs_decoder_decode(coded->decoder, coded->encoding, coded->stored, coded->stored_size,
                              to, size);
}

static void every_codec_with_every_transform(void **state)
{
    static const struct {
        void (*sample)(uint8_t *bytes, size_t size);
        enum bfs_layout layout;
        enum bfs_codec codec;
    } kinds[] = {
        {sample_noise, BFS_LAYOUT_BFLOAT16, BFS_CODEC_RAW},
        {sample_zeros, BFS_LAYOUT_BFLOAT16, BFS_CODEC_ZERO},
        {sample_text, BFS_LAYOUT_OPAQUE, BFS_CODEC_ZSTD},
        {sample_bf16, BFS_LAYOUT_BFLOAT16, BFS_CODEC_PLANES},
    };
    enum { SIZE = 40002 };
    bfs_autofree uint8_t *narrow = malloc(SIZE), *want = malloc(2 * SIZE),
                         *got = malloc(2 * SIZE + 1);
    (void)state;
    assert_true(narrow && want && got);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct coded coded;
        kinds[i].sample(narrow, SIZE);
        coded_make(&coded, narrow, SIZE, kinds[i].layout);
        assert_int_equal(coded.encoding.codec, kinds[i].codec);
        for (enum bfs_transform t = BFS_TRANSFORM_BF16_TO_F32; t <= BFS_TRANSFORM_F16_TO_F32; t++) {
            bfs_transform_widen(t, narrow, SIZE, want);
            memset(got, GUARD, 2 * SIZE + 1);
            assert_int_equal(decode(&coded, t, got, 2 * SIZE), 0);
            assert_memory_equal(got, want, 2 * SIZE);
            assert_int_equal(got[2 * SIZE], GUARD);
            /* Not whole elements. */
            assert_int_equal(decode(&coded, t, got, 2 * SIZE - 2), -EBADMSG);
        }
        assert_int_equal(decode(&coded, 3, got, 2 * SIZE), -EPROTONOSUPPORT);
        assert_int_equal(decode(&coded, 255, got, 2 * SIZE), -EPROTONOSUPPORT);
        assert_int_equal(decode(&coded, BFS_TRANSFORM_NONE, got, SIZE), 0);
        assert_memory_equal(got, narrow, SIZE);
        coded_done(&coded);
    }
}

static void the_largest_chunk(void **state)
{
    bfs_autofree uint8_t *narrow = malloc(BFS_CHUNK_RAW_MAX), *want = malloc(BFS_CHUNK_WIDE_MAX),
                         *got = malloc((size_t)BFS_CHUNK_WIDE_MAX + 4);
    struct coded coded;
    (void)state;
    assert_true(narrow && want && got);
    sample_bf16(narrow, BFS_CHUNK_RAW_MAX);
    coded_make(&coded, narrow, BFS_CHUNK_RAW_MAX, BFS_LAYOUT_BFLOAT16);
    bfs_transform_widen(BFS_TRANSFORM_BF16_TO_F32, narrow, BFS_CHUNK_RAW_MAX, want);
    assert_int_equal(decode(&coded, BFS_TRANSFORM_BF16_TO_F32, got, BFS_CHUNK_WIDE_MAX), 0);
    assert_memory_equal(got, want, BFS_CHUNK_WIDE_MAX);
    assert_int_equal(decode(&coded, BFS_TRANSFORM_BF16_TO_F32, got, BFS_CHUNK_WIDE_MAX + 4),
                     -EBADMSG);
    coded_done(&coded);
    coded_make(&coded, (const uint8_t[2]){0}, 2, BFS_LAYOUT_OPAQUE);
    assert_int_equal(coded.encoding.codec, BFS_CODEC_ZERO);
    assert_int_equal(decode(&coded, BFS_TRANSFORM_F16_TO_F32, got, BFS_CHUNK_WIDE_MAX), 0);
    assert_int_equal(decode(&coded, BFS_TRANSFORM_F16_TO_F32, got, BFS_CHUNK_WIDE_MAX + 4),
                     -EBADMSG);
    assert_int_equal(decode(&coded, BFS_TRANSFORM_F16_TO_F32, got, 0), -EBADMSG);
    for (size_t size = 1; size < 4; size++)
        assert_int_equal(decode(&coded, BFS_TRANSFORM_F16_TO_F32, got, size), -EBADMSG);
    coded_done(&coded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_widens_every_pattern),
        cmocka_unit_test(known_values),
        cmocka_unit_test(names_and_factors),
        cmocka_unit_test(sizes_before_and_after),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(every_codec_with_every_transform),
        cmocka_unit_test(the_largest_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

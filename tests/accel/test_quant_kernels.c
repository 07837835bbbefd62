/* SPDX-License-Identifier: Apache-2.0
 * Every instruction set against the scalar quantizers, bit for bit; what comes back against what
 * went in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/quant/kernels.h"
#include "accel/quant/quant.h"
#include "tests/accel/quant_values.h"
#include "verify/cleanup.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MARGIN = 16, GUARD = 0xa5, MANY = 256 * 41 };

static const enum bfs_dtype all_types[] = {
#define TYPE_ROW(NAME) BFS_DTYPE_##NAME,
    BFS_QUANT_LIST(TYPE_ROW)
#undef TYPE_ROW
};

static bool same_value(float a, float b)
{
    return bits_of(a) == bits_of(b) || (isnan(a) && isnan(b));
}

/* Memory with a guard before and behind, off by `misalign` bytes. */
struct room {
    uint8_t *memory;
    uint8_t *at;
    size_t size;
};

static struct room room_make(size_t size, size_t misalign)
{
    struct room room = {.size = size};
    room.memory = malloc(size + 2 * MARGIN + misalign);
    assert_non_null(room.memory);
    memset(room.memory, GUARD, size + 2 * MARGIN + misalign);
    room.at = room.memory + MARGIN + misalign;
    return room;
}

static void room_check(const struct room *room)
{
    for (size_t i = 0; i < MARGIN; i++) {
        assert_int_equal(room->at[-1 - (ptrdiff_t)i], GUARD);
        assert_int_equal(room->at[room->size + i], GUARD);
    }
}

static void check(const struct bfs_quant_kernels *kernels, size_t slot, size_t n_blocks,
                  const float *values, size_t misalign)
{
    const struct bfs_dtype_info *info = bfs_dtype_info(all_types[slot]);
    size_t n = n_blocks * info->block_elements;
    const struct bfs_quant_kernel *scalar = &bfs_quant_kernels_scalar()->of[slot];
    const struct bfs_quant_kernel *kernel = &kernels->of[slot];
    struct room from = room_make(n * sizeof(float), misalign);
    struct room want = room_make(n_blocks * info->block_bytes, 0);
    struct room got = room_make(n_blocks * info->block_bytes, misalign);
    struct room back = room_make(n * sizeof(float), misalign);
    struct room want_back = room_make(n * sizeof(float), 0);
    memcpy(from.at, values, n * sizeof(float));

    scalar->quantize(values, want.at, n_blocks);
    kernel->quantize((const float *)(const void *)from.at, got.at, n_blocks);
    assert_memory_equal(got.at, want.at, want.size);
    room_check(&got);

    scalar->dequantize(want.at, (float *)(void *)want_back.at, n_blocks);
    kernel->dequantize(got.at, (float *)(void *)back.at, n_blocks);
    for (size_t i = 0; i < n; i++) {
        float a;
        float b;
        memcpy(&a, back.at + i * sizeof(float), sizeof(a));
        memcpy(&b, want_back.at + i * sizeof(float), sizeof(b));
        assert_true(same_value(a, b));
    }
    room_check(&back);
    free(from.memory);
    free(want.memory);
    free(got.memory);
    free(back.memory);
    free(want_back.memory);
}

static void test_every_kernel_agrees(void **state)
{
    (void)state;
    bfs_autofree float *values = malloc(MANY * sizeof(float));
    assert_non_null(values);
    size_t n = 0;
    for (; bfs_quant_kernels_at(n) != NULL; n++) {
        const struct bfs_quant_kernels *kernels = bfs_quant_kernels_at(n);
        print_message("kernels: %s\n", kernels->name);
        for (unsigned kind = 0; kind < VALUES_KINDS; kind++) {
            fill_values((enum quant_values)kind, values, MANY, 7);
            for (size_t slot = 0; slot < BFS_QUANT_SLOTS; slot++) {
                for (size_t n_blocks = 0; n_blocks < 6; n_blocks++)
                    check(kernels, slot, n_blocks, values + 256 * n_blocks, n_blocks % 5);
                check(kernels, slot, MANY / bfs_dtype_info(all_types[slot])->block_elements, values,
                      1);
            }
        }
    }
    assert_true(n >= 1);
    assert_ptr_equal(bfs_quant_kernels_at(0), bfs_quant_kernels_scalar());
    assert_ptr_equal(bfs_quant_kernels_at(n - 1), bfs_quant_kernels());
}

/* One odd value at every place of a block, among ordinary ones. */
static void test_one_odd_value_anywhere(void **state)
{
    (void)state;
    float values[512];
    for (size_t n = 1; bfs_quant_kernels_at(n) != NULL; n++) {
        for (size_t at = 0; at < 512; at += 3) {
            fill_values(VALUES_WEIGHTS, values, 512, 5);
            values[at] = float_of(awkward_bits[at % N_AWKWARD]);
            for (size_t slot = 0; slot < BFS_QUANT_SLOTS; slot++)
                check(bfs_quant_kernels_at(n), slot,
                      512 / bfs_dtype_info(all_types[slot])->block_elements, values, 0);
        }
    }
}

/* Blocks of any bytes have values; all instruction sets give the same. */
static void test_any_bytes_dequantize(void **state)
{
    (void)state;
    enum { BLOCKS = 200 };
    for (size_t slot = 0; slot < BFS_QUANT_SLOTS; slot++) {
        const struct bfs_dtype_info *info = bfs_dtype_info(all_types[slot]);
        size_t n = (size_t)BLOCKS * info->block_elements;
        bfs_autofree uint8_t *blocks = malloc((size_t)BLOCKS * info->block_bytes);
        bfs_autofree float *want = malloc(n * sizeof(float));
        bfs_autofree float *got = malloc(n * sizeof(float));
        assert_non_null(blocks);
        assert_non_null(want);
        assert_non_null(got);
        test_fill_random(blocks, (size_t)BLOCKS * info->block_bytes, slot + 1);
        bfs_quant_kernels_scalar()->of[slot].dequantize(blocks, want, BLOCKS);
        for (size_t k = 1; bfs_quant_kernels_at(k) != NULL; k++) {
            bfs_quant_kernels_at(k)->of[slot].dequantize(blocks, got, BLOCKS);
            for (size_t i = 0; i < n; i++)
                assert_true(same_value(got[i], want[i]));
        }
    }
}

struct trip {
    float *values;
    float *back;
    double relative_rms;
};

static void trip_free(struct trip *trip)
{
    free(trip->values);
    free(trip->back);
}

static struct trip trip_make(enum bfs_dtype type, enum quant_values kind)
{
    struct trip trip = {malloc(MANY * sizeof(float)), malloc(MANY * sizeof(float)), 0};
    uint8_t *blocks = malloc(MANY * sizeof(float));
    assert_non_null(trip.values);
    assert_non_null(trip.back);
    assert_non_null(blocks);
    fill_values(kind, trip.values, MANY, 11);
    bfs_quantize(type, trip.values, blocks, MANY);
    bfs_dequantize(type, blocks, trip.back, MANY);
    free(blocks);
    double squares = 0;
    double errors = 0;
    for (size_t i = 0; i < MANY; i++) {
        double off = (double)trip.back[i] - (double)trip.values[i];
        errors += off * off;
        squares += (double)trip.values[i] * (double)trip.values[i];
    }
    trip.relative_rms = sqrt(errors / squares);
    return trip;
}

/* The largest magnitude, and the range, of the block of 32 that value i is in. */
static double reach_of(const float *values, size_t i, bool range)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t j = i / 32 * 32; j < i / 32 * 32 + 32; j++) {
        low = fmin(low, (double)values[j]);
        high = fmax(high, (double)values[j]);
    }
    return range ? high - low : fmax(fabs(low), fabs(high));
}

static void test_errors_are_bounded(void **state)
{
    (void)state;
    /* Of one value, in units of the block's reach: half a step, or a whole one where the largest of
     * the other sign is cut off, and what the 16 bits of the scale add. */
    static const struct {
        enum bfs_dtype type;
        bool range;
        double steps;
        double most;
    } small[] = {
        {BFS_DTYPE_Q8_0, false, 127, 0.5}, {BFS_DTYPE_Q4_0, false, 8, 1.0},
        {BFS_DTYPE_Q5_0, false, 16, 1.0},  {BFS_DTYPE_Q4_1, true, 15, 0.5},
        {BFS_DTYPE_Q5_1, true, 31, 0.5},
    };
    for (size_t k = 0; k < sizeof(small) / sizeof(small[0]); k++) {
        BFS_CLEANUP(trip_free)
        struct trip trip = trip_make(small[k].type, VALUES_WEIGHTS);
        for (size_t i = 0; i < MANY; i++) {
            double reach = reach_of(trip.values, i, small[k].range);
            double bound = reach * (small[k].most / small[k].steps + 0x1p-10);
            assert_true(fabs((double)trip.back[i] - (double)trip.values[i]) <= bound);
        }
    }
    static const struct {
        enum bfs_dtype type;
        double least;
        double most;
    } rms[] = {
        {BFS_DTYPE_Q8_0, 0.003, 0.006}, {BFS_DTYPE_Q4_0, 0.05, 0.11},  {BFS_DTYPE_Q4_1, 0.04, 0.09},
        {BFS_DTYPE_Q5_0, 0.02, 0.055},  {BFS_DTYPE_Q5_1, 0.02, 0.045}, {BFS_DTYPE_Q4_K, 0.04, 0.08},
        {BFS_DTYPE_Q5_K, 0.02, 0.04},   {BFS_DTYPE_Q6_K, 0.008, 0.02},
    };
    for (size_t k = 0; k < sizeof(rms) / sizeof(rms[0]); k++) {
        BFS_CLEANUP(trip_free)
        struct trip trip = trip_make(rms[k].type, VALUES_WEIGHTS);
        print_message("%s: %.5f\n", bfs_dtype_info(rms[k].type)->name, trip.relative_rms);
        assert_true(trip.relative_rms > rms[k].least);
        assert_true(trip.relative_rms < rms[k].most);
    }
}

/* What came back quantizes to the same bytes: the largest value is kept but for the rounding of the
 * scale, and its quotient is the scale again. */
static void test_again_changes_nothing(void **state)
{
    (void)state;
    static const enum bfs_dtype types[] = {BFS_DTYPE_Q8_0, BFS_DTYPE_Q4_0, BFS_DTYPE_Q5_0};
    static const enum quant_values kinds[] = {VALUES_WEIGHTS, VALUES_TIES, VALUES_SPARSE,
                                              VALUES_ONE_HOT, VALUES_NEGATIVE};
    bfs_autofree uint8_t *first = malloc(MANY * sizeof(float));
    bfs_autofree uint8_t *second = malloc(MANY * sizeof(float));
    bfs_autofree float *values = malloc(MANY * sizeof(float));
    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(values);
    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        const struct bfs_dtype_info *info = bfs_dtype_info(types[t]);
        size_t size = MANY / info->block_elements * info->block_bytes;
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            fill_values(kinds[k], values, MANY, 13);
            bfs_quantize(types[t], values, first, MANY);
            bfs_dequantize(types[t], first, values, MANY);
            bfs_quantize(types[t], values, second, MANY);
            assert_memory_equal(first, second, size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kernel_agrees),   cmocka_unit_test(test_one_odd_value_anywhere),
        cmocka_unit_test(test_any_bytes_dequantize),  cmocka_unit_test(test_errors_are_bounded),
        cmocka_unit_test(test_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

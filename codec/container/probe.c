/* SPDX-License-Identifier: Apache-2.0
 * In an array of floats the byte that holds the exponent repeats a few values while the one below
 * it looks random; text and archives look the same in every lane. Entropies are kept in fixed point
 * so that the guess, and with it the stored bytes, are the same on every host. */
#include "codec/container/container.h"

#include <stdbool.h>
#include <string.h>

enum {
    LANES = 8,
    SLICE_SIZE = 8192,
    N_SLICES = 8,    /* 64 KiB in all */
    SIZE_MIN = 4096, /* 512 values in each of 8 lanes: fewer say little of 256 symbols */
    ONE_BIT = 1 << 16,
    /* Thresholds, in bits of entropy a byte, halfway between what seeded samples of each kind give.
     */
    GAIN_MIN = ONE_BIT / 4,         /* lanes differ: unstructured bytes gain below 0.1 */
    GAIN_SLACK = ONE_BIT / 8,       /* a wider stride must gain this much more to be believed */
    MANTISSA_MIN = 5 * ONE_BIT,     /* mantissa lanes have 6 to 8, digits and letters below 4.5 */
    FLOAT16_STEP = ONE_BIT * 8 / 5, /* two mantissa bits beside the exponent: near 2 in float16 */
};

struct lanes {
    uint32_t counts[LANES][256]; /* by position modulo 8; at most 64 KiB, so sums fit */
};

/* log2 in 16.16 fixed point by squaring the mantissa; value > 0. */
static uint32_t log2_fixed(uint32_t value)
{
    unsigned whole = 31 - (unsigned)__builtin_clz(value);
    uint64_t mantissa = (uint64_t)value << (31 - whole); /* in [2^31, 2^32) */
    uint32_t result = whole << 16;
    for (uint32_t bit = 1u << 15; bit > 0; bit >>= 1) {
        mantissa = mantissa * mantissa >> 31;
        if (mantissa >> 32) {
            mantissa >>= 1;
            result |= bit;
        }
    }
    return result;
}

/* Bits a symbol, 16.16, with Miller and Madow's correction: a sample of n misses about
 * (symbols - 1) / (2 n ln 2) bits, which would make narrow lanes look more orderly than wide ones.
 */
static uint32_t entropy(const uint32_t *counts, size_t n_symbols)
{
    uint64_t total = 0, weighted = 0, n_seen = 0;
    for (size_t i = 0; i < n_symbols; i++) {
        if (counts[i] == 0)
            continue;
        n_seen++;
        total += counts[i];
        weighted += (uint64_t)counts[i] * log2_fixed(counts[i]);
    }
    if (total == 0)
        return 0;
    uint64_t missed = (n_seen - 1) * 47274 / total; /* 1 / (2 ln 2) in 16.16 */
    return log2_fixed((uint32_t)total) - (uint32_t)(weighted / total) + (uint32_t)missed;
}

/* The histogram of every `stride`-th byte from `lane` on. */
static void merge_lanes(const struct lanes *lanes, unsigned lane, unsigned stride,
                        uint32_t ret[static 256])
{
    memset(ret, 0, 256 * sizeof(ret[0]));
    for (unsigned at = lane; at < LANES; at += stride)
        for (size_t i = 0; i < 256; i++)
            ret[i] += lanes->counts[at][i];
}

static uint32_t lane_entropy(const struct lanes *lanes, unsigned lane, unsigned stride)
{
    uint32_t counts[256];
    merge_lanes(lanes, lane, stride, counts);
    return entropy(counts, 256);
}

static uint32_t mean_entropy(const struct lanes *lanes, unsigned stride)
{
    uint32_t sum = 0;
    for (unsigned lane = 0; lane < stride; lane++)
        sum += lane_entropy(lanes, lane, stride);
    return sum / stride;
}

/* Groups of 8 zero bytes say nothing about a type: sparse tensors and padding are full of them. */
static void count_lanes(const uint8_t *bytes, size_t size, struct lanes *lanes)
{
    static const uint8_t zeros[LANES];
    for (size_t i = 0; i + LANES <= size; i += LANES) {
        if (memcmp(bytes + i, zeros, LANES) == 0)
            continue;
        for (size_t lane = 0; lane < LANES; lane++)
            lanes->counts[lane][bytes[i + lane]]++;
    }
}

static void sample(const uint8_t *bytes, size_t size, struct lanes *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (size <= (size_t)SLICE_SIZE * N_SLICES) {
        count_lanes(bytes, size, ret);
        return;
    }
    for (size_t i = 0; i < N_SLICES; i++) {
        size_t start = (size - SLICE_SIZE) / (N_SLICES - 1) * i;
        count_lanes(bytes + start / LANES * LANES, SLICE_SIZE, ret);
    }
}

/* Are nine in ten of the top bytes, without their sign, from `first` to `last`? */
static bool exponents_within(const uint32_t counts[static 256], unsigned first, unsigned last)
{
    uint64_t inside = 0, total = 0;
    for (unsigned i = 0; i < 256; i++) {
        total += counts[i];
        if ((i & 0x7f) >= first && (i & 0x7f) <= last)
            inside += counts[i];
    }
    return inside * 10 >= total * 9;
}

/* Entropy of the low two bits of a byte when the others are known. */
static uint32_t low_bits_entropy(const uint32_t counts[static 256])
{
    uint32_t high[64];
    for (size_t i = 0; i < 64; i++)
        high[i] = counts[4 * i] + counts[4 * i + 1] + counts[4 * i + 2] + counts[4 * i + 3];
    return entropy(counts, 256) - entropy(high, 64);
}

/* What has values of `stride` bytes with the statistics of a float: the window holds magnitudes
 * from about 2^-32 to 2^16, in float16 all but the smallest and largest. */
static enum bfs_layout float_layout(const struct lanes *lanes, unsigned stride)
{
    uint32_t top[256];
    merge_lanes(lanes, stride - 1, stride, top);
    if (stride == 1 || lane_entropy(lanes, stride - 2, stride) < MANTISSA_MIN)
        return BFS_LAYOUT_OPAQUE;
    if (stride == 2 && low_bits_entropy(top) >= FLOAT16_STEP)
        return exponents_within(top, 0x08, 0x57) ? BFS_LAYOUT_FLOAT16 : BFS_LAYOUT_OPAQUE;
    if (!exponents_within(top, stride == 8 ? 0x3d : 0x2f, stride == 8 ? 0x40 : 0x47))
        return BFS_LAYOUT_OPAQUE;
    if (stride == 2)
        return BFS_LAYOUT_BFLOAT16;
    return stride == 4 ? BFS_LAYOUT_FLOAT32 : BFS_LAYOUT_FLOAT64;
}

/* Small integers leave their upper bytes at 0 or, when negative, at 255. */
static bool looks_integer(const struct lanes *lanes, unsigned stride)
{
    uint32_t top[256];
    merge_lanes(lanes, stride - 1, stride, top);
    uint64_t extended = 0, total = 0;
    for (unsigned i = 0; i < 256; i++) {
        total += top[i];
        if (i < 16 || i >= 240)
            extended += top[i];
    }
    return stride > 1 && extended * 10 >= total * 9;
}

enum bfs_layout bfs_layout_probe(const uint8_t *bytes, size_t size)
{
    struct lanes lanes;
    if (size < SIZE_MIN)
        return BFS_LAYOUT_OPAQUE;
    sample(bytes, size, &lanes);
    uint32_t whole = mean_entropy(&lanes, 1), best = whole;
    unsigned stride = 1;
    for (unsigned i = 2; i <= LANES; i *= 2) {
        uint32_t mean = mean_entropy(&lanes, i);
        if (mean + GAIN_SLACK < best) {
            best = mean;
            stride = i;
        }
    }
    if (best + GAIN_MIN > whole)
        return BFS_LAYOUT_OPAQUE;
    enum bfs_layout layout = float_layout(&lanes, stride);
    if (layout == BFS_LAYOUT_OPAQUE && looks_integer(&lanes, stride))
        return BFS_LAYOUT_INTEGER;
    return layout;
}

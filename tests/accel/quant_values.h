/* SPDX-License-Identifier: Apache-2.0
 * Floats to quantize: the same in every run and on every machine. Included after cmocka.h. */
#ifndef BFS_TESTS_QUANT_VALUES_H
#define BFS_TESTS_QUANT_VALUES_H

#include "tests/support/seeded.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

enum quant_values {
    VALUES_WEIGHTS,  /* Gaussian, as weights are */
    VALUES_SPREAD,   /* exponents all over, signs too */
    VALUES_SPARSE,   /* nine in ten are zero, of either sign */
    VALUES_CONSTANT, /* runs of 32 equal values */
    VALUES_TIES,     /* few levels: many equal magnitudes and halves */
    VALUES_POSITIVE,
    VALUES_NEGATIVE, /* all below -1 */
    VALUES_OFFSET,   /* far from zero, close together */
    VALUES_SCALES,   /* every 32 values have a scale of their own, from subnormal to huge */
    VALUES_SUBNORMAL,
    VALUES_ONE_HOT,
    VALUES_FINITE,  /* any bits but those of NaN and infinity */
    VALUES_ODD,     /* NaN of several kinds and infinities among ordinary values */
    VALUES_AWKWARD, /* only ends of ranges, NaN and infinities too */
    VALUES_KINDS,
};

static const uint32_t awkward_bits[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x80800000,
    0x33000000, 0x33800000, 0x38800000, 0x3effffff, 0x3f000000, 0x3f800000, 0xbf800000,
    0x42fe0000, 0x477fe000, 0x477ff000, 0xc7800000, 0x4b7fffff, 0x7f7fffff, 0xff7fffff,
    0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345, 0x7fffffff,
};

enum { N_AWKWARD = sizeof(awkward_bits) / sizeof(awkward_bits[0]) };

static inline float some_scale(uint64_t *state)
{
    return float_of((uint32_t)(1 + test_random(state) % 253) << 23);
}

static inline float one_value(enum quant_values kind, size_t i, float scale, uint64_t *state)
{
    uint64_t random = test_random(state);
    /* Sums of small integers: exact, so that no library's logarithm has a say. */
    int sum = 0;
    for (int k = 0; k < 64; k += 8)
        sum += (int)(random >> k & 0xff) - 128;
    float normal = (float)sum * 0x1p-8f;
    uint32_t sign = (uint32_t)(random >> 63) << 31;
    switch (kind) {
    case VALUES_WEIGHTS:
        return normal * 0x1p-6f;
    case VALUES_SPREAD:
        return normal * float_of((uint32_t)(97 + test_random(state) % 60) << 23);
    case VALUES_SPARSE:
        return random % 10 == 0 ? normal : float_of(sign);
    case VALUES_CONSTANT:
        return (float)((int)(i / 32 * 2654435761u >> 7 & 0xff) - 100) * 0x1p-3f;
    case VALUES_TIES:
        return (float)((int)(random % 17) - 8) * 0.5f;
    case VALUES_POSITIVE:
        return float_of(bits_of(normal) & 0x7fffffff);
    case VALUES_NEGATIVE:
        return -1.0f - float_of(bits_of(normal) & 0x7fffffff);
    case VALUES_OFFSET:
        return (i / 512 % 2 ? 1000.0f : -1000.0f) + normal * 0x1p-9f;
    case VALUES_SCALES:
        return normal * scale;
    case VALUES_SUBNORMAL:
        return float_of(sign | (uint32_t)(random & (i / 256 % 2 ? 0x7fffff : 0x1ff)));
    case VALUES_ONE_HOT:
        return i % 97 == 0 ? normal : 0.0f;
    case VALUES_FINITE:
        return (random >> 23 & 0xff) == 0xff ? 1.0f : float_of((uint32_t)random);
    case VALUES_ODD:
        return random % 300 == 0 ? float_of(awkward_bits[21 + random % 7]) : normal;
    default:
        return float_of(awkward_bits[random % N_AWKWARD]);
    }
}

static inline void fill_values(enum quant_values kind, float *values, size_t n, uint64_t seed)
{
    uint64_t state = seed * VALUES_KINDS + kind;
    float scale = 1.0f;
    for (size_t i = 0; i < n; i++) {
        if (i % 32 == 0)
            scale = some_scale(&state);
        values[i] = one_value(kind, i, scale, &state);
    }
}

#endif

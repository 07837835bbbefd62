/* SPDX-License-Identifier: Apache-2.0
 * Small floats from their definition: a table of the values of all codes in order, in double, which
 * holds them and every f32 exactly, and a search for the nearest. Nothing here is shared with the
 * kernels under test. */
#ifndef BFS_TESTS_FLOAT_REFERENCE_H
#define BFS_TESTS_FLOAT_REFERENCE_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct small_float {
    int exponent_bits;
    int mantissa_bits;
    uint32_t n_codes; /* not negative, in order; the last is what overflow gives */
    double values[0x7f81];
};

static inline void small_float_init(struct small_float *type, int exponent_bits, int mantissa_bits,
                                    uint32_t n_codes)
{
    type->exponent_bits = exponent_bits;
    type->mantissa_bits = mantissa_bits;
    type->n_codes = n_codes;
    int bias = (1 << (exponent_bits - 1)) - 1;
    for (uint32_t code = 0; code < n_codes; code++) {
        int exponent = (int)(code >> mantissa_bits);
        double fraction = ldexp((double)(code & ((1U << mantissa_bits) - 1)), -mantissa_bits);
        type->values[code] =
            exponent == 0 ? ldexp(fraction, 1 - bias) : ldexp(1 + fraction, exponent - bias);
    }
}

/* The code whose value is nearest to a magnitude; of two equally near, the even one. An infinity's
 * place in the table has the value that the next exponent would have. */
static inline uint32_t small_float_nearest(const struct small_float *type, double magnitude)
{
    uint32_t low = 0; /* the last code that is not above */
    uint32_t end = type->n_codes;
    while (end - low > 1) {
        uint32_t middle = (low + end) / 2;
        if (type->values[middle] <= magnitude)
            low = middle;
        else
            end = middle;
    }
    if (low + 1 == type->n_codes)
        return low;
    double below = magnitude - type->values[low];
    double above = type->values[low + 1] - magnitude;
    if (below != above)
        return below < above ? low : low + 1;
    return low % 2 == 0 ? low : low + 1;
}

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

static inline bool bits_are_nan(uint32_t bits)
{
    return (bits & 0x7f800000) == 0x7f800000 && (bits & 0x7fffff) != 0;
}

/* f32 to f16 or bf16: a NaN keeps its sign and the first bits of its payload, and becomes quiet. */
static inline uint16_t small_float_narrow(const struct small_float *type, uint32_t bits)
{
    uint32_t sign = bits >> 31 << 15;
    if (!bits_are_nan(bits))
        return (uint16_t)(sign | small_float_nearest(type, fabs((double)float_of(bits))));
    uint32_t exponent = ((1U << type->exponent_bits) - 1) << type->mantissa_bits;
    uint32_t quiet = 1U << (type->mantissa_bits - 1);
    return (uint16_t)(sign | exponent | quiet | (bits & 0x7fffff) >> (23 - type->mantissa_bits));
}

/* Back, exactly; a NaN keeps every bit. */
static inline uint32_t small_float_widen(const struct small_float *type, uint16_t half)
{
    uint32_t sign = (uint32_t)half >> 15 << 31;
    uint32_t code = half & 0x7fff;
    uint32_t infinity = ((1U << type->exponent_bits) - 1) << type->mantissa_bits;
    if (code >= infinity)
        return sign | 0x7f800000 | (code - infinity) << (23 - type->mantissa_bits);
    return sign | bits_of((float)type->values[code]);
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The rules of the casts, one element at a time, on bits: what every vector path must equal.
 * docs/views-layouts.md states them in words.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_ELEMENT_H
#define BFS_ACCEL_ELEMENT_H

#include <stdint.h>
#include <string.h>

enum {
    BFS_F32_MAGNITUDE = 0x7fffffff,
    BFS_F32_INFINITY = 0x7f800000, /* a larger magnitude is a NaN */
    BFS_F16_INFINITY = 0x7c00,
    BFS_BF16_INFINITY = 0x7f80,
    BFS_FP8_NAN = 0x7f,
};

static inline uint32_t bfs_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float bfs_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* value / 2^shift, to nearest, ties to even; 1 <= shift <= 31, no overflow of value + 2^shift. */
static inline uint32_t bfs_round_shift(uint32_t value, unsigned shift)
{
    uint32_t below_half = (1U << (shift - 1)) - 1;
    return (value + below_half + (value >> shift & 1)) >> shift;
}

static inline uint32_t bfs_bf16_widen(uint16_t half)
{
    return (uint32_t)half << 16;
}

static inline uint16_t bfs_bf16_narrow(uint32_t bits)
{
    if ((bits & BFS_F32_MAGNITUDE) > BFS_F32_INFINITY)
        return (uint16_t)(bits >> 16 | 0x40); /* quiet, so that a NaN of low bits alone stays one */
    return (uint16_t)bfs_round_shift(bits, 16);
}

static inline uint32_t bfs_f16_widen(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t magnitude = half & 0x7fff;
    if (magnitude >= BFS_F16_INFINITY)
        return sign | BFS_F32_INFINITY | magnitude << 13;
    if (magnitude >= 0x400) /* normal: the exponent's bias grows from 15 to 127 */
        return sign | ((magnitude << 13) + (112U << 23));
    if (magnitude == 0)
        return sign;
    unsigned shift = (unsigned)__builtin_clz(magnitude) - 21; /* brings the first bit to 2^10 */
    return sign | (113 - shift) << 23 | (magnitude << shift & 0x3ff) << 13;
}

static inline uint16_t bfs_f16_narrow(uint32_t bits)
{
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & BFS_F32_MAGNITUDE;
    uint32_t result;
    if (magnitude > BFS_F32_INFINITY)
        result = 0x7e00 | (magnitude >> 13 & 0x3ff);
    else if (magnitude >= 143U << 23) /* 2^16: no need to round to see that it is too large */
        result = BFS_F16_INFINITY;
    else if (magnitude >= 113U << 23) /* 2^-14: normal */
        result = bfs_round_shift(magnitude - (112U << 23), 13);
    else if (magnitude >= 102U << 23) /* 2^-25: half of the least subnormal */
        result = bfs_round_shift((magnitude & 0x7fffff) | 0x800000, 126 - (magnitude >> 23));
    else
        result = 0;
    return (uint16_t)(sign | result);
}

/* The quotient's magnitude decides the code, x's sign its sign. */
static inline uint8_t bfs_fp8_encode(float x, float quotient)
{
    uint32_t sign = bfs_float_bits(x) >> 24 & 0x80;
    uint32_t magnitude = bfs_float_bits(quotient) & BFS_F32_MAGNITUDE;
    uint32_t code;
    if (magnitude > BFS_F32_INFINITY)
        code = BFS_FP8_NAN;
    else if (magnitude >= 0x43e00000) /* 448, the largest finite value */
        code = 0x7e;
    else if (magnitude >= 121U << 23) /* 2^-6: normal */
        code = bfs_round_shift(magnitude - (120U << 23), 20);
    else if (magnitude >= 117U << 23) /* 2^-10: half of the least subnormal */
        code = bfs_round_shift((magnitude & 0x7fffff) | 0x800000, 141 - (magnitude >> 23));
    else
        code = 0;
    return (uint8_t)(sign | code);
}

static inline float bfs_fp8_decode(uint8_t code)
{
    uint32_t sign = (uint32_t)(code & 0x80) << 24;
    uint32_t magnitude = code & 0x7f;
    if (magnitude == BFS_FP8_NAN)
        return bfs_float_from_bits(sign | 0x7fc00000);
    if (magnitude < 8)
        return bfs_float_from_bits(sign | bfs_float_bits((float)magnitude * 0x1p-9f));
    return bfs_float_from_bits(sign | ((magnitude << 20) + (120U << 23)));
}

static inline int8_t bfs_int8_encode(float quotient)
{
    if ((bfs_float_bits(quotient) & BFS_F32_MAGNITUDE) > BFS_F32_INFINITY)
        return 0;
    float clamped = quotient > 127.0f ? 127.0f : quotient < -127.0f ? -127.0f : quotient;
    /* 1.5 * 2^23: the sum has no fraction, so the addition rounds, and its low bits are the value
     */
    return (int8_t)(uint8_t)bfs_float_bits(clamped + 12582912.0f);
}

#endif

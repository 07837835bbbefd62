/* SPDX-License-Identifier: Apache-2.0
 * The 16-bit floats inside quantized blocks. To 16 bits: nearest, ties to even; |x| >= 65520 gives
 * infinity; every NaN gives 0x7e00, so that no processor's choice of a NaN's sign reaches a block.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_QUANT_HALF_H
#define BFS_ACCEL_QUANT_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t bfs_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline float bfs_float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline uint16_t bfs_half_from(float value)
{
    uint32_t bits = bfs_float_bits(value);
    uint32_t magnitude = bits & 0x7fffffff;
    uint32_t sign = bits >> 16 & 0x8000;
    if (magnitude > 0x7f800000)
        return 0x7e00;
    if (magnitude >= 0x477ff000) /* 65520, half way to what would be 65536 */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        /* Subnormal: one unit is 2^-24, which is also one unit of the floats from 0.5 to 1, so
         * that adding 0.5 rounds there. */
        uint32_t rounded = bfs_float_bits(bfs_float_of(magnitude) + 0.5f);
        return (uint16_t)(sign | (rounded - 0x3f000000));
    }
    magnitude += 0x0fff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (magnitude - 0x38000000) >> 13);
}

static inline float bfs_half_to(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00)
        return bfs_float_of(sign | magnitude << 13 | 0x7f800000 |
                            (magnitude > 0x7c00 ? 0x00400000u : 0));
    if (magnitude < 0x0400)
        return bfs_float_of(sign | bfs_float_bits((float)magnitude * 0x1p-24f));
    return bfs_float_of(sign | ((magnitude << 13) + 0x38000000));
}

static inline void bfs_half_put(uint8_t at[2], float value)
{
    uint16_t half = bfs_half_from(value);
    memcpy(at, &half, sizeof(half));
}

static inline float bfs_half_get(const uint8_t at[2])
{
    uint16_t half;
    memcpy(&half, at, sizeof(half));
    return bfs_half_to(half);
}

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The 16-bit floats inside quantized blocks. To 16 bits: nearest, ties to even; |x| >= 65520 gives
 * infinity; every NaN gives 0x7e00, so that no processor's choice of a NaN's bits reaches a block.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_ACCEL_QUANT_HALF_H
#define BFS_ACCEL_QUANT_HALF_H

#include "accel/cast/element.h"

static inline uint16_t bfs_half_from(float value)
{
    return value == value ? bfs_f16_narrow(bfs_float_bits(value)) : 0x7e00;
}

static inline float bfs_half_to(uint16_t half)
{
    return bfs_float_from_bits(bfs_f16_widen(half));
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

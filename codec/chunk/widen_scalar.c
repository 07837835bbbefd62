/* SPDX-License-Identifier: Apache-2.0
 * The reference of widening, in integers: a conversion by the floating-point unit makes signalling
 * NaNs quiet. Written so that compilers vectorize it, like the other scalar kernels.
 *
 * bfloat16 is the upper half of a float32. A float16 has 1 sign, 5 exponent and 10 mantissa bits:
 * the mantissa moves up by 13, and the exponent's bias grows from 15 to 127. Infinities and NaNs
 * go on to the largest exponent of float32. A subnormal is its mantissa times 2^-24, which float32
 * has as a normal number; so no mode of the unit for subnormals matters. */
#include "codec/chunk/kernels_internal.h"

#include <string.h>

void bfs_widen_bf16_c(const uint8_t *restrict from, size_t count, uint8_t *restrict to)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t v;
        memcpy(&v, from + 2 * i, sizeof(v));
        uint32_t wide = (uint32_t)v << 16;
        memcpy(to + 4 * i, &wide, sizeof(wide));
    }
}

void bfs_widen_f16_c(const uint8_t *restrict from, size_t count, uint8_t *restrict to)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t v;
        memcpy(&v, from + 2 * i, sizeof(v));
        uint32_t magnitude = v & 0x7fffU;
        uint32_t exponent = magnitude >> 10;
        float scaled = (float)(int32_t)magnitude * 0x1p-24f;
        uint32_t subnormal;
        memcpy(&subnormal, &scaled, sizeof(subnormal));
        uint32_t normal = (magnitude << 13) + (exponent == 31 ? 224U << 23 : 112U << 23);
        uint32_t wide = (v & 0x8000U) << 16 | (exponent == 0 ? subnormal : normal);
        memcpy(to + 4 * i, &wide, sizeof(wide));
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * NEON widening. A float32 made of a bfloat16 is a pair of a zero and that, which is what the
 * structured store writes. float16 goes through integers: the conversion of the instruction set
 * makes signalling NaNs quiet, and has a mode in which it knows no infinities. */
#include "codec/chunk/kernels_internal.h"

#if defined(__aarch64__)

#include <arm_neon.h>

static inline uint16x8_t load_narrow(const uint8_t *p)
{
    return vreinterpretq_u16_u8(vld1q_u8(p));
}

void bfs_widen_bf16_neon(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;
    for (; count - i >= 8; i += 8) {
        uint16x8_t v = load_narrow(from + 2 * i);
        uint16x8x2_t pairs = vzipq_u16(vdupq_n_u16(0), v);
        vst1q_u8(to + 4 * i, vreinterpretq_u8_u16(pairs.val[0]));
        vst1q_u8(to + 4 * i + 16, vreinterpretq_u8_u16(pairs.val[1]));
    }
    bfs_widen_bf16_c(from + 2 * i, count - i, to + 4 * i);
}

static inline uint8x16_t widen_f16(uint32x4_t v)
{
    const uint32x4_t bias = vdupq_n_u32(112U << 23);
    uint32x4_t magnitude = vandq_u32(v, vdupq_n_u32(0x7fff));
    uint32x4_t sign = vshlq_n_u32(veorq_u32(v, magnitude), 16);
    uint32x4_t is_special = vcgtq_u32(magnitude, vdupq_n_u32(0x7bff));
    uint32x4_t is_subnormal = vcltq_u32(magnitude, vdupq_n_u32(0x400));
    uint32x4_t normal = vaddq_u32(vshlq_n_u32(magnitude, 13), bias);
    normal = vaddq_u32(normal, vandq_u32(is_special, bias));
    uint32x4_t subnormal = vreinterpretq_u32_f32(vmulq_n_f32(vcvtq_f32_u32(magnitude), 0x1p-24f));
    return vreinterpretq_u8_u32(vorrq_u32(vbslq_u32(is_subnormal, subnormal, normal), sign));
}

void bfs_widen_f16_neon(const uint8_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;
    for (; count - i >= 8; i += 8) {
        uint16x8_t v = load_narrow(from + 2 * i);
        vst1q_u8(to + 4 * i, widen_f16(vmovl_u16(vget_low_u16(v))));
        vst1q_u8(to + 4 * i + 16, widen_f16(vmovl_u16(vget_high_u16(v))));
    }
    bfs_widen_f16_c(from + 2 * i, count - i, to + 4 * i);
}

#else
typedef int bfs_widen_neon_unused;
#endif

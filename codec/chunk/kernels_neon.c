/* SPDX-License-Identifier: Apache-2.0
 * NEON plane kernels: the structured loads and stores of the instruction set (LD2, ST4, ...) are
 * the split and the join; only the rotation is left to do. Eight planes have no such load, so wide
 * floats, which are rare in models, stay with the scalar kernel. */
#include "codec/chunk/kernels_internal.h"

#if defined(__aarch64__)

#include <arm_neon.h>

/* Bytes of the rotated element: each is its own bits shifted up, with the top bit of the next. */
static inline uint8x16_t rotated(uint8x16_t byte, uint8x16_t below)
{
    return vorrq_u8(vshlq_n_u8(byte, 1), vshrq_n_u8(below, 7));
}

static inline uint8x16_t unrotated(uint8x16_t byte, uint8x16_t above)
{
    return vorrq_u8(vshrq_n_u8(byte, 1), vshlq_n_u8(above, 7));
}

static void split2_neon(const uint8_t *raw, size_t count, uint8_t *const planes[2])
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        uint8x16x2_t v = vld2q_u8(raw + 2 * i);
        vst1q_u8(planes[0] + i, rotated(v.val[1], v.val[0]));
        vst1q_u8(planes[1] + i, rotated(v.val[0], v.val[1]));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split2, raw, count, planes, 2, i);
}

static void join2_neon(uint8_t *raw, size_t count, const uint8_t *const planes[2])
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        uint8x16_t p0 = vld1q_u8(planes[0] + i);
        uint8x16_t p1 = vld1q_u8(planes[1] + i);
        uint8x16x2_t v = {{unrotated(p1, p0), unrotated(p0, p1)}};
        vst2q_u8(raw + 2 * i, v);
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join2, raw, count, planes, 2, i);
}

static void split4_neon(const uint8_t *raw, size_t count, uint8_t *const planes[4])
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        uint8x16x4_t v = vld4q_u8(raw + 4 * i);
        vst1q_u8(planes[0] + i, rotated(v.val[3], v.val[2]));
        vst1q_u8(planes[1] + i, rotated(v.val[2], v.val[1]));
        vst1q_u8(planes[2] + i, rotated(v.val[1], v.val[0]));
        vst1q_u8(planes[3] + i, rotated(v.val[0], v.val[3]));
    }
    bfs_plane_tail(bfs_plane_kernels_c.split4, raw, count, planes, 4, i);
}

static void join4_neon(uint8_t *raw, size_t count, const uint8_t *const planes[4])
{
    size_t i = 0;
    for (; count - i >= 16; i += 16) {
        uint8x16_t p0 = vld1q_u8(planes[0] + i);
        uint8x16_t p1 = vld1q_u8(planes[1] + i);
        uint8x16_t p2 = vld1q_u8(planes[2] + i);
        uint8x16_t p3 = vld1q_u8(planes[3] + i);
        uint8x16x4_t v = {
            {unrotated(p3, p2), unrotated(p2, p1), unrotated(p1, p0), unrotated(p0, p3)}};
        vst4q_u8(raw + 4 * i, v);
    }
    bfs_plane_join_tail(bfs_plane_kernels_c.join4, raw, count, planes, 4, i);
}

static void split8_neon(const uint8_t *raw, size_t count, uint8_t *const planes[8])
{
    bfs_plane_tail(bfs_plane_kernels_c.split8, raw, count, planes, 8, 0);
}

static void join8_neon(uint8_t *raw, size_t count, const uint8_t *const planes[8])
{
    bfs_plane_join_tail(bfs_plane_kernels_c.join8, raw, count, planes, 8, 0);
}

const struct bfs_plane_kernels bfs_plane_kernels_neon = {
    .name = "neon",
    .split2 = split2_neon,
    .join2 = join2_neon,
    .split4 = split4_neon,
    .join4 = join4_neon,
    .split8 = split8_neon,
    .join8 = join8_neon,
    .widen_bf16 = bfs_widen_bf16_neon,
    .widen_f16 = bfs_widen_f16_neon,
};

#else
typedef int bfs_kernels_neon_unused;
#endif

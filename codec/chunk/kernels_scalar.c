/* SPDX-License-Identifier: Apache-2.0
 * The reference kernels. Written so that compilers vectorize them for the baseline instruction set:
 * one loop each, restricted pointers, and element access through memcpy. */
#include "codec/chunk/kernels_internal.h"

#include <string.h>

static void split2_c(const uint8_t *restrict raw, size_t count, uint8_t *const planes[2])
{
    uint8_t *restrict p0 = planes[0];
    uint8_t *restrict p1 = planes[1];
    for (size_t i = 0; i < count; i++) {
        uint16_t v;
        memcpy(&v, raw + 2 * i, sizeof(v));
        uint16_t r = (uint16_t)(v << 1 | v >> 15);
        p0[i] = (uint8_t)(r >> 8);
        p1[i] = (uint8_t)r;
    }
}

static void join2_c(uint8_t *restrict raw, size_t count, const uint8_t *const planes[2])
{
    const uint8_t *restrict p0 = planes[0];
    const uint8_t *restrict p1 = planes[1];
    for (size_t i = 0; i < count; i++) {
        uint16_t r = (uint16_t)(p0[i] << 8 | p1[i]);
        uint16_t v = (uint16_t)(r >> 1 | r << 15);
        memcpy(raw + 2 * i, &v, sizeof(v));
    }
}

static void split4_c(const uint8_t *restrict raw, size_t count, uint8_t *const planes[4])
{
    uint8_t *restrict p0 = planes[0];
    uint8_t *restrict p1 = planes[1];
    uint8_t *restrict p2 = planes[2];
    uint8_t *restrict p3 = planes[3];
    for (size_t i = 0; i < count; i++) {
        uint32_t v;
        memcpy(&v, raw + 4 * i, sizeof(v));
        uint32_t r = v << 1 | v >> 31;
        p0[i] = (uint8_t)(r >> 24);
        p1[i] = (uint8_t)(r >> 16);
        p2[i] = (uint8_t)(r >> 8);
        p3[i] = (uint8_t)r;
    }
}

static void join4_c(uint8_t *restrict raw, size_t count, const uint8_t *const planes[4])
{
    const uint8_t *restrict p0 = planes[0];
    const uint8_t *restrict p1 = planes[1];
    const uint8_t *restrict p2 = planes[2];
    const uint8_t *restrict p3 = planes[3];
    for (size_t i = 0; i < count; i++) {
        uint32_t r =
            (uint32_t)p0[i] << 24 | (uint32_t)p1[i] << 16 | (uint32_t)p2[i] << 8 | (uint32_t)p3[i];
        uint32_t v = r >> 1 | r << 31;
        memcpy(raw + 4 * i, &v, sizeof(v));
    }
}

static void split8_c(const uint8_t *restrict raw, size_t count, uint8_t *const planes[8])
{
    for (size_t i = 0; i < count; i++) {
        uint64_t v;
        memcpy(&v, raw + 8 * i, sizeof(v));
        uint64_t r = v << 1 | v >> 63;
        for (size_t k = 0; k < 8; k++)
            planes[k][i] = (uint8_t)(r >> (56 - 8 * k));
    }
}

static void join8_c(uint8_t *restrict raw, size_t count, const uint8_t *const planes[8])
{
    for (size_t i = 0; i < count; i++) {
        uint64_t r = 0;
        for (size_t k = 0; k < 8; k++)
            r = r << 8 | planes[k][i];
        uint64_t v = r >> 1 | r << 63;
        memcpy(raw + 8 * i, &v, sizeof(v));
    }
}

const struct bfs_plane_kernels bfs_plane_kernels_c = {
    .name = "scalar",
    .split2 = split2_c,
    .join2 = join2_c,
    .split4 = split4_c,
    .join4 = join4_c,
    .split8 = split8_c,
    .join8 = join8_c,
    .widen_bf16 = bfs_widen_bf16_c,
    .widen_f16 = bfs_widen_f16_c,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/nibbles.h"

#include <stdbool.h>
#include <string.h>

/* Inlined with a constant, so that each of the functions below is a loop without a branch. */
static inline __attribute__((always_inline)) void split(const uint8_t *restrict raw, size_t count,
                                                        uint8_t *restrict p0, uint8_t *restrict p1,
                                                        bool rotate)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t v;
        memcpy(&v, raw + 2 * i, sizeof(v));
        uint16_t r = rotate ? (uint16_t)((v << 1 & 0xfefe) | (v >> 7 & 0x0101)) : v;
        p0[i] = (uint8_t)((r >> 4 & 0x0f) | (r >> 8 & 0xf0));
        p1[i] = (uint8_t)((r & 0x0f) | (r >> 4 & 0xf0));
    }
}

static inline __attribute__((always_inline)) void join(uint8_t *restrict raw, size_t count,
                                                       const uint8_t *restrict p0,
                                                       const uint8_t *restrict p1, bool rotate)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t high = (uint16_t)((p0[i] << 4 & 0x00f0) | (p0[i] << 8 & 0xf000));
        uint16_t low = (uint16_t)((p1[i] & 0x000f) | (p1[i] << 4 & 0x0f00));
        uint16_t r = high | low;
        uint16_t v = rotate ? (uint16_t)((r >> 1 & 0x7f7f) | (r << 7 & 0x8080)) : r;
        memcpy(raw + 2 * i, &v, sizeof(v));
    }
}

void bfs_nibbles_split(const uint8_t *raw, size_t count, uint8_t *const planes[2])
{
    split(raw, count, planes[0], planes[1], true);
}

void bfs_nibbles_join(uint8_t *raw, size_t count, const uint8_t *const planes[2])
{
    join(raw, count, planes[0], planes[1], true);
}

void bfs_nibbles_split_plain(const uint8_t *raw, size_t count, uint8_t *const planes[2])
{
    split(raw, count, planes[0], planes[1], false);
}

void bfs_nibbles_join_plain(uint8_t *raw, size_t count, const uint8_t *const planes[2])
{
    join(raw, count, planes[0], planes[1], false);
}

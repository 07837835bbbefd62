/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/nibbles.h"

#include <string.h>

void bfs_nibbles_split(const uint8_t *restrict raw, size_t count, uint8_t *const planes[2])
{
    uint8_t *restrict p0 = planes[0];
    uint8_t *restrict p1 = planes[1];
    for (size_t i = 0; i < count; i++) {
        uint16_t v;
        memcpy(&v, raw + 2 * i, sizeof(v));
        uint16_t r = (uint16_t)((v << 1 & 0xfefe) | (v >> 7 & 0x0101));
        p0[i] = (uint8_t)((r >> 4 & 0x0f) | (r >> 8 & 0xf0));
        p1[i] = (uint8_t)((r & 0x0f) | (r >> 4 & 0xf0));
    }
}

void bfs_nibbles_join(uint8_t *restrict raw, size_t count, const uint8_t *const planes[2])
{
    const uint8_t *restrict p0 = planes[0];
    const uint8_t *restrict p1 = planes[1];
    for (size_t i = 0; i < count; i++) {
        uint16_t high = (uint16_t)((p0[i] << 4 & 0x00f0) | (p0[i] << 8 & 0xf000));
        uint16_t low = (uint16_t)((p1[i] & 0x000f) | (p1[i] << 4 & 0x0f00));
        uint16_t r = high | low;
        uint16_t v = (uint16_t)((r >> 1 & 0x7f7f) | (r << 7 & 0x8080));
        memcpy(raw + 2 * i, &v, sizeof(v));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/seeded.h"

#include <string.h>

uint64_t test_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double test_gaussian(uint64_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (double)(test_random(state) >> 11) * 0x1p-53;
    return sum;
}

void test_fill_random(uint8_t *bytes, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(test_random(&seed) >> 56);
}

void test_fill_text(uint8_t *bytes, size_t size, uint64_t seed)
{
    static const char letters[] = "eeeeeetttttaaaaooooiiinnnssshhrrddllucmwfgypbvk       ";
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)letters[test_random(&seed) % (sizeof(letters) - 1)];
}

/* Truncates; subnormal results become zero, and nothing here is large enough for infinity. */
static uint16_t float16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint32_t exponent = (bits >> 23) & 0xff;
    if (exponent < 127 - 14)
        return (uint16_t)(bits >> 16 & 0x8000);
    return (uint16_t)((bits >> 16 & 0x8000) | (exponent - 127 + 15) << 10 | (bits >> 13 & 0x3ff));
}

static size_t put_value(uint8_t *at, enum bfs_layout layout, double value)
{
    float narrow = (float)value;
    uint32_t bits;
    uint16_t half;
    memcpy(&bits, &narrow, sizeof(bits));
    switch (layout) {
    case BFS_LAYOUT_FLOAT64:
        memcpy(at, &value, sizeof(value));
        return sizeof(value);
    case BFS_LAYOUT_FLOAT32:
        memcpy(at, &narrow, sizeof(narrow));
        return sizeof(narrow);
    case BFS_LAYOUT_FLOAT16:
        half = float16(narrow);
        break;
    default:
        half = (uint16_t)(bits >> 16);
        break;
    }
    memcpy(at, &half, sizeof(half));
    return sizeof(half);
}

void test_fill_layout(uint8_t *bytes, size_t size, enum bfs_layout layout, double deviation,
                      uint64_t seed)
{
    if (layout == BFS_LAYOUT_OPAQUE || layout == BFS_LAYOUT_BLOCKS || layout == BFS_LAYOUT_FLOAT8) {
        test_fill_random(bytes, size, seed);
        return;
    }
    memset(bytes, 0, size);
    size_t width = layout == BFS_LAYOUT_FLOAT64                                   ? 8
                   : layout == BFS_LAYOUT_FLOAT32 || layout == BFS_LAYOUT_INTEGER ? 4
                                                                                  : 2;
    for (size_t i = 0; i + width <= size; i += width) {
        if (layout == BFS_LAYOUT_INTEGER) {
            uint32_t value = (uint32_t)(test_random(&seed) % 30000);
            memcpy(bytes + i, &value, sizeof(value));
        } else {
            (void)put_value(bytes + i, layout, test_gaussian(&seed) * deviation);
        }
    }
}

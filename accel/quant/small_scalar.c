/* SPDX-License-Identifier: Apache-2.0
 * Blocks of 32 values with one scale: the rules as they are written down, one value at a time. */
#include "accel/quant/blocks.h"
#include "accel/quant/half.h"
#include "accel/quant/kernels_internal.h"

#include <float.h>
#include <math.h>

enum { N = BFS_QUANT_SMALL, HALF = N / 2 };

/* Towards zero, low eight bits; 0 for NaN and for what 32 bits cannot hold. C leaves all but the
 * numbers of eight bits undefined: this is what the conversion instructions of x86-64 give. */
static uint8_t to_byte(float value)
{
    if (!(value >= -0x1p31f && value < 0x1p31f))
        return 0;
    return (uint8_t)(int32_t)value;
}

static float reciprocal(float d)
{
    return d != 0.0f ? 1.0f / d : 0.0f;
}

/* The value farthest from zero with its sign, the first of equals; no NaN is the farthest. */
static float farthest(const float x[N])
{
    float largest = 0.0f;
    float value = 0.0f;
    for (int i = 0; i < N; i++) {
        if (largest < fabsf(x[i])) {
            largest = fabsf(x[i]);
            value = x[i];
        }
    }
    return value;
}

struct span {
    float low;
    float high;
};

static struct span span_of(const float x[N])
{
    struct span span = {FLT_MAX, -FLT_MAX};
    for (int i = 0; i < N; i++) {
        if (x[i] < span.low)
            span.low = x[i];
        if (x[i] > span.high)
            span.high = x[i];
    }
    return span;
}

static uint8_t at_most(uint8_t limit, uint8_t byte)
{
    return byte < limit ? byte : limit;
}

static void put_nibbles(uint8_t to[HALF], const uint8_t q[N])
{
    for (int i = 0; i < HALF; i++)
        to[i] = (uint8_t)((q[i] & 15) | q[i + HALF] << 4);
}

static void put_fifth_bits(uint8_t to[4], const uint8_t q[N])
{
    uint32_t bits = 0;
    for (int i = 0; i < N; i++)
        bits |= (uint32_t)(q[i] >> 4 & 1) << i;
    memcpy(to, &bits, sizeof(bits));
}

void bfs_quantize_q8_0_c(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q8_0 *block = (struct bfs_q8_0 *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        float x[N];
        memcpy(x, from, sizeof(x));
        float largest = 0.0f;
        /* Not fmaxf(): a NaN is kept, and then replaced by whatever comes next. */
        for (int i = 0; i < N; i++)
            largest = largest > fabsf(x[i]) ? largest : fabsf(x[i]);
        float d = largest / 127.0f;
        float inverse = reciprocal(d);
        bfs_half_put(block->d, d);
        for (int i = 0; i < N; i++)
            block->q[i] = to_byte(roundf(x[i] * inverse));
    }
}

/* q = x / d + levels / 2, where the farthest value becomes 0: the sign of d is the opposite of its
 * sign. Returns d. */
static float quantize_signed(const float *from, int levels, uint8_t q[N])
{
    float x[N];
    memcpy(x, from, sizeof(x));
    float d = farthest(x) / -(float)(levels / 2);
    float inverse = reciprocal(d);
    float offset = (float)(levels / 2) + 0.5f;
    for (int i = 0; i < N; i++)
        q[i] = at_most((uint8_t)(levels - 1), to_byte(x[i] * inverse + offset));
    return d;
}

void bfs_quantize_q4_0_c(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q4_0 *block = (struct bfs_q4_0 *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        uint8_t q[N];
        bfs_half_put(block->d, quantize_signed(from, 16, q));
        put_nibbles(block->q, q);
    }
}

void bfs_quantize_q5_0_c(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q5_0 *block = (struct bfs_q5_0 *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        uint8_t q[N];
        bfs_half_put(block->d, quantize_signed(from, 32, q));
        put_fifth_bits(block->high, q);
        put_nibbles(block->q, q);
    }
}

/* q = (x - lowest) / d. Returns d, and the lowest. */
static float quantize_offset(const float *from, int levels, uint8_t q[N], float *ret_lowest)
{
    float x[N];
    memcpy(x, from, sizeof(x));
    struct span span = span_of(x);
    float d = (span.high - span.low) / (float)(levels - 1);
    float inverse = reciprocal(d);
    for (int i = 0; i < N; i++)
        q[i] = at_most((uint8_t)(levels - 1), to_byte((x[i] - span.low) * inverse + 0.5f));
    *ret_lowest = span.low;
    return d;
}

void bfs_quantize_q4_1_c(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q4_1 *block = (struct bfs_q4_1 *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        uint8_t q[N];
        float lowest;
        bfs_half_put(block->d, quantize_offset(from, 16, q, &lowest));
        bfs_half_put(block->m, lowest);
        put_nibbles(block->q, q);
    }
}

void bfs_quantize_q5_1_c(const float *from, uint8_t *to, size_t n_blocks)
{
    struct bfs_q5_1 *block = (struct bfs_q5_1 *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        uint8_t q[N];
        float lowest;
        bfs_half_put(block->d, quantize_offset(from, 32, q, &lowest));
        bfs_half_put(block->m, lowest);
        put_fifth_bits(block->high, q);
        put_nibbles(block->q, q);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 * The reference kernels: the rules of element.h in a loop. */
#include "accel/cast/element.h"
#include "accel/cast/kernels.h"

#include <math.h>

static inline uint16_t load_16(const uint8_t *from, size_t i)
{
    uint16_t value;
    memcpy(&value, from + 2 * i, sizeof(value));
    return value;
}

static inline uint32_t load_32(const uint8_t *from, size_t i)
{
    uint32_t value;
    memcpy(&value, from + 4 * i, sizeof(value));
    return value;
}

static inline float load_float(const uint8_t *from, size_t i)
{
    return bfs_float_from_bits(load_32(from, i));
}

static inline void store_16(uint8_t *to, size_t i, uint16_t value)
{
    memcpy(to + 2 * i, &value, sizeof(value));
}

static inline void store_32(uint8_t *to, size_t i, uint32_t value)
{
    memcpy(to + 4 * i, &value, sizeof(value));
}

static void f32_f16_c(const uint8_t *restrict from, uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_16(to, i, bfs_f16_narrow(load_32(from, i)));
}

static void f32_bf16_c(const uint8_t *restrict from, uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_16(to, i, bfs_bf16_narrow(load_32(from, i)));
}

static void f16_f32_c(const uint8_t *restrict from, uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_32(to, i, bfs_f16_widen(load_16(from, i)));
}

static void f16_bf16_c(const uint8_t *restrict from, uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_16(to, i, bfs_bf16_narrow(bfs_f16_widen(load_16(from, i))));
}

static void bf16_f32_c(const uint8_t *restrict from, uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_32(to, i, bfs_bf16_widen(load_16(from, i)));
}

static void bf16_f16_c(const uint8_t *restrict from, uint8_t *restrict to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_16(to, i, bfs_f16_narrow(bfs_bf16_widen(load_16(from, i))));
}

static uint32_t amax_f32_c(const uint8_t *from, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t magnitude = load_32(from, i) & BFS_F32_MAGNITUDE;
        if (magnitude <= BFS_F32_INFINITY && magnitude > largest)
            largest = magnitude;
    }
    return largest;
}

static uint32_t amax_16_c(const uint8_t *from, uint16_t infinity, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t magnitude = load_16(from, i) & 0x7fff;
        if (magnitude <= infinity && magnitude > largest)
            largest = magnitude;
    }
    return largest;
}

static void fp8_c(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float x = load_float(from, i);
        to[i] = bfs_fp8_encode(x, x / scale);
    }
}

static void int8_c(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)bfs_int8_encode(load_float(from, i) / scale);
}

static void fp8_back_c(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_32(to, i, bfs_float_bits(bfs_fp8_decode(from[i]) * scale));
}

static void int8_back_c(const uint8_t *from, float scale, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_32(to, i, bfs_float_bits((float)(int8_t)from[i] * scale));
}

static void measure_c(struct bfs_measure_lanes *lanes, const uint8_t *source,
                      const uint8_t *converted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float a = load_float(source, i);
        float b = load_float(converted, i);
        if (!isfinite(a) || !isfinite(b)) {
            lanes->n_nonfinite += !(isnan(a) && isnan(b)) && a != b;
            continue;
        }
        size_t lane = i % BFS_MEASURE_LANES;
        double error = fabs((double)a - (double)b);
        if (error > lanes->max_abs[lane])
            lanes->max_abs[lane] = error;
        lanes->sum_abs[lane] += error;
        lanes->sum_squares_error[lane] += error * error;
        lanes->sum_squares[lane] += (double)a * (double)a;
    }
}

const struct bfs_cast_kernels bfs_cast_kernels_c = {
    .name = "scalar",
    .cast[BFS_FLOAT_F32] = {[BFS_FLOAT_F16] = f32_f16_c, [BFS_FLOAT_BF16] = f32_bf16_c},
    .cast[BFS_FLOAT_F16] = {[BFS_FLOAT_F32] = f16_f32_c, [BFS_FLOAT_BF16] = f16_bf16_c},
    .cast[BFS_FLOAT_BF16] = {[BFS_FLOAT_F32] = bf16_f32_c, [BFS_FLOAT_F16] = bf16_f16_c},
    .amax_f32 = amax_f32_c,
    .amax_16 = amax_16_c,
    .fp8 = fp8_c,
    .int8 = int8_c,
    .fp8_back = fp8_back_c,
    .int8_back = int8_back_c,
    .measure = measure_c,
};

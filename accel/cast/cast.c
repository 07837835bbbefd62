/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/cast/cast.h"

#include "accel/cast/element.h"
#include "accel/cast/float_env.h"
#include "accel/cast/kernels.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

size_t bfs_float_size(enum bfs_float_type type)
{
    return type == BFS_FLOAT_F32 ? 4 : 2;
}

void bfs_cast(enum bfs_float_type from_type, const void *from, enum bfs_float_type to_type,
              void *to, size_t n)
{
    if (n == 0)
        return;
    if (from_type == to_type) {
        memcpy(to, from, n * bfs_float_size(from_type));
        return;
    }
    struct bfs_float_env env = bfs_float_env_plain();
    bfs_cast_kernels()->cast[from_type][to_type](from, to, n);
    bfs_float_env_restore(&env);
}

float bfs_amax(enum bfs_float_type type, const void *from, size_t n)
{
    if (n == 0)
        return 0;
    const struct bfs_cast_kernels *kernels = bfs_cast_kernels();
    switch (type) {
    case BFS_FLOAT_F16:
        return bfs_float_from_bits(
            bfs_f16_widen((uint16_t)kernels->amax_16(from, BFS_F16_INFINITY, n)));
    case BFS_FLOAT_BF16:
        return bfs_float_from_bits(
            bfs_bf16_widen((uint16_t)kernels->amax_16(from, BFS_BF16_INFINITY, n)));
    case BFS_FLOAT_F32:
        break;
    }
    return bfs_float_from_bits(kernels->amax_f32(from, n));
}

/* -- scaled forms -- */

static void convert_scaled(bfs_scaled_fn *kernel, const void *from, float scale, void *to, size_t n)
{
    if (n == 0)
        return;
    struct bfs_float_env env = bfs_float_env_plain();
    kernel(from, scale, to, n);
    bfs_float_env_restore(&env);
}

/* Division by 0 would make infinities, and then the largest code, of what is no number at all. */
static bool is_zero(float scale)
{
    return (bfs_float_bits(scale) & BFS_F32_MAGNITUDE) == 0;
}

void bfs_cast_fp8(const float *from, float scale, uint8_t *to, size_t n)
{
    if (!is_zero(scale)) {
        convert_scaled(bfs_cast_kernels()->fp8, from, scale, to, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, (const uint8_t *)from + 4 * i, sizeof(bits));
        bool nan = (bits & BFS_F32_MAGNITUDE) > BFS_F32_INFINITY;
        to[i] = (uint8_t)((bits >> 24 & 0x80) | (nan ? BFS_FP8_NAN : 0));
    }
}

void bfs_cast_fp8_back(const uint8_t *from, float scale, float *to, size_t n)
{
    convert_scaled(bfs_cast_kernels()->fp8_back, from, scale, to, n);
}

void bfs_cast_int8(const float *from, float scale, int8_t *to, size_t n)
{
    if (!is_zero(scale))
        convert_scaled(bfs_cast_kernels()->int8, from, scale, to, n);
    else if (n != 0)
        memset(to, 0, n);
}

void bfs_cast_int8_back(const int8_t *from, float scale, float *to, size_t n)
{
    convert_scaled(bfs_cast_kernels()->int8_back, from, scale, to, n);
}

static float scale_of(float amax, float largest)
{
    if (!(bfs_float_bits(amax) - 1 < BFS_F32_INFINITY)) /* 0, negative, NaN */
        return 0;
    volatile float dividend = amax; /* in memory, so that the division stays between the two */
    struct bfs_float_env env = bfs_float_env_plain();
    volatile float scale = dividend / largest;
    bfs_float_env_restore(&env);
    uint32_t bits = bfs_float_bits(scale);
    if (bits == 0)
        return FLT_TRUE_MIN;
    return bits == BFS_F32_INFINITY ? FLT_MAX : scale;
}

float bfs_fp8_scale(float amax)
{
    return scale_of(amax, 448);
}

float bfs_int8_scale(float amax)
{
    return scale_of(amax, 127);
}

/* -- measure -- */

static double sum_lanes(const double *lane)
{
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
           ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

static void merge(struct bfs_measure *into, const struct bfs_measure *from)
{
    into->n += from->n;
    into->n_nonfinite += from->n_nonfinite;
    if (from->max_abs > into->max_abs)
        into->max_abs = from->max_abs;
    into->sum_abs += from->sum_abs;
    into->sum_squares_error += from->sum_squares_error;
    into->sum_squares += from->sum_squares;
}

void bfs_measure_merge(struct bfs_measure *into, const struct bfs_measure *from)
{
    struct bfs_float_env env = bfs_float_env_plain();
    merge(into, from);
    bfs_float_env_restore(&env);
}

void bfs_measure_add(struct bfs_measure *measure, const float *source, const float *converted,
                     size_t n)
{
    if (n == 0)
        return;
    struct bfs_measure_lanes lanes = {0};
    struct bfs_float_env env = bfs_float_env_plain();
    bfs_cast_kernels()->measure(&lanes, (const uint8_t *)source, (const uint8_t *)converted, n);
    struct bfs_measure added = {
        .n = n - lanes.n_nonfinite,
        .n_nonfinite = lanes.n_nonfinite,
        .sum_abs = sum_lanes(lanes.sum_abs),
        .sum_squares_error = sum_lanes(lanes.sum_squares_error),
        .sum_squares = sum_lanes(lanes.sum_squares),
    };
    for (size_t i = 0; i < BFS_MEASURE_LANES; i++)
        if (lanes.max_abs[i] > added.max_abs)
            added.max_abs = lanes.max_abs[i];
    merge(measure, &added);
    bfs_float_env_restore(&env);
}

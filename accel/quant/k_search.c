/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/quant/k_search.h"

#include <math.h>
#include <stdbool.h>

enum { N = BFS_QUANT_SUB, N6 = BFS_QUANT_SUB_Q6_K };

static struct bfs_k_plan make_plan(int levels, float first, int n_tries)
{
    struct bfs_k_plan plan = {.levels = levels, .n_tries = n_tries};
    for (int i = 0; i < n_tries; i++)
        plan.tries[i] = first + 0.1f * (float)i + (float)levels;
    return plan;
}

struct bfs_k_plan bfs_k_plan_q4(void)
{
    return make_plan(15, -1.0f, 21);
}

struct bfs_k_plan bfs_k_plan_q5(void)
{
    return make_plan(31, -0.5f, 16);
}

static void divide_range(const float x[N], float low, float inverse, int levels, uint8_t q[N])
{
    for (int i = 0; i < N; i++)
        q[i] = (uint8_t)bfs_k_clamp(bfs_k_nearest(inverse * (x[i] - low)), 0, levels);
}

static float error_of(const float x[N], const float weights[N], const uint8_t q[N], float scale,
                      float low)
{
    float error = 0.0f;
    for (int i = 0; i < N; i++) {
        float off = scale * (float)q[i] + low - x[i];
        error += weights[i] * (off * off);
    }
    return error;
}

/* What the weighted least squares of one try need. */
struct sums {
    float w;
    float wx;
    float wq;
    float wqq;
    float wqx;
};

static void sum_try(struct sums *sums, const float x[N], const float weights[N], const uint8_t q[N])
{
    sums->wq = sums->wqq = sums->wqx = 0.0f;
    for (int i = 0; i < N; i++) {
        float wq = weights[i] * (float)q[i];
        sums->wq += wq;
        sums->wqq += wq * (float)q[i];
        sums->wqx += wq * x[i];
    }
}

/* Does the system have a solution? Its line never starts above zero. */
static bool solve(const struct sums *sums, float *ret_scale, float *ret_low)
{
    float determinant = sums->w * sums->wqq - sums->wq * sums->wq;
    if (!(determinant > 0.0f))
        return false;
    *ret_scale = (sums->w * sums->wqx - sums->wx * sums->wq) / determinant;
    *ret_low = (sums->wqq * sums->wx - sums->wq * sums->wqx) / determinant;
    if (*ret_low > 0.0f) {
        *ret_low = 0.0f;
        *ret_scale = sums->wqx / sums->wqq;
    }
    return true;
}

static void weigh(const float x[N], float weights[N])
{
    float squares = 0.0f;
    for (int i = 0; i < N; i++)
        squares += x[i] * x[i];
    float typical = sqrtf(squares / (float)N);
    for (int i = 0; i < N; i++)
        weights[i] = typical + fabsf(x[i]);
}

struct bfs_k_fit bfs_k_search(const struct bfs_k_plan *plan, const float x[BFS_QUANT_SUB],
                              uint8_t q[BFS_QUANT_SUB])
{
    float weights[N];
    weigh(x, weights);
    float low = x[0];
    float high = x[0];
    struct sums sums = {.w = weights[0], .wx = weights[0] * x[0]};
    for (int i = 1; i < N; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        sums.w += weights[i];
        sums.wx += weights[i] * x[i];
    }
    if (low > 0.0f)
        low = 0.0f;
    if (high == low) {
        memset(q, 0, N);
        return (struct bfs_k_fit){.scale = 0.0f, .minus = -low};
    }
    float inverse = (float)plan->levels / (high - low);
    float scale = 1.0f / inverse;
    divide_range(x, low, inverse, plan->levels, q);
    float best = error_of(x, weights, q, scale, low);
    for (int i = 0; i < plan->n_tries; i++) {
        uint8_t tried[N];
        float tried_scale;
        float tried_low;
        /* From the minimum that is best so far, not from the lowest value. */
        divide_range(x, low, plan->tries[i] / (high - low), plan->levels, tried);
        sum_try(&sums, x, weights, tried);
        if (!solve(&sums, &tried_scale, &tried_low))
            continue;
        float error = error_of(x, weights, tried, tried_scale, tried_low);
        if (error < best) {
            best = error;
            scale = tried_scale;
            low = tried_low;
            memcpy(q, tried, N);
        }
    }
    return (struct bfs_k_fit){.scale = scale, .minus = -low};
}

void bfs_q6_k_tries(float tries[BFS_Q6_K_TRIES])
{
    int n = 0;
    for (int i = -BFS_Q6_K_TRIES / 2; i <= BFS_Q6_K_TRIES / 2; i++)
        if (i != 0)
            tries[n++] = -((float)BFS_Q6_K_HALF + 0.1f * (float)i);
}

/* Rounds x * inverse to q and adds up what the scale comes from. */
static void try_q6(const float x[N6], float inverse, uint8_t q[N6], float *ret_wqx, float *ret_wqq)
{
    float wqx = 0.0f;
    float wqq = 0.0f;
    for (int i = 0; i < N6; i++) {
        int32_t level = bfs_k_nearest(inverse * x[i]);
        level = bfs_k_clamp(level, -BFS_Q6_K_HALF, BFS_Q6_K_HALF - 1);
        float weight = x[i] * x[i];
        wqx += weight * x[i] * (float)level;
        wqq += weight * (float)level * (float)level;
        q[i] = (uint8_t)(level + BFS_Q6_K_HALF);
    }
    *ret_wqx = wqx;
    *ret_wqq = wqq;
}

float bfs_q6_k_search(const float tries[BFS_Q6_K_TRIES], const float x[BFS_QUANT_SUB_Q6_K],
                      uint8_t q[BFS_QUANT_SUB_Q6_K])
{
    float largest = 0.0f;
    float farthest = 0.0f;
    for (int i = 0; i < N6; i++) {
        if (fabsf(x[i]) > largest) {
            largest = fabsf(x[i]);
            farthest = x[i];
        }
    }
    if (largest < BFS_Q6_K_NOTHING) {
        memset(q, 0, N6);
        return 0.0f;
    }
    float wqx;
    float wqq;
    try_q6(x, -(float)BFS_Q6_K_HALF / farthest, q, &wqx, &wqq);
    float scale = wqq != 0.0f ? wqx / wqq : 0.0f;
    float best = scale * wqx;
    for (int i = 0; i < BFS_Q6_K_TRIES; i++) {
        uint8_t tried[N6];
        try_q6(x, tries[i] / farthest, tried, &wqx, &wqq);
        if (wqq > 0.0f && wqx * wqx > best * wqq) {
            scale = wqx / wqq;
            best = scale * wqx;
            memcpy(q, tried, N6);
        }
    }
    return scale;
}

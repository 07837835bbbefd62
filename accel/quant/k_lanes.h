/* SPDX-License-Identifier: Apache-2.0
 * The searches of k_search.c for LANES sub-blocks at once. Each lane goes through the values of one
 * sub-block in their order, so its sums are those of the scalar search; nothing is ever added
 * across lanes. Included by the file of an instruction set behind its lanes_*.h.
 *
 * A search gives up (false) when a lane is not ordinary: the scalar one then does all of them. */
#ifndef BFS_ACCEL_QUANT_K_LANES_H
#define BFS_ACCEL_QUANT_K_LANES_H

#include "accel/quant/k_search.h"

#include <math.h>

#define LANES_ALIGNED _Alignas(64)

/* What a lane found. q comes from dividing the range at `low` into steps of 1 / inverse. */
struct lanes_fits {
    LANES_ALIGNED float scale[LANES];
    LANES_ALIGNED float minus[LANES];
    LANES_ALIGNED float low[LANES];
    LANES_ALIGNED float inverse[LANES];
};

/* As bfs_k_nearest(), as a float, for magnitudes below 2^22. */
TARGET static inline lanes lanes_nearest(lanes a)
{
    lanes big = lanes_all(12582912.0f);
    return lanes_sub(lanes_add(a, big), big);
}

TARGET static inline lanes lanes_level(lanes x, lanes low, lanes inverse, lanes top)
{
    lanes nearest = lanes_nearest(lanes_mul(inverse, lanes_sub(x, low)));
    return lanes_max(lanes_min(nearest, top), lanes_all(0.0f));
}

/* Is every multiple of the range small enough for lanes_nearest()? */
TARGET static inline bool lanes_near(lanes inverse, lanes low, lanes lowest, lanes high)
{
    lanes reach = lanes_max(lanes_abs(lanes_sub(high, low)), lanes_abs(lanes_sub(lowest, low)));
    return lanes_every(lanes_less(lanes_mul(lanes_abs(inverse), reach), lanes_all(0x1p21f)));
}

struct lanes_sums {
    lanes w, wx, wq, wqq, wqx;
};

/* The constants of a search, and its input: value i of every lane. */
struct lanes_search {
    lanes x[BFS_QUANT_SUB];
    lanes weights[BFS_QUANT_SUB];
    lanes lowest;
    lanes high;
    lanes top;
    lanes_mask flat; /* lanes of one value: all their q are 0, and no try has a solution */
};

TARGET static inline void lanes_sum(const struct lanes_search *search, struct lanes_sums *sums,
                                    lanes low, lanes inverse, lanes q[BFS_QUANT_SUB])
{
    lanes wq = lanes_all(0.0f);
    lanes wqq = wq;
    lanes wqx = wq;
    for (int i = 0; i < BFS_QUANT_SUB; i++) {
        q[i] = lanes_level(search->x[i], low, inverse, search->top);
        lanes product = lanes_mul(search->weights[i], q[i]);
        wq = lanes_add(wq, product);
        wqq = lanes_add(wqq, lanes_mul(product, q[i]));
        wqx = lanes_add(wqx, lanes_mul(product, search->x[i]));
    }
    sums->wq = wq;
    sums->wqq = wqq;
    sums->wqx = wqx;
}

TARGET static inline lanes lanes_error(const struct lanes_search *search,
                                       const lanes q[BFS_QUANT_SUB], lanes scale, lanes low)
{
    lanes error = lanes_all(0.0f);
    for (int i = 0; i < BFS_QUANT_SUB; i++) {
        lanes off = lanes_sub(lanes_add(lanes_mul(scale, q[i]), low), search->x[i]);
        error = lanes_add(error, lanes_mul(search->weights[i], lanes_mul(off, off)));
    }
    return error;
}

/* Loads values and gives them weights. False: some are not finite, or their squares are not. */
TARGET static inline bool lanes_weigh(struct lanes_search *search, const float (*from)[LANES])
{
    lanes squares = lanes_all(0.0f);
    for (int i = 0; i < BFS_QUANT_SUB; i++) {
        search->x[i] = lanes_load(from[i]);
        squares = lanes_add(squares, lanes_mul(search->x[i], search->x[i]));
    }
    lanes typical = lanes_sqrt(lanes_div(squares, lanes_all((float)BFS_QUANT_SUB)));
    for (int i = 0; i < BFS_QUANT_SUB; i++)
        search->weights[i] = lanes_add(typical, lanes_abs(search->x[i]));
    return lanes_every(lanes_less(squares, lanes_all(INFINITY)));
}

TARGET static bool lanes_search(const struct bfs_k_plan *plan, const float (*from)[LANES],
                                struct lanes_fits *fits)
{
    const lanes zero = lanes_all(0.0f);
    const lanes one = lanes_all(1.0f);
    struct lanes_search search;
    if (!lanes_weigh(&search, from))
        return false;
    struct lanes_sums sums = {
        .w = search.weights[0],
        .wx = lanes_mul(search.weights[0], search.x[0]),
    };
    search.lowest = search.high = search.x[0];
    for (int i = 1; i < BFS_QUANT_SUB; i++) {
        search.lowest = lanes_min(search.x[i], search.lowest);
        search.high = lanes_max(search.x[i], search.high);
        sums.w = lanes_add(sums.w, search.weights[i]);
        sums.wx = lanes_add(sums.wx, lanes_mul(search.weights[i], search.x[i]));
    }
    lanes low = lanes_min(zero, search.lowest);
    search.flat = lanes_equal(search.high, low);
    search.top = lanes_all((float)plan->levels);

    lanes range = lanes_select(search.flat, one, lanes_sub(search.high, low));
    lanes inverse = lanes_div(search.top, range);
    if (!lanes_near(inverse, low, search.lowest, search.high))
        return false;
    lanes scale = lanes_div(one, inverse);
    lanes q[BFS_QUANT_SUB];
    for (int i = 0; i < BFS_QUANT_SUB; i++)
        q[i] = lanes_level(search.x[i], low, inverse, search.top);
    lanes best = lanes_error(&search, q, scale, low);
    lanes best_low = low;
    lanes best_inverse = inverse;
    for (int i = 0; i < plan->n_tries; i++) {
        range = lanes_select(search.flat, one, lanes_sub(search.high, low));
        inverse = lanes_div(lanes_all(plan->tries[i]), range);
        if (!lanes_near(inverse, low, search.lowest, search.high))
            return false;
        lanes_sum(&search, &sums, low, inverse, q);
        lanes determinant = lanes_sub(lanes_mul(sums.w, sums.wqq), lanes_mul(sums.wq, sums.wq));
        lanes tried_scale = lanes_div(
            lanes_sub(lanes_mul(sums.w, sums.wqx), lanes_mul(sums.wx, sums.wq)), determinant);
        lanes tried_low = lanes_div(
            lanes_sub(lanes_mul(sums.wqq, sums.wx), lanes_mul(sums.wq, sums.wqx)), determinant);
        lanes_mask above = lanes_less(zero, tried_low);
        tried_low = lanes_select(above, zero, tried_low);
        tried_scale = lanes_select(above, lanes_div(sums.wqx, sums.wqq), tried_scale);
        lanes error = lanes_error(&search, q, tried_scale, tried_low);
        lanes_mask better = lanes_and(lanes_less(zero, determinant), lanes_less(error, best));
        best = lanes_select(better, error, best);
        best_low = lanes_select(better, low, best_low);
        best_inverse = lanes_select(better, inverse, best_inverse);
        scale = lanes_select(better, tried_scale, scale);
        low = lanes_select(better, tried_low, low);
    }
    lanes_store(fits->scale, lanes_select(search.flat, zero, scale));
    lanes_store(fits->minus, lanes_sub(zero, low));
    lanes_store(fits->low, best_low);
    lanes_store(fits->inverse, lanes_select(search.flat, zero, best_inverse));
    return true;
}

/* -- Q6_K -- */

struct lanes_scales {
    LANES_ALIGNED float scale[LANES];
    LANES_ALIGNED float inverse[LANES]; /* what q comes from; NaN: q is 0 */
};

struct lanes_sums_q6 {
    lanes wqx, wqq;
};

TARGET static inline struct lanes_sums_q6 lanes_sum_q6(const lanes x[BFS_QUANT_SUB_Q6_K],
                                                       const lanes weights[BFS_QUANT_SUB_Q6_K],
                                                       const lanes wx[BFS_QUANT_SUB_Q6_K],
                                                       lanes inverse)
{
    const lanes bottom = lanes_all(-(float)BFS_Q6_K_HALF);
    const lanes top = lanes_all((float)(BFS_Q6_K_HALF - 1));
    struct lanes_sums_q6 sums = {lanes_all(0.0f), lanes_all(0.0f)};
    for (int i = 0; i < BFS_QUANT_SUB_Q6_K; i++) {
        lanes q = lanes_nearest(lanes_mul(inverse, x[i]));
        q = lanes_max(lanes_min(q, top), bottom);
        sums.wqx = lanes_add(sums.wqx, lanes_mul(wx[i], q));
        sums.wqq = lanes_add(sums.wqq, lanes_mul(lanes_mul(weights[i], q), q));
    }
    return sums;
}

TARGET static bool lanes_search_q6(const float tries[BFS_Q6_K_TRIES], const float (*from)[LANES],
                                   struct lanes_scales *scales)
{
    const lanes zero = lanes_all(0.0f);
    lanes x[BFS_QUANT_SUB_Q6_K];
    lanes weights[BFS_QUANT_SUB_Q6_K];
    lanes wx[BFS_QUANT_SUB_Q6_K];
    lanes largest = zero;
    lanes farthest = zero;
    lanes squares = zero;
    for (int i = 0; i < BFS_QUANT_SUB_Q6_K; i++) {
        x[i] = lanes_load(from[i]);
        weights[i] = lanes_mul(x[i], x[i]);
        wx[i] = lanes_mul(weights[i], x[i]);
        squares = lanes_add(squares, weights[i]);
        lanes_mask farther = lanes_less(largest, lanes_abs(x[i]));
        largest = lanes_select(farther, lanes_abs(x[i]), largest);
        farthest = lanes_select(farther, x[i], farthest);
    }
    if (!lanes_every(lanes_less(squares, lanes_all(INFINITY))))
        return false;
    lanes_mask nothing = lanes_less(largest, lanes_all(BFS_Q6_K_NOTHING));
    farthest = lanes_select(nothing, lanes_all(1.0f), farthest);

    lanes best_inverse = lanes_div(lanes_all(-(float)BFS_Q6_K_HALF), farthest);
    struct lanes_sums_q6 sums = lanes_sum_q6(x, weights, wx, best_inverse);
    lanes scale = lanes_div(sums.wqx, sums.wqq);
    scale = lanes_select(lanes_equal(sums.wqq, zero), zero, scale);
    lanes best = lanes_mul(scale, sums.wqx);
    for (int i = 0; i < BFS_Q6_K_TRIES; i++) {
        lanes inverse = lanes_div(lanes_all(tries[i]), farthest);
        sums = lanes_sum_q6(x, weights, wx, inverse);
        lanes_mask better =
            lanes_and(lanes_less(zero, sums.wqq),
                      lanes_less(lanes_mul(best, sums.wqq), lanes_mul(sums.wqx, sums.wqx)));
        scale = lanes_select(better, lanes_div(sums.wqx, sums.wqq), scale);
        best = lanes_select(better, lanes_mul(scale, sums.wqx), best);
        best_inverse = lanes_select(better, inverse, best_inverse);
    }
    lanes_store(scales->scale, lanes_select(nothing, zero, scale));
    lanes_store(scales->inverse, lanes_select(nothing, lanes_all(NAN), best_inverse));
    return true;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/quant/k_block.h"

enum { N = BFS_QUANT_SUPER };

/* Writes the head of the block and gives q. */
static void quantize_k(const struct bfs_k_plan *plan, const float *from, struct bfs_k_head *head,
                       uint8_t q[N])
{
    float x[N];
    float scale[BFS_K_SUBS];
    float minus[BFS_K_SUBS];
    memcpy(x, from, sizeof(x));
    for (int j = 0; j < BFS_K_SUBS; j++) {
        struct bfs_k_fit fit = bfs_k_search(plan, x + j * BFS_QUANT_SUB, q + j * BFS_QUANT_SUB);
        scale[j] = fit.scale;
        minus[j] = fit.minus;
    }
    bfs_k_head_put(head, scale, minus);
    struct bfs_k_scales got = bfs_k_head_get(head);
    for (int j = 0; j < BFS_K_SUBS; j++)
        if (got.d[j] != 0.0f) /* else what the search found stays */
            bfs_k_round_again(x + j * BFS_QUANT_SUB, got.d[j], got.m[j], plan->levels,
                              q + j * BFS_QUANT_SUB);
}

void bfs_quantize_q4_k_c(const float *from, uint8_t *to, size_t n_blocks)
{
    const struct bfs_k_plan plan = bfs_k_plan_q4();
    struct bfs_q4_k *block = (struct bfs_q4_k *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        uint8_t q[N];
        quantize_k(&plan, from, &block->head, q);
        bfs_k_nibbles_put(block->q, q);
    }
}

void bfs_quantize_q5_k_c(const float *from, uint8_t *to, size_t n_blocks)
{
    const struct bfs_k_plan plan = bfs_k_plan_q5();
    struct bfs_q5_k *block = (struct bfs_q5_k *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        uint8_t q[N];
        quantize_k(&plan, from, &block->head, q);
        bfs_k_nibbles_put(block->q, q);
        bfs_k_fifth_bits_put(block->high, q);
    }
}

void bfs_quantize_q6_k_c(const float *from, uint8_t *to, size_t n_blocks)
{
    float tries[BFS_Q6_K_TRIES];
    bfs_q6_k_tries(tries);
    struct bfs_q6_k *block = (struct bfs_q6_k *)(void *)to;
    for (; n_blocks-- > 0; from += N, block++) {
        float x[N];
        float scale[BFS_K_SUBS_Q6_K];
        float d[BFS_K_SUBS_Q6_K];
        uint8_t q[N];
        memcpy(x, from, sizeof(x));
        for (int j = 0; j < BFS_K_SUBS_Q6_K; j++)
            scale[j] =
                bfs_q6_k_search(tries, x + j * BFS_QUANT_SUB_Q6_K, q + j * BFS_QUANT_SUB_Q6_K);
        if (!bfs_q6_k_scales_put(block, scale, d))
            continue;
        for (int j = 0; j < BFS_K_SUBS_Q6_K; j++)
            if (d[j] != 0.0f)
                bfs_q6_k_round_again(x + j * BFS_QUANT_SUB_Q6_K, d[j], q + j * BFS_QUANT_SUB_Q6_K);
        bfs_q6_k_bits_put(block, q);
    }
}

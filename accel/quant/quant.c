/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/quant/quant.h"

#include "accel/cast/float_env.h"
#include "accel/quant/kernels.h"

/* BFS_QUANT_SLOTS for a type that is not quantized to. */
static enum bfs_quant_slot slot_of(enum bfs_dtype type)
{
    switch ((unsigned)type) {
#define BFS_QUANT_CASE(NAME)                                                                       \
    case BFS_DTYPE_##NAME:                                                                         \
        return BFS_QUANT_##NAME;
        BFS_QUANT_LIST(BFS_QUANT_CASE)
#undef BFS_QUANT_CASE
    default:
        return BFS_QUANT_SLOTS;
    }
}

bool bfs_quant_has(enum bfs_dtype type)
{
    return slot_of(type) != BFS_QUANT_SLOTS;
}

void bfs_quantize(enum bfs_dtype type, const float *from, uint8_t *to, size_t n)
{
    enum bfs_quant_slot slot = slot_of(type);
    if (slot == BFS_QUANT_SLOTS)
        return;
    struct bfs_float_env env = bfs_float_env_plain();
    bfs_quant_kernels()->of[slot].quantize(from, to, n / bfs_dtype_info(type)->block_elements);
    bfs_float_env_restore(&env);
}

void bfs_dequantize(enum bfs_dtype type, const uint8_t *from, float *to, size_t n)
{
    enum bfs_quant_slot slot = slot_of(type);
    if (slot == BFS_QUANT_SLOTS)
        return;
    struct bfs_float_env env = bfs_float_env_plain();
    bfs_quant_kernels()->of[slot].dequantize(from, to, n / bfs_dtype_info(type)->block_elements);
    bfs_float_env_restore(&env);
}

static bool fits(enum bfs_dtype type, uint64_t row)
{
    return row % bfs_dtype_info(type)->block_elements == 0;
}

enum bfs_dtype bfs_quant_for_row(enum bfs_dtype type, uint64_t row)
{
    if (!bfs_quant_has(type) || fits(type, row))
        return type;
    enum bfs_dtype smaller = type == BFS_DTYPE_Q4_K   ? BFS_DTYPE_Q5_0
                             : type == BFS_DTYPE_Q5_K ? BFS_DTYPE_Q5_1
                             : type == BFS_DTYPE_Q6_K ? BFS_DTYPE_Q8_0
                                                      : type;
    return fits(smaller, row) ? smaller : BFS_DTYPE_F16;
}

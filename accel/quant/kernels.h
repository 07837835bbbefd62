/* SPDX-License-Identifier: Apache-2.0
 * The quantizers of each instruction set. All give the same bytes; bfs_quant_kernels() picks the
 * widest that this CPU runs, bfs_quant_kernels_scalar() is the reference that tests compare with.
 *
 * THREAD SAFETY: pure functions; input and output must not overlap. */
#ifndef BFS_ACCEL_QUANT_KERNELS_H
#define BFS_ACCEL_QUANT_KERNELS_H

#include "codec/container/dtype.h"

#include <stddef.h>
#include <stdint.h>

/* Every type that can be quantized to, once. */
#define BFS_QUANT_LIST(X) X(Q8_0) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(Q4_K) X(Q5_K) X(Q6_K)

enum bfs_quant_slot {
#define BFS_QUANT_ENUM(NAME) BFS_QUANT_##NAME,
    BFS_QUANT_LIST(BFS_QUANT_ENUM)
#undef BFS_QUANT_ENUM
        BFS_QUANT_SLOTS,
};

struct bfs_quant_kernel {
    /* n_blocks blocks; neither side needs to be aligned */
    void (*quantize)(const float *from, uint8_t *to, size_t n_blocks);
    void (*dequantize)(const uint8_t *from, float *to, size_t n_blocks);
};

struct bfs_quant_kernels {
    const char *name; /* "scalar", "avx2", ... */
    struct bfs_quant_kernel of[BFS_QUANT_SLOTS];
};

const struct bfs_quant_kernels *bfs_quant_kernels(void);
const struct bfs_quant_kernels *bfs_quant_kernels_scalar(void);
/* Every implementation that this CPU can run, scalar first; NULL past the last. */
const struct bfs_quant_kernels *bfs_quant_kernels_at(size_t i);

#endif

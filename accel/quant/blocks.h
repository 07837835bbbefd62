/* SPDX-License-Identifier: Apache-2.0
 * The bytes of quantized blocks, as GGUF files hold them. Every member is bytes, so a block may lie
 * anywhere. `d` and its like are little-endian 16-bit floats.
 *
 * Where the n-th value of a block has its bits is in docs/views-quant.md. */
#ifndef BFS_ACCEL_QUANT_BLOCKS_H
#define BFS_ACCEL_QUANT_BLOCKS_H

#include <stdint.h>

enum {
    BFS_QUANT_SMALL = 32,  /* values of a block of Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 */
    BFS_QUANT_SUPER = 256, /* values of a block of Q4_K, Q5_K, Q6_K */
    BFS_QUANT_SUB = 32,    /* values of a sub-block of Q4_K and Q5_K */
    BFS_QUANT_SUB_Q6_K = 16,
};

struct bfs_q8_0 {
    uint8_t d[2];
    uint8_t q[32];
};

struct bfs_q4_0 {
    uint8_t d[2];
    uint8_t q[16];
};

struct bfs_q4_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t q[16];
};

struct bfs_q5_0 {
    uint8_t d[2];
    uint8_t high[4];
    uint8_t q[16];
};

struct bfs_q5_1 {
    uint8_t d[2];
    uint8_t m[2];
    uint8_t high[4];
    uint8_t q[16];
};

/* What Q4_K and Q5_K begin with: scales and minima of eight sub-blocks, six bits each. */
struct bfs_k_head {
    uint8_t d[2];
    uint8_t dmin[2];
    uint8_t scales[12];
};

struct bfs_q4_k {
    struct bfs_k_head head;
    uint8_t q[128];
};

struct bfs_q5_k {
    struct bfs_k_head head;
    uint8_t high[32];
    uint8_t q[128];
};

struct bfs_q6_k {
    uint8_t low[128];
    uint8_t high[64];
    uint8_t scales[16];
    uint8_t d[2];
};

_Static_assert(sizeof(struct bfs_q8_0) == 34, "Q8_0");
_Static_assert(sizeof(struct bfs_q4_0) == 18, "Q4_0");
_Static_assert(sizeof(struct bfs_q4_1) == 20, "Q4_1");
_Static_assert(sizeof(struct bfs_q5_0) == 22, "Q5_0");
_Static_assert(sizeof(struct bfs_q5_1) == 24, "Q5_1");
_Static_assert(sizeof(struct bfs_q4_k) == 144, "Q4_K");
_Static_assert(sizeof(struct bfs_q5_k) == 176, "Q5_K");
_Static_assert(sizeof(struct bfs_q6_k) == 210, "Q6_K");

#endif

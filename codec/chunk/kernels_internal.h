/* SPDX-License-Identifier: Apache-2.0
 * The plane kernels of each instruction set, for the table in kernels.c. Each vector kernel leaves
 * the elements behind its last whole vector to the scalar one. */
#ifndef BFS_CODEC_KERNELS_INTERNAL_H
#define BFS_CODEC_KERNELS_INTERNAL_H

#include "codec/chunk/kernels.h"

extern const struct bfs_plane_kernels bfs_plane_kernels_c;
void bfs_widen_bf16_c(const uint8_t *from, size_t count, uint8_t *to);
void bfs_widen_f16_c(const uint8_t *from, size_t count, uint8_t *to);
#if defined(__x86_64__)
extern const struct bfs_plane_kernels bfs_plane_kernels_avx2;
extern const struct bfs_plane_kernels bfs_plane_kernels_avx512;
void bfs_widen_bf16_avx2(const uint8_t *from, size_t count, uint8_t *to);
void bfs_widen_f16_avx2(const uint8_t *from, size_t count, uint8_t *to);
void bfs_widen_bf16_avx512(const uint8_t *from, size_t count, uint8_t *to);
void bfs_widen_f16_avx512(const uint8_t *from, size_t count, uint8_t *to);
#elif defined(__aarch64__)
extern const struct bfs_plane_kernels bfs_plane_kernels_neon;
void bfs_widen_bf16_neon(const uint8_t *from, size_t count, uint8_t *to);
void bfs_widen_f16_neon(const uint8_t *from, size_t count, uint8_t *to);
#endif

/* Runs a scalar kernel on the elements from `done` on; `width` is the size of an element. */
static inline void bfs_plane_tail(void (*kernel)(const uint8_t *, size_t, uint8_t *const *),
                                  const uint8_t *raw, size_t count, uint8_t *const *planes,
                                  size_t width, size_t done)
{
    uint8_t *rest[BFS_PLANES_MAX];
    for (size_t k = 0; k < width; k++)
        rest[k] = planes[k] + done;
    kernel(raw + done * width, count - done, rest);
}

static inline void bfs_plane_join_tail(void (*kernel)(uint8_t *, size_t, const uint8_t *const *),
                                       uint8_t *raw, size_t count, const uint8_t *const *planes,
                                       size_t width, size_t done)
{
    const uint8_t *rest[BFS_PLANES_MAX];
    for (size_t k = 0; k < width; k++)
        rest[k] = planes[k] + done;
    kernel(raw + done * width, count - done, rest);
}

#endif

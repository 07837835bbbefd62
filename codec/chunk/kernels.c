/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/chunk/kernels_internal.h"

#include <stdbool.h>

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi");
}
#endif

/* From the plainest to the widest. */
static const struct {
    const struct bfs_plane_kernels *kernels;
    bool (*supported)(void);
} implementations[] = {
    {&bfs_plane_kernels_c, always},
#if defined(__x86_64__)
    {&bfs_plane_kernels_avx2, has_avx2},
    {&bfs_plane_kernels_avx512, has_avx512},
#elif defined(__aarch64__)
    {&bfs_plane_kernels_neon, always}, /* part of the baseline of the architecture */
#endif
};

static const size_t n_implementations = sizeof(implementations) / sizeof(implementations[0]);

const struct bfs_plane_kernels *bfs_plane_kernels_scalar(void)
{
    return &bfs_plane_kernels_c;
}

const struct bfs_plane_kernels *bfs_plane_kernels_at(size_t i)
{
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported() && i-- == 0)
            return implementations[j].kernels;
    return NULL;
}

const struct bfs_plane_kernels *bfs_plane_kernels(void)
{
    const struct bfs_plane_kernels *widest = NULL;
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported())
            widest = implementations[j].kernels;
    return widest;
}

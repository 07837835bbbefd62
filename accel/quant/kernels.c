/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/quant/kernels_internal.h"

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
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

/* From the plainest to the widest. */
static const struct {
    const struct bfs_quant_kernels *kernels;
    bool (*supported)(void);
} implementations[] = {
    {&bfs_quant_kernels_c, always},
#if defined(__x86_64__)
    {&bfs_quant_kernels_avx2, has_avx2},
    {&bfs_quant_kernels_avx512, has_avx512},
#endif
};

static const size_t n_implementations = sizeof(implementations) / sizeof(implementations[0]);

const struct bfs_quant_kernels *bfs_quant_kernels_scalar(void)
{
    return &bfs_quant_kernels_c;
}

const struct bfs_quant_kernels *bfs_quant_kernels_at(size_t i)
{
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported() && i-- == 0)
            return implementations[j].kernels;
    return NULL;
}

const struct bfs_quant_kernels *bfs_quant_kernels(void)
{
    const struct bfs_quant_kernels *widest = NULL;
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported())
            widest = implementations[j].kernels;
    return widest;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/cast/kernels.h"

#include <stdatomic.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
/* F16C has a flag of its own that not every compiler can ask for by name; its registers are those
 * of AVX, whose support by the system is part of the answer about AVX2. */
static bool has_avx2(void)
{
    unsigned eax;
    unsigned ebx;
    unsigned ecx;
    unsigned edx;
    return __builtin_cpu_supports("avx2") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) &&
           (ecx & bit_F16C) != 0;
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

/* From the plainest to the widest. */
static const struct {
    const struct bfs_cast_kernels *kernels;
    bool (*supported)(void);
} implementations[] = {
    {&bfs_cast_kernels_c, always},
#if defined(__x86_64__)
    {&bfs_cast_kernels_avx2, has_avx2},
    {&bfs_cast_kernels_avx512, has_avx512},
#endif
};

static const size_t n_implementations = sizeof(implementations) / sizeof(implementations[0]);

const struct bfs_cast_kernels *bfs_cast_kernels_at(size_t i)
{
    for (size_t j = 0; j < n_implementations; j++)
        if (implementations[j].supported() && i-- == 0)
            return implementations[j].kernels;
    return NULL;
}

/* Asking the processor takes longer than converting a row does, above all in a virtual machine, so
 * the answer is kept. Threads that ask at once find the same. */
const struct bfs_cast_kernels *bfs_cast_kernels(void)
{
    static const struct bfs_cast_kernels *_Atomic chosen;
    const struct bfs_cast_kernels *widest = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (widest == NULL) {
        for (size_t j = 0; j < n_implementations; j++)
            if (implementations[j].supported())
                widest = implementations[j].kernels;
        atomic_store_explicit(&chosen, widest, memory_order_relaxed);
    }
    return widest;
}

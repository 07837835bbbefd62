/* SPDX-License-Identifier: Apache-2.0
 * Floating point as IEEE 754 has it by default: round to nearest even, subnormals kept, no traps. A
 * library that some program loads may have set a thread otherwise, and results would then depend on
 * it. What the thread had, its sticky flags too, is put back.
 *
 * The compiler may move arithmetic on registers across these calls; operands and results that are
 * in memory, and calls of functions that it does not see into, stay between them.
 *
 * THREAD SAFETY: acts on the calling thread. */
#ifndef BFS_ACCEL_FLOAT_ENV_H
#define BFS_ACCEL_FLOAT_ENV_H

#include <stdint.h>

#if defined(__x86_64__)

struct bfs_float_env {
    uint32_t mxcsr;
};

static inline struct bfs_float_env bfs_float_env_plain(void)
{
    struct bfs_float_env saved;
    const uint32_t plain = 0x1f80; /* all exceptions masked, nothing else */
    __asm__ volatile("stmxcsr %0" : "=m"(saved.mxcsr) : : "memory");
    __asm__ volatile("ldmxcsr %0" : : "m"(plain) : "memory");
    return saved;
}

static inline void bfs_float_env_restore(const struct bfs_float_env *saved)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(saved->mxcsr) : "memory");
}

#else

#include <fenv.h>

struct bfs_float_env {
    fenv_t env;
};

static inline struct bfs_float_env bfs_float_env_plain(void)
{
    struct bfs_float_env saved;
    (void)fegetenv(&saved.env);
    (void)fesetenv(FE_DFL_ENV);
    return saved;
}

static inline void bfs_float_env_restore(const struct bfs_float_env *saved)
{
    (void)fesetenv(&saved->env);
}

#endif
#endif

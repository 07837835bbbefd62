/* SPDX-License-Identifier: Apache-2.0
 * A floating-point environment as far from the usual one as a thread can have: another rounding
 * mode, subnormals flushed, and every exception a signal that would end the test. No arithmetic on
 * floats may stand between entering and leaving but that of the function under test. */
#ifndef BFS_TESTS_FLOAT_ENVIRONMENT_H
#define BFS_TESTS_FLOAT_ENVIRONMENT_H

#include <stdbool.h>

#if defined(__x86_64__)

#include <xmmintrin.h>

struct strange_environment {
    unsigned before;
    unsigned strange;
    bool kept; /* did what ran inside leave it as it was? */
};

static inline struct strange_environment strange_environment_enter(void)
{
    /* Flush to zero, toward plus infinity, subnormals are zeros; nothing is masked. */
    struct strange_environment environment = {_mm_getcsr(), 0x8000 | 0x4000 | 0x0040, false};
    _mm_setcsr(environment.strange);
    return environment;
}

static inline void strange_environment_leave(struct strange_environment *environment)
{
    environment->kept = _mm_getcsr() == environment->strange;
    _mm_setcsr(environment->before);
}

#else

#include <fenv.h>

struct strange_environment {
    int before;
    bool kept;
};

static inline struct strange_environment strange_environment_enter(void)
{
    struct strange_environment environment = {fegetround(), false};
    (void)fesetround(FE_UPWARD);
    return environment;
}

static inline void strange_environment_leave(struct strange_environment *environment)
{
    environment->kept = fegetround() == FE_UPWARD;
    (void)fesetround(environment->before);
}

#endif
#endif

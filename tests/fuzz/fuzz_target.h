/* SPDX-License-Identifier: Apache-2.0
 * What a fuzz target is: one function over hostile bytes, which aborts when a promise is broken. */
#ifndef BFS_TESTS_FUZZ_TARGET_H
#define BFS_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of assert(), which a build may turn off. */
static inline void fuzz_require(int condition, const char *promise)
{
    if (condition)
        return;
    (void)fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

#endif

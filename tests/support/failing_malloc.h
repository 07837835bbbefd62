/* SPDX-License-Identifier: Apache-2.0
 * An allocator of the test's own, in which one allocation fails. glibc's own calls (strdup,
 * opendir) and those of libraries come here as well. Include it in one file of a test. Sanitizers
 * have allocators of their own, so such a test is not built with them. */
#ifndef BFS_TESTS_FAILING_MALLOC_H
#define BFS_TESTS_FAILING_MALLOC_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static uint64_t test_malloc_count;   /* since test_malloc_fail() */
static uint64_t test_malloc_fail_at; /* 0: none */

/* The allocation of that number fails, from 1 on. */
static inline void test_malloc_fail(uint64_t number)
{
    test_malloc_count = 0;
    test_malloc_fail_at = number;
}

/* Has it been reached? No allocation fails from here on. */
static inline bool test_malloc_failed(void)
{
    bool failed = test_malloc_fail_at && test_malloc_count >= test_malloc_fail_at;
    test_malloc_fail_at = 0;
    return failed;
}

static bool test_malloc_refuses(void)
{
    if (++test_malloc_count != test_malloc_fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return test_malloc_refuses() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return test_malloc_refuses() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *memory, size_t size)
{
    return test_malloc_refuses() ? NULL : __libc_realloc(memory, size);
}

#endif

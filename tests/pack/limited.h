/* SPDX-License-Identifier: Apache-2.0
 * The memory that this process may still take. Included after cmocka.h. */
#ifndef BFS_TESTS_LIMITED_H
#define BFS_TESTS_LIMITED_H

#include <stdio.h>
#include <sys/resource.h>

/* Sanitizers keep memory of their own, so there the limit is not set and only the rest is tested.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_IS_SANITIZED 1
#endif
#endif

/* Private memory that the process has, in KiB. */
static inline unsigned long limited_has(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long size = 0;
    assert_non_null(status);
    while (fgets(line, sizeof(line), status) && sscanf(line, "VmData: %lu kB", &size) != 1)
        ;
    (void)fclose(status);
    assert_true(size > 0);
    return size;
}

/* From now on, `more` bytes at most; returns the limit before. */
static inline struct rlimit limited_begin(size_t more)
{
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
#ifndef TEST_IS_SANITIZED
    struct rlimit limit = {.rlim_cur = limited_has() * 1024 + more, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_DATA, &limit), 0);
    void *volatile beyond = malloc(more + (64 << 20)); /* else compilers need not ask for it */
    assert_null(beyond);
#else
    (void)more;
#endif
    return before;
}

static inline void limited_end(const struct rlimit *before)
{
    assert_int_equal(setrlimit(RLIMIT_DATA, before), 0);
}

#endif

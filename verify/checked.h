/* SPDX-License-Identifier: Apache-2.0
 * Arithmetic on sizes and offsets that come from outside: every function says whether it fitted. */
#ifndef BFS_VERIFY_CHECKED_H
#define BFS_VERIFY_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns true and sets *ret, or returns false and leaves *ret alone. */
static inline bool bfs_add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret = sum;
    return true;
}

static inline bool bfs_mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

static inline bool bfs_mul_size(size_t a, size_t b, size_t *ret)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

/* Rounds up to a multiple of a power of two. */
static inline bool bfs_align_u64(uint64_t value, uint64_t alignment, uint64_t *ret)
{
    uint64_t raised;
    if (!bfs_add_u64(value, alignment - 1, &raised))
        return false;
    *ret = raised & ~(alignment - 1);
    return true;
}

/* Is [offset, offset + size) inside [0, limit)? */
static inline bool bfs_range_fits(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

static inline bool bfs_is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

#endif

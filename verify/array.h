/* SPDX-License-Identifier: Apache-2.0
 * Arrays that grow by one element at a time, without a capacity to keep. */
#ifndef BFS_VERIFY_ARRAY_H
#define BFS_VERIFY_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Makes room for one more element in `*(T **)array`, which holds `count` and only ever grew through
 * this function. It reallocates when the count is a power of two, to twice as much: a million
 * elements are copied about once each. Errors: -ENOMEM, with the array as it was. */
static inline int bfs_array_grow(void *array, size_t count, size_t element_size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return 0;
    void *larger = reallocarray(*(void **)array, count ? count * 2 : 1, element_size);
    if (!larger)
        return -ENOMEM;
    *(void **)array = larger;
    return 0;
}

#endif

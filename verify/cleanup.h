/* SPDX-License-Identifier: Apache-2.0
 * Scope-bound release of memory and descriptors, and visible transfer of ownership. */
#ifndef BFS_VERIFY_CLEANUP_H
#define BFS_VERIFY_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define BFS_CLEANUP(function) __attribute__((cleanup(function)))

static inline void bfs_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

/* Keeps errno, so that a failing path can close and still report why it failed. */
static inline void bfs_cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
}

static inline void *bfs_steal_pointer_(void *pointer)
{
    void *value = *(void **)pointer;
    *(void **)pointer = NULL;
    return value;
}

static inline int bfs_steal_fd(int *fd)
{
    int value = *fd;
    *fd = -1;
    return value;
}

#define bfs_autofree BFS_CLEANUP(bfs_cleanup_free)
#define bfs_autoclose BFS_CLEANUP(bfs_cleanup_close)

/* Moves a pointer out of a variable that would otherwise release it at the end of its scope. */
#define bfs_steal(pointer) ((__typeof__(*(pointer)))bfs_steal_pointer_(pointer))

/* Declares <type>_cleanup() for `BFS_CLEANUP(<type>_cleanup) struct <type> *x = NULL;`. */
#define BFS_DEFINE_CLEANUP(type, release)                                                          \
    static inline void type##_cleanup(struct type **pointer)                                       \
    {                                                                                              \
        (void)release(*pointer);                                                                   \
    }

#endif

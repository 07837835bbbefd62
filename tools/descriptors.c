/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/descriptors.h"

#include "verify/size.h"

#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int bfs_descriptor_of_path(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    uint64_t number;
    for (size_t i = 0; path && i < sizeof(folders) / sizeof(folders[0]); i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0 && bfs_number_parse(path + length, &number) &&
            number <= INT_MAX)
            return (int)number;
    }
    return -1;
}

static void close_range_of(unsigned first, unsigned last)
{
    struct rlimit limit;
    if (first > last || close_range(first, last, 0) == 0)
        return;
    /* A kernel before 5.9. The limit may be lower than what was opened before it was lowered, but
     * there is nothing better. */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 0 && last >= limit.rlim_cur)
        last = limit.rlim_cur > INT_MAX ? INT_MAX : (unsigned)limit.rlim_cur - 1;
    for (unsigned fd = first; fd <= last; fd++)
        (void)close((int)fd);
}

/* The lowest of them that is at least `from`; -1: none. */
static int next_kept(const int *kept, size_t n, int from)
{
    int next = -1;
    for (size_t i = 0; i < n; i++)
        if (kept[i] >= from && (next < 0 || kept[i] < next))
            next = kept[i];
    return next;
}

void bfs_descriptors_close_others(const int *kept, size_t n)
{
    int from = STDERR_FILENO + 1;
    for (int fd; (fd = next_kept(kept, n, from)) >= 0 && fd < INT_MAX; from = fd + 1)
        if (fd > from)
            close_range_of((unsigned)from, (unsigned)fd - 1);
    close_range_of((unsigned)from, UINT_MAX);
}

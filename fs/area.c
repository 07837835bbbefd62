/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/area.h"

#include "verify/cleanup.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

bool bfs_area_has_huge(void)
{
    char text[128];
    bfs_autoclose int fd =
        open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return false;
    text[n] = '\0';
    return !strstr(text, "[never]") && prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0;
}

static uint8_t *map(size_t size)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mapped == MAP_FAILED ? NULL : mapped;
}

/* mmap(2) may begin anywhere: maps more, and unmaps both ends. */
static uint8_t *map_aligned(size_t size)
{
    uint8_t *mapped = map(size + BFS_AREA_SIZE);
    if (!mapped) /* RLIMIT_AS may leave room for the size alone */
        return map(size);
    size_t before = -(uintptr_t)mapped % BFS_AREA_SIZE;
    if (before > 0)
        (void)munmap(mapped, before);
    if (before < BFS_AREA_SIZE)
        (void)munmap(mapped + before + size, BFS_AREA_SIZE - before);
    return mapped + before;
}

void *bfs_area_map(size_t size, bool huge)
{
    uint8_t *area = size < BFS_AREA_SIZE ? map(size) : map_aligned(size);
    if (area) /* a kernel without huge pages refuses both */
        (void)madvise(area, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    return area;
}

void bfs_area_unmap(void *area, size_t size)
{
    (void)munmap(area, size);
}

void bfs_area_populate(void *area, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    (void)madvise(area, size, MADV_POPULATE_WRITE);
#else
    (void)area, (void)size;
#endif
}

void bfs_area_forbid_huge(void *area, size_t size)
{
    (void)madvise(area, size, MADV_NOHUGEPAGE);
}

void bfs_area_give_back(void *part, size_t size)
{
    /* Of a huge page, MADV_DONTNEED alone takes away the part of the mapping: the memory remains
     * charged until the kernel reclaims. MADV_FREE splits the page first. */
    (void)madvise(part, size, MADV_FREE);
    (void)madvise(part, size, MADV_DONTNEED);
}

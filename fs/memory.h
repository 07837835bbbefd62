/* SPDX-License-Identifier: Apache-2.0
 * Is memory tight? What the kernel says of stalls for want of memory (PSI), of the system and of
 * this process's control groups, and what is left of the limits of those, of either version.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_FS_MEMORY_H
#define BFS_FS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BFS_MEMORY_STALLS_MAX = 1000,   /* hundredths of a per cent of the last ten seconds */
    BFS_MEMORY_ROOM_MIN = 64 << 20, /* bytes left */
};

struct bfs_memory {
    uint64_t stalls; /* hundredths of a per cent: some task waited; 0 when it is not told */
    uint64_t room;   /* bytes below the nearest limit, reclaimable page cache not counted */
    uint64_t limit;  /* the smallest limit of a group, in bytes; UINT64_MAX: none */
};

/* `proc` and `cgroup` are where those file systems are mounted, that of the memory controller of
 * version 1 at "memory" in `cgroup`. What cannot be read limits nothing:
 * room is UINT64_MAX then. */
void bfs_memory_look(const char *proc, const char *cgroup, struct bfs_memory *ret);
bool bfs_memory_is_tight(const struct bfs_memory *memory);
/* The smallest hard or soft limit of this process's groups and of those above, of RLIMIT_AS, and
 * the host's memory; bytes. UINT64_MAX: none is known. */
uint64_t bfs_memory_limit(const char *proc, const char *cgroup);
/* What may stay of `used` bytes that can be given back at will, while memory is tight: less by what
 * is missing of BFS_MEMORY_ROOM_MIN, and a quarter less while tasks stall for want of memory. */
uint64_t bfs_memory_spare(const struct bfs_memory *memory, uint64_t used);
/* Bytes that may still be taken: what the host can give without swapping, page cache that it would
 * take back included, or the room, whichever is less. */
uint64_t bfs_memory_available(const char *proc, const char *cgroup);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/memory.h"

#include "verify/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 16384 };

/* The start of a small file, as a string; false when it cannot be read. */
static bool read_start(const char *folder, const char *name, char ret[static TEXT_MAX])
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return false;
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, TEXT_MAX - 1);
    if (n < 0)
        return false;
    ret[n] = '\0';
    return true;
}

/* The number after a word at a line's start; `otherwise` when it is not there. */
static uint64_t number_after(const char *text, const char *word, uint64_t otherwise)
{
    size_t length = strlen(word);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, length) == 0 && line[length] >= '0' && line[length] <= '9')
            return strtoull(line + length, NULL, 10);
    }
    return otherwise;
}

/* "some avg10=1.23 ..." as 123. */
static uint64_t stalls(const char *proc)
{
    char text[TEXT_MAX];
    unsigned whole, hundredths;
    if (!read_start(proc, "pressure/memory", text) ||
        sscanf(text, "some avg10=%5u.%2u", &whole, &hundredths) != 2)
        return 0;
    return whole * UINT64_C(100) + hundredths;
}

/* What is left of the limits of one group. */
static uint64_t room_in(const char *folder)
{
    char text[TEXT_MAX];
    uint64_t limit = UINT64_MAX, used = 0, cached = 0;
    static const char *const limits[] = {"memory.max", "memory.high"};
    for (size_t i = 0; i < 2; i++) {
        uint64_t one = read_start(folder, limits[i], text) ? number_after(text, "", UINT64_MAX)
                                                           : UINT64_MAX; /* "max" */
        limit = one < limit ? one : limit;
    }
    if (limit == UINT64_MAX)
        return UINT64_MAX;
    if (read_start(folder, "memory.current", text))
        used = number_after(text, "", 0);
    if (read_start(folder, "memory.stat", text)) {
        uint64_t file = number_after(text, "file ", 0), shared = number_after(text, "shmem ", 0);
        cached = file > shared ? file - shared : 0;
    }
    used = used > cached ? used - cached : 0;
    return limit > used ? limit - used : 0;
}

/* Of the group and all above it. */
static uint64_t room(const char *proc, const char *cgroup)
{
    char text[TEXT_MAX], folder[PATH_MAX];
    uint64_t least = UINT64_MAX;
    if (!read_start(proc, "self/cgroup", text))
        return least;
    char *own = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
    if (!own)
        return least;
    own += *own == '\n';
    own += 3; /* the path, from its slash on */
    own[strcspn(own, "\n")] = '\0';
    for (char *slash; *own; *slash = '\0') {
        if (snprintf(folder, sizeof(folder), "%s%s", cgroup, own) >= (int)sizeof(folder))
            break;
        uint64_t one = room_in(folder);
        least = one < least ? one : least;
        slash = strrchr(own, '/');
        if (slash == own)
            break; /* the root has no limits */
    }
    return least;
}

uint64_t bfs_memory_available(const char *proc, const char *cgroup)
{
    static const char word[] = "MemAvailable:";
    char text[TEXT_MAX];
    uint64_t host = UINT64_MAX, left = room(proc, cgroup);
    const char *line = read_start(proc, "meminfo", text) ? strstr(text, word) : NULL;
    if (line)
        host = strtoull(line + sizeof(word) - 1, NULL, 10) * 1024;
    return host < left ? host : left;
}

void bfs_memory_look(const char *proc, const char *cgroup, struct bfs_memory *ret)
{
    *ret = (struct bfs_memory){.stalls = stalls(proc), .room = room(proc, cgroup)};
}

bool bfs_memory_is_tight(const struct bfs_memory *memory)
{
    return memory->stalls >= BFS_MEMORY_STALLS_MAX || memory->room < BFS_MEMORY_ROOM_MIN;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/memory.h"

#include "verify/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
static uint64_t stalls_in(const char *folder, const char *name)
{
    char text[TEXT_MAX];
    unsigned whole, hundredths;
    if (!read_start(folder, name, text) ||
        sscanf(text, "some avg10=%5u.%2u", &whole, &hundredths) != 2)
        return 0;
    return whole * UINT64_C(100) + hundredths;
}

/* How a version of control groups calls what is looked at. */
struct version {
    const char *controller; /* in a line of /proc/self/cgroup; "": the only one */
    const char *folder;     /* below where they are mounted */
    const char *limits[2];
    const char *used;
    const char *cached, *shared; /* in memory.stat, with all groups below */
    const char *pressure;
};
static const struct version versions[] = {
    {"", "", {"memory.max", "memory.high"}, "memory.current", "file ", "shmem ", "memory.pressure"},
    {"memory",
     "/memory",
     {"memory.limit_in_bytes", NULL},
     "memory.usage_in_bytes",
     "total_cache ",
     "total_shmem ",
     NULL},
};

/* A file's number; UINT64_MAX when there is none, "max", or what version 1 says instead. */
static uint64_t limit_in(const char *folder, const char *name)
{
    char text[TEXT_MAX];
    uint64_t limit =
        name && read_start(folder, name, text) ? number_after(text, "", UINT64_MAX) : UINT64_MAX;
    return limit < INT64_MAX / 2 ? limit : UINT64_MAX;
}

/* What is left of the limits of one group; UINT64_MAX: it has none. */
static uint64_t room_in(const struct version *version, const char *folder, uint64_t *ret_limit)
{
    char text[TEXT_MAX];
    uint64_t used = 0, cached = 0;
    uint64_t hard = limit_in(folder, version->limits[0]);
    uint64_t soft = limit_in(folder, version->limits[1]);
    uint64_t limit = hard < soft ? hard : soft;
    *ret_limit = limit;
    if (limit == UINT64_MAX)
        return UINT64_MAX;
    if (read_start(folder, version->used, text))
        used = number_after(text, "", 0);
    if (read_start(folder, "memory.stat", text)) {
        uint64_t file = number_after(text, version->cached, 0);
        uint64_t shared = number_after(text, version->shared, 0);
        cached = file > shared ? file - shared : 0;
    }
    used = used > cached ? used - cached : 0;
    return limit > used ? limit - used : 0;
}

/* Is the controller in a list of them, which ends at a colon? */
static bool is_listed(const char *list, const char *controller)
{
    size_t length = strlen(controller);
    for (;;) {
        size_t n = strcspn(list, ",:");
        if (n == length && strncmp(list, controller, n) == 0)
            return true;
        if (list[n] != ',')
            return false;
        list += n + 1;
    }
}

/* The path of this process's group; NULL: it has none of that version. Lines are
 * NUMBER:CONTROLLER,...:PATH. */
static char *find_own(char *text, const char *controller)
{
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path || !is_listed(list + 1, controller) || path[1] != '/')
            continue;
        path[1 + strcspn(path + 1, "\n")] = '\0';
        return path + 1;
    }
    return NULL;
}

/* Of the group and all above it. The root is among them: that of a container has its limits. */
static void look_at_groups(const struct version *version, const char *proc, const char *cgroup,
                           struct bfs_memory *ret)
{
    char text[TEXT_MAX], folder[PATH_MAX];
    char *own = read_start(proc, "self/cgroup", text) ? find_own(text, version->controller) : NULL;
    for (char *slash = own; slash; *slash = '\0') {
        if (snprintf(folder, sizeof(folder), "%s%s%s", cgroup, version->folder, own) >=
            (int)sizeof(folder))
            return;
        uint64_t limit, room = room_in(version, folder, &limit);
        uint64_t stalls = version->pressure ? stalls_in(folder, version->pressure) : 0;
        ret->room = room < ret->room ? room : ret->room;
        ret->limit = limit < ret->limit ? limit : ret->limit;
        ret->stalls = stalls > ret->stalls ? stalls : ret->stalls;
        slash = strrchr(own, '/');
        if (!slash)
            return;
    }
}

/* What the host says in a line of its own; UINT64_MAX: nothing. */
static uint64_t host_memory(const char *proc, const char *word)
{
    char text[TEXT_MAX];
    const char *line = read_start(proc, "meminfo", text) ? strstr(text, word) : NULL;
    return line ? strtoull(line + strlen(word), NULL, 10) * 1024 : UINT64_MAX;
}

uint64_t bfs_memory_available(const char *proc, const char *cgroup)
{
    struct bfs_memory memory;
    bfs_memory_look(proc, cgroup, &memory);
    uint64_t host = host_memory(proc, "MemAvailable:");
    return host < memory.room ? host : memory.room;
}

uint64_t bfs_memory_limit(const char *proc, const char *cgroup)
{
    struct bfs_memory memory;
    struct rlimit own;
    bfs_memory_look(proc, cgroup, &memory);
    uint64_t limit = host_memory(proc, "MemTotal:");
    if (memory.limit < limit)
        limit = memory.limit;
    if (getrlimit(RLIMIT_AS, &own) == 0 && own.rlim_cur != RLIM_INFINITY && own.rlim_cur < limit)
        limit = own.rlim_cur;
    return limit;
}

uint64_t bfs_memory_spare(const struct bfs_memory *memory, uint64_t used)
{
    uint64_t missing = memory->room < BFS_MEMORY_ROOM_MIN ? BFS_MEMORY_ROOM_MIN - memory->room : 0;
    uint64_t spare = used > missing ? used - missing : 0;
    uint64_t stalling = used - used / 4;
    return memory->stalls >= BFS_MEMORY_STALLS_MAX && stalling < spare ? stalling : spare;
}

void bfs_memory_look(const char *proc, const char *cgroup, struct bfs_memory *ret)
{
    *ret = (struct bfs_memory){
        .stalls = stalls_in(proc, "pressure/memory"), .room = UINT64_MAX, .limit = UINT64_MAX};
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        look_at_groups(&versions[i], proc, cgroup, ret);
}

bool bfs_memory_is_tight(const struct bfs_memory *memory)
{
    return memory->stalls >= BFS_MEMORY_STALLS_MAX || memory->room < BFS_MEMORY_ROOM_MIN;
}

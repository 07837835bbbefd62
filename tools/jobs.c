/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/jobs.h"

#include "tools/message.h"
#include "tools/verb.h"

#include <sched.h>

/* The affinity mask, unlike the number of CPUs, knows of containers' cpusets and taskset(1). */
static unsigned usable_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

int bfs_jobs_resolve(const char *verb, uint64_t given, unsigned *ret)
{
    if (given == BFS_JOBS_UNSET) {
        *ret = usable_cpus();
        return BFS_EXIT_OK;
    }
    if (given < 1 || given > BFS_JOBS_MAX)
        return bfs_message_usage(verb, "--jobs must be 1 to %d", BFS_JOBS_MAX);
    *ret = (unsigned)given;
    return BFS_EXIT_OK;
}

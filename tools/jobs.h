/* SPDX-License-Identifier: Apache-2.0
 * How many threads a verb works with. */
#ifndef BFS_TOOLS_JOBS_H
#define BFS_TOOLS_JOBS_H

#include <stdint.h>

enum {
    BFS_JOBS_MAX = 1024,
};
/* The option's default: not given. */
#define BFS_JOBS_UNSET UINT64_MAX

/* Turns the value of --jobs into a number of threads: the CPUs that this process may use when it
 * was not given. Returns an exit status. */
int bfs_jobs_resolve(const char *verb, uint64_t given, unsigned *ret);

#define BFS_OPTION_JOBS(type)                                                                      \
    {                                                                                              \
        "jobs", 'j', "N", BFS_OPTION_UNSIGNED, offsetof(type, jobs),                               \
            "work with N threads (default: one for each usable CPU)"                               \
    }

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Running a command of somebody else's to its end, with a deadline and without remains.
 *
 * THREAD SAFETY: belongs to the main thread, which may have no other child that it waits for. */
#ifndef BFS_TOOLS_COMMAND_H
#define BFS_TOOLS_COMMAND_H

#include "verify/error.h"

#include <stdbool.h>
#include <stdint.h>

struct bfs_command {
    char *const *args; /* ended by NULL; the first is searched for in PATH */
    char *const
        *environment; /* "NAME=VALUE" that are added or replaced, ended by NULL; may be NULL */
    uint64_t timeout_seconds; /* 0: none */
};

enum bfs_command_end {
    BFS_COMMAND_EXITED,
    BFS_COMMAND_SIGNALLED,
    BFS_COMMAND_TIMED_OUT,
    BFS_COMMAND_INTERRUPTED, /* bfs_interrupted() */
};

struct bfs_command_result {
    enum bfs_command_end end;
    int status; /* exit status, or number of the signal */
};

/* Its stdin is empty, and what it prints goes to stderr. It runs in a process group of its own.
 * When it ends, or the deadline passes, or the program is interrupted, every process that it left
 * is killed, also those that left its group: the program adopts them. A command that is not there
 * exits with 127, as in a shell. Errors: errno of fork(2) and pidfd_open(2), -EBUSY (a process
 * would not die). */
int bfs_command_run(const struct bfs_command *command, struct bfs_command_result *ret,
                    struct bfs_error *error);

#endif

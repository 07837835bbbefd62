/* SPDX-License-Identifier: Apache-2.0
 * How the daemon tells the command that started it how the start went: one message through a pipe,
 * by whichever thread has one first.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_TOOLS_START_REPORT_H
#define BFS_TOOLS_START_REPORT_H

#include <stdatomic.h>
#include <stddef.h>

struct bfs_start_report {
    atomic_int fd; /* the pipe; -1: nobody waits for a message, or one was sent */
};

/* The descriptor, for the one caller that may send: others get -1 from now on. */
int bfs_start_report_claim(struct bfs_start_report *report);
/* Sends the message through a claimed descriptor, and closes it. */
void bfs_start_report_send(int fd, const char *text, size_t size);

#endif

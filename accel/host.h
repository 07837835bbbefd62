/* SPDX-License-Identifier: Apache-2.0
 * What this host is: processors that this process may use, memory, instruction set. Read from /proc
 * and /sys; no device is touched.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_ACCEL_HOST_H
#define BFS_ACCEL_HOST_H

#include "verify/buffer.h"

#include <stdint.h>

enum { BFS_HOST_WORD_MAX = 127 };

struct bfs_host {
    char architecture[BFS_HOST_WORD_MAX + 1]; /* uname's machine: "x86_64" */
    char cpu_vendor[BFS_HOST_WORD_MAX + 1];   /* as /proc/cpuinfo has it; "" when it does not */
    char cpu_model[BFS_HOST_WORD_MAX + 1];
    char *cpu_features;    /* owned; words separated by spaces, "" when unknown */
    unsigned n_cpus;       /* that this process may run on: affinity and cgroup quota; at least 1 */
    uint64_t memory_bytes; /* of the machine */
    const char *kernels;   /* which plane kernels were chosen */
};

/* What cannot be found out stays empty or 0. Errors: -ENOMEM. */
int bfs_host_probe(struct bfs_host *ret);
void bfs_host_done(struct bfs_host *host);
#define bfs_autohost BFS_CLEANUP(bfs_host_done)

/* Appends a JSON document. Errors: -ENOMEM. */
int bfs_host_write(const struct bfs_host *host, struct bfs_buffer *ret);

#endif

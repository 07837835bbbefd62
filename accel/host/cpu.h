/* SPDX-License-Identifier: Apache-2.0
 * The processor: who made it, what it is called, what it can do.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_ACCEL_HOST_CPU_H
#define BFS_ACCEL_HOST_CPU_H

#include "accel/host.h"
#include "accel/host/words.h"

/* Fills in cpu_vendor, cpu_model and cpu_features from proc/cpuinfo; is_live adds what the running
 * processor says itself. Errors: -ENOMEM. */
int bfs_cpu_describe(const char *root, bool is_live, struct bfs_host *host);
/* Processors that proc/cpuinfo lists within its first 64 KiB; at least 1. */
unsigned bfs_cpu_count_listed(const char *root);

/* Adds what this processor can do and the kernel lets programs use, as it says itself: CPUID and
 * XGETBV, or the auxiliary vector. Nothing on other architectures. */
void bfs_cpu_add_live_features(struct bfs_words *words);

#endif

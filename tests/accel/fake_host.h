/* SPDX-License-Identifier: Apache-2.0
 * The /proc and /sys of other machines, as much of them as matters. Included after cmocka.h. */
#ifndef BFS_TESTS_FAKE_HOST_H
#define BFS_TESTS_FAKE_HOST_H

#include "accel/host.h"

#include <stddef.h>

enum fake_machine {
    FAKE_H100,    /* two of them, the first broken off its driver */
    FAKE_RTX4090, /* beside the CPU's own graphics */
    FAKE_A100,    /* the older generation */
    FAKE_MI300X,
    FAKE_INTEL_NPU,
    FAKE_TPU_V5E,
    FAKE_SAPPHIRE_RAPIDS,
    FAKE_GRAVITON,
    FAKE_OLD_CPU,
    FAKE_EMPTY,
    FAKE_N,
};

/* Files below `root`, whose folders are made. Each fails the test when it cannot. */
void fake_bytes(const char *root, const char *path, const void *bytes, size_t size);
void fake_file(const char *root, const char *path, const char *text);
void fake_link(const char *root, const char *path, const char *target);
/* A PCI function, bound to `driver` unless that is NULL. */
void fake_pci(const char *root, const char *address, const char *vendor, const char *device,
              const char *class, const char *driver);

/* Makes the machine's tree below `root`. */
void fake_machine(enum fake_machine machine, const char *root);
/* The same in a folder that is removed again, probed. */
void fake_probe(enum fake_machine machine, struct bfs_host *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Finding GPUs and accelerators, by PCI ids and what their drivers publish.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_ACCEL_HOST_DEVICE_H
#define BFS_ACCEL_HOST_DEVICE_H

#include "accel/host.h"

/* What sysfs says about a PCI function. */
struct bfs_pci_function {
    uint16_t vendor;
    uint16_t device;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
};

/* A kind of device that is known by its id. */
struct bfs_known_device {
    uint16_t vendor;
    uint16_t first; /* of the range of device ids */
    uint16_t last;
    enum bfs_hardware_class hardware;
    const char *vendor_word;
    const char *arch;
    const char *name;
};
/* NULL: not known. */
const struct bfs_known_device *bfs_known_device(const struct bfs_pci_function *function);
/* The word of a PCI vendor who makes GPUs or accelerators, or "". */
const char *bfs_pci_vendor_word(uint16_t vendor);
/* Is it a GPU or an accelerator, by its ids and its class? */
bool bfs_pci_is_compute(const struct bfs_pci_function *function, enum bfs_hardware_class *ret);

/* What an NVIDIA device id says; 0: not certain. Memory is what programs can have of it, rounded
 * down to GiB. */
uint32_t bfs_nvidia_compute_capability(uint16_t device);
uint64_t bfs_nvidia_memory(uint16_t device);

/* Each adds what its driver publishes below `root`. */
void bfs_nvidia_describe(const char *root, uint16_t id, struct bfs_host_device *device);
void bfs_amd_describe(const char *root, struct bfs_host_device *device);

/* Fills in devices and n_devices. Errors: -ENOMEM. */
int bfs_devices_probe(const char *root, struct bfs_host *host);

#endif

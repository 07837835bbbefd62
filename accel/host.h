/* SPDX-License-Identifier: Apache-2.0
 * What this host is: processors, memory, instruction set, GPUs and other accelerators. Read from
 * /proc, /sys and the CPUID instruction; no device is opened or touched and no library of a vendor
 * is used. docs/views-hosts.md has the sources and the document's fields.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_ACCEL_HOST_H
#define BFS_ACCEL_HOST_H

#include "verify/buffer.h"
#include "verify/error.h"
#include "verify/hardware_key.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    BFS_HOST_WORD_MAX = 127,
    BFS_HOST_FEATURES_MAX = 512, /* a CPU of today has 150 */
    BFS_HOST_DEVICES_MAX = 64,   /* four times the GPUs of the largest machine there is */
    BFS_HOST_PCI_MAX = 16,       /* "00000000:00:00.0" */
    BFS_HOST_FILE_MAX = 1 << 20, /* bytes of a description */
};

/* "" and 0 mean unknown. */
struct bfs_host_device {
    enum bfs_hardware_class hardware; /* never BFS_HARDWARE_CPU */
    char vendor[BFS_KEY_WORD_MAX + 1];
    char arch[BFS_KEY_WORD_MAX + 1]; /* "sm_90", "gfx942", "v5e" */
    char name[BFS_HOST_WORD_MAX + 1];
    uint32_t compute_capability; /* major * 10 + minor */
    char driver[BFS_KEY_WORD_MAX + 1];
    char driver_version[BFS_KEY_WORD_MAX + 1];
    uint64_t memory_bytes;
    char pci_address[BFS_HOST_PCI_MAX + 1]; /* "0000:17:00.0" */
    char pci_id[10];                        /* "10de:2330" */
    bool is_usable;                         /* a driver is bound through which programs compute */
    bool is_integrated;                     /* graphics within a CPU, with its memory */
};

struct bfs_host {
    char architecture[BFS_HOST_WORD_MAX + 1]; /* uname's machine: "x86_64" */
    char cpu_vendor[BFS_HOST_WORD_MAX + 1];   /* a word: "intel", "amd", "arm" */
    char cpu_model[BFS_HOST_WORD_MAX + 1];
    char *cpu_features;    /* owned; words separated by spaces, "" when unknown */
    unsigned n_cpus;       /* that this process may run on: affinity and cgroup quota; at least 1 */
    uint64_t memory_bytes; /* of the machine */
    char kernels[BFS_KEY_WORD_MAX + 1]; /* which plane kernels were chosen */
    struct bfs_host_device *devices;    /* owned; in the order of their PCI addresses */
    unsigned n_devices;
};

/* What cannot be found out stays empty or 0. Errors: -ENOMEM. */
int bfs_host_probe(struct bfs_host *ret);
/* The same from files alone, below `root` instead of "/": another machine's /proc and /sys. The
 * architecture is then that of proc/sys/kernel/arch. */
int bfs_host_probe_root(const char *root, struct bfs_host *ret);
void bfs_host_done(struct bfs_host *host);
#define bfs_autohost BFS_CLEANUP(bfs_host_done)

/* Processors that this process may run on, whatever any description says; at least 1. */
unsigned bfs_host_usable_cpus(void);

/* Is the word among the CPU's features? */
bool bfs_host_has_feature(const struct bfs_host *host, const char *word);
/* The number that starts the driver's version; 0: unknown. */
uint32_t bfs_host_driver_major(const struct bfs_host_device *device);

/* Appends a JSON document; what is unknown is left out. Errors: those of bfs_json_publish(). */
int bfs_host_write(const struct bfs_host *host, struct bfs_buffer *ret);
/* Reads such a document: reading what was written gives the same description. Unknown members are
 * refused, and words and numbers outside their limits. `what` names it in messages.
 * Errors: -EBADMSG, -E2BIG, -EPROTONOSUPPORT (schema version), -ENOMEM. */
int bfs_host_read(const void *bytes, size_t size, const char *what, struct bfs_host *ret,
                  struct bfs_error *error);

/* The description in `file`; if that is NULL, the one in the file that the environment variable
 * BUNDLEFS_HOST names; if there is none, what the probe finds. Errors: those of open(2), read(2),
 * bfs_host_read() and bfs_host_probe(). */
int bfs_host_load(const char *file, struct bfs_host *ret, struct bfs_error *error);

#endif

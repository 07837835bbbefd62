/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host.h"

#include "accel/host/cpu.h"
#include "accel/host/device.h"
#include "accel/host/source.h"
#include "codec/chunk/kernels.h"
#include "verify/json.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* Whole processors that a cgroup v2 quota grants, or 0 without one. */
static unsigned quota_cpus(const char *root)
{
    unsigned long long quota, period;
    char text[64];
    if (!bfs_source_text(text, sizeof(text), root, "sys/fs/cgroup/cpu.max") ||
        sscanf(text, "%15llu %15llu", &quota, &period) != 2 || period == 0 || quota == 0)
        return 0;
    unsigned long long cpus = (quota + period - 1) / period;
    return cpus > 0 && cpus < 65536 ? (unsigned)cpus : 0;
}

static unsigned within_quota(const char *root, unsigned n)
{
    unsigned quota = quota_cpus(root);
    return quota && quota < n ? quota : n;
}

unsigned bfs_host_usable_cpus(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = online > 0 ? (unsigned)online : 1; /* for more of them than a set holds */
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        n = (unsigned)CPU_COUNT(&set);
    return within_quota("", n);
}

static uint64_t physical_memory(const char *root, bool is_live)
{
    char text[4096], value[64];
    if (is_live) {
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    }
    (void)bfs_source_text(text, sizeof(text), root, "proc/meminfo");
    bfs_source_value(text, "MemTotal", value, sizeof(value));
    unsigned long long kib;
    int end = 0;
    bool is_understood = sscanf(value, "%15llu kB%n", &kib, &end) == 1 && end > 0 && !value[end];
    return is_understood && kib <= BFS_JSON_INTEGER_MAX >> 10 ? kib << 10 : 0;
}

static void find_architecture(const char *root, bool is_live, struct bfs_host *host)
{
    struct utsname name;
    if (is_live && uname(&name) == 0)
        (void)snprintf(host->architecture, sizeof(host->architecture), "%s", name.machine);
    else
        (void)bfs_source_text(host->architecture, sizeof(host->architecture), root,
                              "proc/sys/kernel/arch");
    if (!bfs_hardware_word_is_valid(host->architecture))
        host->architecture[0] = '\0';
}

static int probe(const char *root, bool is_live, struct bfs_host *ret)
{
    bfs_autohost struct bfs_host host = {
        .n_cpus = is_live ? bfs_host_usable_cpus() : within_quota(root, bfs_cpu_count_listed(root)),
        .memory_bytes = physical_memory(root, is_live),
    };
    int r;
    (void)snprintf(host.kernels, sizeof(host.kernels), "%s", bfs_plane_kernels()->name);
    find_architecture(root, is_live, &host);
    if ((r = bfs_cpu_describe(root, is_live, &host)) || (r = bfs_devices_probe(root, &host)))
        return r;
    *ret = host;
    memset(&host, 0, sizeof(host));
    return 0;
}

int bfs_host_probe(struct bfs_host *ret)
{
    return probe("", true, ret);
}

int bfs_host_probe_root(const char *root, struct bfs_host *ret)
{
    return probe(root, false, ret);
}

void bfs_host_done(struct bfs_host *host)
{
    free(host->cpu_features);
    free(host->devices);
    memset(host, 0, sizeof(*host));
}

bool bfs_host_has_feature(const struct bfs_host *host, const char *word)
{
    return bfs_words_have(host->cpu_features, strlen(host->cpu_features), word, strlen(word));
}

uint32_t bfs_host_driver_major(const struct bfs_host_device *device)
{
    uint32_t major = 0;
    for (const char *at = device->driver_version; *at >= '0' && *at <= '9' && major < 10000000;
         at++)
        major = major * 10 + (uint32_t)(*at - '0');
    return major;
}

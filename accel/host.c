/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host.h"

#include "codec/chunk/kernels.h"
#include "verify/json.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

/* The text after "key<blanks>: " of the first line of /proc/cpuinfo with that key. */
static char *cpuinfo_value(FILE *cpuinfo, const char *key)
{
    bfs_autofree char *line = NULL;
    size_t capacity = 0, length = strlen(key);
    rewind(cpuinfo);
    while (getline(&line, &capacity, cpuinfo) > 0) {
        size_t end = length + strspn(line + (strncmp(line, key, length) ? 0 : length), " \t");
        if (strncmp(line, key, length) != 0 || line[end] != ':')
            continue;
        char *value = line + end + 1;
        value += strspn(value, " \t");
        value[strcspn(value, "\n")] = '\0';
        return strdup(value);
    }
    return NULL;
}

static void read_word(FILE *cpuinfo, const char *key, char ret[static BFS_HOST_WORD_MAX + 1])
{
    bfs_autofree char *value = cpuinfo_value(cpuinfo, key);
    (void)snprintf(ret, BFS_HOST_WORD_MAX + 1, "%s", value ? value : "");
}

/* Whole processors that a cgroup v2 quota grants, or 0 without one. */
static unsigned quota_cpus(void)
{
    unsigned long long quota, period;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    int n = fscanf(file, "%20llu %20llu", &quota, &period);
    (void)fclose(file);
    if (n != 2 || period == 0 || quota == 0)
        return 0;
    unsigned long long cpus = (quota + period - 1) / period;
    return cpus > 0 && cpus < 65536 ? (unsigned)cpus : 0;
}

static unsigned usable_cpus(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = online > 0 ? (unsigned)online : 1; /* for more of them than a set holds */
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        n = (unsigned)CPU_COUNT(&set);
    unsigned quota = quota_cpus();
    return quota && quota < n ? quota : n;
}

static uint64_t physical_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

int bfs_host_probe(struct bfs_host *ret)
{
    struct bfs_host host = {.n_cpus = usable_cpus(),
                            .memory_bytes = physical_memory(),
                            .kernels = bfs_plane_kernels()->name};
    struct utsname name;
    if (uname(&name) == 0)
        (void)snprintf(host.architecture, sizeof(host.architecture), "%s", name.machine);
    FILE *cpuinfo = fopen("/proc/cpuinfo", "re");
    if (cpuinfo) {
        read_word(cpuinfo, "vendor_id", host.cpu_vendor);
        read_word(cpuinfo, "model name", host.cpu_model);
        host.cpu_features = cpuinfo_value(cpuinfo, "flags");
        if (!host.cpu_features)
            host.cpu_features = cpuinfo_value(cpuinfo, "Features"); /* ARM's word for it */
        (void)fclose(cpuinfo);
    }
    if (!host.cpu_features)
        host.cpu_features = strdup("");
    if (!host.cpu_features)
        return -ENOMEM;
    *ret = host;
    return 0;
}

void bfs_host_done(struct bfs_host *host)
{
    free(host->cpu_features);
    memset(host, 0, sizeof(*host));
}

static struct json_object *feature_list(const struct bfs_host *host, int *status)
{
    struct json_object *list = bfs_json_new_array(status);
    bfs_autofree char *words = strdup(host->cpu_features);
    char *rest = words;
    for (char *word; words && (word = strsep(&rest, " "));)
        if (*word)
            bfs_json_append(list, bfs_json_new_string(word, status), status);
    if (!words)
        *status = -ENOMEM;
    return list;
}

int bfs_host_write(const struct bfs_host *host, struct bfs_buffer *ret)
{
    int status = 0;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    bfs_json_add_string(root, "arch", host->architecture, &status);
    struct json_object *cpu = bfs_json_new_object(&status);
    bfs_json_add_string(cpu, "vendor", host->cpu_vendor, &status);
    bfs_json_add_string(cpu, "model", host->cpu_model, &status);
    bfs_json_add_integer(cpu, "usable", host->n_cpus, &status);
    bfs_json_add(cpu, "features", feature_list(host, &status), &status);
    bfs_json_add(root, "cpu", cpu, &status);
    bfs_json_add_integer(root, "memory_bytes", host->memory_bytes, &status);
    bfs_json_add_string(root, "plane_kernels", host->kernels, &status);
    if (status == 0)
        bfs_json_write(root, ret);
    return status ? status : bfs_buffer_status(ret);
}

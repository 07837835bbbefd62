/* SPDX-License-Identifier: Apache-2.0
 * The amdgpu driver publishes each GPU's instruction set in the topology of its compute part, and
 * memory and product name beside the PCI function. */
#include "accel/host/device.h"
#include "accel/host/source.h"
#include "verify/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NODES "sys/class/kfd/kfd/topology/nodes"

enum { PROPERTIES_SIZE = 8192 };

/* GPUs within processors, by the name of their instruction set. */
static const char *const integrated[] = {
    "gfx902",  "gfx909",  "gfx90c",  "gfx1013", "gfx1033", "gfx1035", "gfx1036",
    "gfx1037", "gfx1103", "gfx1150", "gfx1151", "gfx1152", "gfx1153",
};

/* The number after "key " at the start of a line. */
static uint64_t property(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ' && line[length + 1] >= '0' &&
            line[length + 1] <= '9')
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

/* 90402 is gfx942: major, minor and stepping have two decimal digits each there, and one
 * hexadecimal digit in the name, but for the major. */
static void name_arch(uint64_t version, char ret[static BFS_KEY_WORD_MAX + 1])
{
    uint64_t major = version / 10000, minor = version / 100 % 100, stepping = version % 100;
    if (major == 0 || major > 99 || minor > 15 || stepping > 15)
        return;
    (void)snprintf(ret, BFS_KEY_WORD_MAX + 1, "gfx%" PRIu64 "%" PRIx64 "%" PRIx64, major, minor,
                   stepping);
}

static uint64_t find_version(const char *root, const char *pci_address)
{
    unsigned domain, bus;
    bfs_autofree bfs_source_name *names = NULL;
    size_t n;
    if (sscanf(pci_address, "%x:%x:", &domain, &bus) != 2 ||
        bfs_source_list(root, NODES, "", &names, &n))
        return 0;
    for (size_t i = 0; i < n; i++) {
        char text[PROPERTIES_SIZE];
        uint64_t version;
        if (!bfs_source_text(text, sizeof(text), root, NODES "/%s/properties", names[i]) ||
            !(version = property(text, "gfx_target_version")))
            continue; /* a node of CPUs has none */
        if (property(text, "domain") == domain && property(text, "location_id") >> 8 == bus)
            return version;
    }
    return 0;
}

void bfs_amd_describe(const char *root, struct bfs_host_device *device)
{
    char name[BFS_HOST_WORD_MAX + 1];
    name_arch(find_version(root, device->pci_address), device->arch);
    for (size_t i = 0; i < sizeof(integrated) / sizeof(integrated[0]); i++)
        device->is_integrated |= strcmp(device->arch, integrated[i]) == 0;
    device->memory_bytes =
        bfs_source_number(root, "sys/bus/pci/devices/%s/mem_info_vram_total", device->pci_address);
    if (bfs_source_text(name, sizeof(name), root, "sys/bus/pci/devices/%s/product_name",
                        device->pci_address) &&
        name[0])
        (void)snprintf(device->name, sizeof(device->name), "%s", name);
}

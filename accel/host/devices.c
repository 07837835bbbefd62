/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host/device.h"

#include "accel/host/source.h"
#include "verify/json.h"

#include <stdio.h>
#include <string.h>

#define PCI "sys/bus/pci/devices"

/* Drivers through which no program computes: they hand the device to a virtual machine, or only
 * show pictures. A TPU, though, is used through vfio-pci. */
static const char *const idle_drivers[] = {"vfio-pci", "pci-stub", "xen-pciback", "nouveau"};

static bool computes(const struct bfs_host_device *device)
{
    if (strcmp(device->driver, "vfio-pci") == 0 && strcmp(device->vendor, "google") == 0)
        return true;
    for (size_t i = 0; i < sizeof(idle_drivers) / sizeof(idle_drivers[0]); i++)
        if (strcmp(device->driver, idle_drivers[i]) == 0)
            return false;
    return device->driver[0] != '\0';
}

static void set_word(char ret[static BFS_KEY_WORD_MAX + 1], const char *word)
{
    (void)snprintf(ret, BFS_KEY_WORD_MAX + 1, "%s", word);
}

/* The driver at <folder>/<name>/driver, and the version of its module. */
static void describe_driver(const char *root, const char *folder, const char *name,
                            struct bfs_host_device *device)
{
    if (!bfs_source_link(device->driver, sizeof(device->driver), root, "%s/%s/driver", folder,
                         name))
        return;
    if (!bfs_hardware_word_is_valid(device->driver)) {
        device->driver[0] = '\0';
        return;
    }
    (void)bfs_source_text(device->driver_version, sizeof(device->driver_version), root,
                          "sys/module/%s/version", device->driver);
}

static void describe(const char *root, const struct bfs_pci_function *function,
                     struct bfs_host_device *device)
{
    const struct bfs_known_device *known = bfs_known_device(function);
    set_word(device->vendor, known ? known->vendor_word : bfs_pci_vendor_word(function->vendor));
    (void)snprintf(device->pci_id, sizeof(device->pci_id), "%04x:%04x", function->vendor,
                   function->device);
    describe_driver(root, PCI, device->pci_address, device);
    if (known) {
        set_word(device->arch, known->arch);
        (void)snprintf(device->name, sizeof(device->name), "%s", known->name);
    }
    if (device->hardware == BFS_HARDWARE_GPU && strcmp(device->vendor, "nvidia") == 0)
        bfs_nvidia_describe(root, function->device, device);
    if (device->hardware == BFS_HARDWARE_GPU && strcmp(device->vendor, "amd") == 0)
        bfs_amd_describe(root, device);
    /* Intel's processors have their graphics at device 2 of the first bus; cards are never there.
     */
    if (device->hardware == BFS_HARDWARE_GPU && strcmp(device->vendor, "intel") == 0 && !known)
        device->is_integrated = strcmp(device->pci_address, "0000:00:02.0") == 0;
    if (device->memory_bytes > BFS_JSON_INTEGER_MAX)
        device->memory_bytes = 0;
    device->is_usable = computes(device);
}

static bool is_pci_address(const char *name)
{
    size_t n = strlen(name);
    return n >= 12 && n <= BFS_HOST_PCI_MAX && strspn(name, "0123456789abcdef:.") == n &&
           name[n - 2] == '.' && name[n - 5] == ':' && name[n - 8] == ':';
}

/* The next free place, or NULL. */
static struct bfs_host_device *next_device(struct bfs_host *host)
{
    return host->n_devices < BFS_HOST_DEVICES_MAX ? &host->devices[host->n_devices] : NULL;
}

static void finish(struct bfs_host_device *device, struct bfs_host *host)
{
    if (!device->name[0])
        (void)snprintf(device->name, sizeof(device->name), "%s %s",
                       device->hardware == BFS_HARDWARE_GPU ? "GPU" : "Accelerator",
                       device->pci_id);
    bfs_source_clean(device->name);
    bfs_source_clean(device->driver_version);
    host->n_devices++;
}

static void probe_function(const char *root, const char *name, bool is_accelerator,
                           struct bfs_host *host)
{
    struct bfs_host_device *device = next_device(host);
    struct bfs_pci_function function;
    uint64_t vendor = bfs_source_number(root, PCI "/%s/vendor", name);
    uint64_t id = bfs_source_number(root, PCI "/%s/device", name);
    uint64_t class = bfs_source_number(root, PCI "/%s/class", name);
    if (!device || vendor == 0 || vendor > UINT16_MAX || id == 0 || id > UINT16_MAX ||
        class > 0xffffff)
        return;
    function = (struct bfs_pci_function){(uint16_t)vendor, (uint16_t)id, (uint32_t) class};
    *device = (struct bfs_host_device){.hardware = BFS_HARDWARE_ACCELERATOR};
    if (!bfs_pci_is_compute(&function, &device->hardware) && !is_accelerator)
        return;
    memcpy(device->pci_address, name, strlen(name) + 1);
    describe(root, &function, device);
    finish(device, host);
}

static int probe_pci(const char *root, struct bfs_host *host)
{
    bfs_autofree bfs_source_name *names = NULL;
    size_t n;
    int r = bfs_source_list(root, PCI, "", &names, &n);
    for (size_t i = 0; i < n && !r; i++)
        if (is_pci_address(names[i]))
            probe_function(root, names[i], false, host);
    return r;
}

static bool is_listed(const struct bfs_host *host, const char *pci_address)
{
    for (unsigned i = 0; i < host->n_devices; i++)
        if (strcmp(host->devices[i].pci_address, pci_address) == 0)
            return true;
    return false;
}

/* What the kernel's accelerator drivers registered and no id told: parts of a system on a chip, and
 * PCI functions of a class of their own. */
static int probe_class(const char *root, struct bfs_host *host)
{
    bfs_autofree bfs_source_name *names = NULL;
    size_t n;
    int r = bfs_source_list(root, "sys/class/accel", "accel", &names, &n);
    for (size_t i = 0; i < n && !r; i++) {
        char parent[BFS_KEY_WORD_MAX + 1], folder[BFS_SOURCE_NAME_MAX + 32];
        struct bfs_host_device *device = next_device(host);
        if (!device)
            break;
        (void)bfs_source_link(parent, sizeof(parent), root, "sys/class/accel/%s/device", names[i]);
        if (is_pci_address(parent)) {
            if (!is_listed(host, parent))
                probe_function(root, parent, true, host);
            continue;
        }
        *device = (struct bfs_host_device){.hardware = BFS_HARDWARE_ACCELERATOR};
        (void)snprintf(device->name, sizeof(device->name), "%s", parent[0] ? parent : names[i]);
        (void)snprintf(folder, sizeof(folder), "sys/class/accel/%s", names[i]);
        describe_driver(root, folder, "device", device);
        device->is_usable = computes(device);
        finish(device, host);
    }
    return r;
}

/* Last, the names of device nodes, when sysfs is not to be seen: that is all that is known then. */
static int probe_nodes(const char *root, const char *folder, struct bfs_host *host)
{
    bfs_autofree bfs_source_name *names = NULL;
    size_t n;
    int r = bfs_source_list(root, folder, "accel", &names, &n);
    for (size_t i = 0; i < n && !r; i++) {
        struct bfs_host_device *device = next_device(host);
        size_t length = strlen(names[i]);
        if (!device)
            break;
        if (names[i][length - 1] < '0' || names[i][length - 1] > '9')
            continue; /* the folder of the nodes */
        *device = (struct bfs_host_device){.hardware = BFS_HARDWARE_ACCELERATOR, .is_usable = true};
        (void)snprintf(device->name, sizeof(device->name), "/%s/%s", folder, names[i]);
        finish(device, host);
    }
    return r;
}

static unsigned count_accelerators(const struct bfs_host *host)
{
    unsigned n = 0;
    for (unsigned i = 0; i < host->n_devices; i++)
        n += host->devices[i].hardware == BFS_HARDWARE_ACCELERATOR;
    return n;
}

int bfs_devices_probe(const char *root, struct bfs_host *host)
{
    int r;
    host->devices = calloc(BFS_HOST_DEVICES_MAX, sizeof(*host->devices));
    if (!host->devices)
        return -ENOMEM;
    if ((r = probe_pci(root, host)) || (r = probe_class(root, host)))
        return r;
    if (count_accelerators(host) > 0)
        return 0;
    if ((r = probe_nodes(root, "dev", host)) || (r = probe_nodes(root, "dev/accel", host)))
        return r;
    return 0;
}

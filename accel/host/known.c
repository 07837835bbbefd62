/* SPDX-License-Identifier: Apache-2.0
 * Ids are those of the PCI ID Repository (pci-ids.ucw.cz) and of the Linux drivers that bind to
 * them (ivpu, amdxdna, habanalabs, Neuron, xe); Google's TPUs are numbered in JAX' documentation of
 * its hardware. An arch is the generation's name where its maker's tools use one. */
#include "accel/host/device.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define NPU(vendor, first, last, word, arch, name)                                                 \
    {                                                                                              \
        vendor, first, last, BFS_HARDWARE_ACCELERATOR, word, arch, name                            \
    }
#define GPU(vendor, first, last, word, arch, name)                                                 \
    {                                                                                              \
        vendor, first, last, BFS_HARDWARE_GPU, word, arch, name                                    \
    }

static const struct bfs_known_device devices[] = {
    NPU(0x1ae0, 0x0027, 0x0027, "google", "", "Google TPU v2 or v3"),
    NPU(0x1ae0, 0x005e, 0x005e, "google", "v4", "Google TPU v4"),
    NPU(0x1ae0, 0x0062, 0x0062, "google", "v5p", "Google TPU v5p"),
    NPU(0x1ae0, 0x0063, 0x0063, "google", "v5e", "Google TPU v5e"),
    NPU(0x1ae0, 0x006f, 0x006f, "google", "v6e", "Google TPU v6e"),
    NPU(0x1ae0, 0x0076, 0x0076, "google", "v7x", "Google TPU v7x"),
    NPU(0x1ac1, 0x089a, 0x089a, "google", "edgetpu", "Google Coral Edge TPU"),
    NPU(0x8086, 0x7d1d, 0x7d1d, "intel", "npu37xx", "Intel NPU (Meteor Lake)"),
    NPU(0x8086, 0xad1d, 0xad1d, "intel", "npu37xx", "Intel NPU (Arrow Lake)"),
    NPU(0x8086, 0x643e, 0x643e, "intel", "npu40xx", "Intel NPU (Lunar Lake)"),
    NPU(0x8086, 0xb03e, 0xb03e, "intel", "npu50xx", "Intel NPU (Panther Lake)"),
    NPU(0x1022, 0x1502, 0x1502, "amd", "xdna", "AMD NPU (XDNA)"),
    NPU(0x1022, 0x17f0, 0x17f0, "amd", "xdna2", "AMD NPU (XDNA 2)"),
    NPU(0x1da3, 0x0001, 0x0001, "intel", "goya", "Habana Goya"),
    NPU(0x1da3, 0x1000, 0x101f, "intel", "gaudi", "Habana Gaudi"),
    NPU(0x1da3, 0x1020, 0x103f, "intel", "gaudi2", "Intel Gaudi 2"),
    NPU(0x1da3, 0x1060, 0x107f, "intel", "gaudi3", "Intel Gaudi 3"),
    NPU(0x1d0f, 0x7064, 0x7067, "amazon", "inferentia", "AWS Inferentia"),
    NPU(0x1d0f, 0x7164, 0x7164, "amazon", "trainium", "AWS Trainium"),
    NPU(0x1d0f, 0x7264, 0x7264, "amazon", "inferentia2", "AWS Inferentia 2"),
    NPU(0x1d0f, 0x7364, 0x7364, "amazon", "trainium2", "AWS Trainium 2"),
    NPU(0x1e60, 0x2864, 0x2864, "hailo", "hailo8", "Hailo-8"),
    NPU(0x17cb, 0xa100, 0xa100, "qualcomm", "aic100", "Qualcomm Cloud AI 100"),
    GPU(0x8086, 0x0bd0, 0x0bdf, "intel", "xe-hpc", "Intel Data Center GPU Max"),
    GPU(0x8086, 0x56c0, 0x56c2, "intel", "xe-hpg", "Intel Data Center GPU Flex"),
    GPU(0x8086, 0x5690, 0x56bf, "intel", "xe-hpg", "Intel Arc A-series"),
    GPU(0x8086, 0xe202, 0xe223, "intel", "xe2-hpg", "Intel Arc B-series"),
};

static const struct {
    uint16_t vendor;
    const char *word;
} vendors[] = {
    {0x10de, "nvidia"},      {0x1002, "amd"},      {0x1022, "amd"},    {0x8086, "intel"},
    {0x1da3, "intel"},       {0x1ae0, "google"},   {0x1ac1, "google"}, {0x1d0f, "amazon"},
    {0x1e60, "hailo"},       {0x17cb, "qualcomm"}, {0x19e5, "huawei"}, {0x1d95, "graphcore"},
    {0x1e52, "tenstorrent"},
};

enum {
    CLASS_DISPLAY = 0x03,
    CLASS_ACCELERATOR = 0x12,
    VENDOR_NVIDIA = 0x10de,
    VENDOR_AMD = 0x1002,
    VENDOR_INTEL = 0x8086,
};

const struct bfs_known_device *bfs_known_device(const struct bfs_pci_function *function)
{
    for (size_t i = 0; i < LENGTH(devices); i++)
        if (devices[i].vendor == function->vendor && devices[i].first <= function->device &&
            function->device <= devices[i].last)
            return &devices[i];
    return NULL;
}

const char *bfs_pci_vendor_word(uint16_t vendor)
{
    for (size_t i = 0; i < LENGTH(vendors); i++)
        if (vendors[i].vendor == vendor)
            return vendors[i].word;
    return "";
}

bool bfs_pci_is_compute(const struct bfs_pci_function *function, enum bfs_hardware_class *ret)
{
    const struct bfs_known_device *known = bfs_known_device(function);
    uint32_t class = function->class_code >> 16;
    if (known) {
        *ret = known->hardware;
        return true;
    }
    /* The graphics of virtual machines and of management controllers are display devices too, so
     * only those who make GPUs count. AMD's accelerators without a display are programmed as GPUs
     * are. */
    if ((class == CLASS_DISPLAY &&
         (function->vendor == VENDOR_NVIDIA || function->vendor == VENDOR_AMD ||
          function->vendor == VENDOR_INTEL)) ||
        (class == CLASS_ACCELERATOR && function->vendor == VENDOR_AMD)) {
        *ret = BFS_HARDWARE_GPU;
        return true;
    }
    if (class == CLASS_ACCELERATOR) {
        *ret = BFS_HARDWARE_ACCELERATOR;
        return true;
    }
    return false;
}

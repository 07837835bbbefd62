/* SPDX-License-Identifier: Apache-2.0
 * Device ids go to chips in blocks, as the PCI ID Repository (pci-ids.ucw.cz) lists them; NVIDIA's
 * table of CUDA GPUs (developer.nvidia.com/cuda-gpus) has the compute capability of each chip. */
#include "accel/host/device.h"
#include "accel/host/source.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { VERSION_SIZE = 4096, INFORMATION_SIZE = 4096 };

static const struct {
    uint16_t first;
    uint16_t last;
    uint16_t capability;
} chips[] = {
    {0x1d80, 0x1dff, 70},  /* Volta: V100, Titan V */
    {0x1e00, 0x1fff, 75},  /* Turing: T4, RTX 20, Quadro RTX, GTX 1650 */
    {0x2080, 0x20ff, 80},  /* Ampere GA100: A100, A800, A30 */
    {0x2180, 0x21ff, 75},  /* Turing: GTX 16 */
    {0x2200, 0x227f, 86},  /* Ampere: RTX 3080 and 3090, A10, A40, RTX A6000 */
    {0x2300, 0x237f, 90},  /* Hopper: H100, H200, H20, GH200 */
    {0x2400, 0x25ff, 86},  /* Ampere: RTX 3050 to 3070, A2, A16 */
    {0x2680, 0x28ff, 89},  /* Ada: RTX 40, L4, L40 */
    {0x2900, 0x29ff, 100}, /* Blackwell: B100, B200, GB200 */
    {0x2b80, 0x2bff, 120}, /* Blackwell: RTX 5090, RTX PRO 6000 */
    {0x2c00, 0x2c7f, 120}, /* Blackwell: RTX 5070 Ti and 5080 */
    {0x2d00, 0x2dff, 120}, /* Blackwell: RTX 5050 and 5060 */
    {0x2e00, 0x2e7f, 121}, /* Blackwell: GB10 */
    {0x2f00, 0x2f7f, 120}, /* Blackwell: RTX 5070 */
    {0x3180, 0x31ff, 103}, /* Blackwell: B300, GB300 */
};

/* GiB that the driver gives to programs on boards that come in one size, whole ones only: error
 * correction and the driver take some of what is on the label. */
static const struct {
    uint16_t device;
    uint16_t gib;
} boards[] = {
    {0x1db1, 15},  {0x1db4, 15},  {0x1db5, 31}, {0x1db6, 31}, /* V100 */
    {0x1eb8, 14},                                             /* T4 */
    {0x20b0, 39},  {0x20f1, 39},  {0x20b2, 79}, {0x20b5, 79}, /* A100 */
    {0x20f3, 79},  {0x20f5, 79},                              /* A800 */
    {0x20b7, 23},                                             /* A30 */
    {0x2204, 23},  {0x2203, 23},                              /* RTX 3090, 3090 Ti */
    {0x2230, 47},                                             /* RTX A6000 */
    {0x2235, 44},  {0x2236, 22},  {0x2237, 22},               /* A40, A10, A10G */
    {0x2330, 79},  {0x2331, 79},  {0x2322, 79}, {0x2324, 79}, /* H100, H800 */
    {0x2335, 140}, {0x233b, 140},                             /* H200 */
    {0x2684, 23},                                             /* RTX 4090 */
    {0x26b1, 47},  {0x26b5, 44},  {0x26b9, 44}, {0x27b8, 22}, /* RTX 6000 Ada, L40, L40S, L4 */
    {0x2b85, 31},                                             /* RTX 5090 */
};

uint32_t bfs_nvidia_compute_capability(uint16_t device)
{
    for (size_t i = 0; i < LENGTH(chips); i++)
        if (chips[i].first <= device && device <= chips[i].last)
            return chips[i].capability;
    return 0;
}

uint64_t bfs_nvidia_memory(uint16_t device)
{
    for (size_t i = 0; i < LENGTH(boards); i++)
        if (boards[i].device == device)
            return (uint64_t)boards[i].gib << 30;
    return 0;
}

/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  <date>": the first word that starts
 * with a digit and has a dot. */
static void take_version(const char *text, char ret[static BFS_KEY_WORD_MAX + 1])
{
    while (*text && *text != '\n') {
        size_t n = strcspn(text, " \t\n");
        if (text[0] >= '1' && text[0] <= '9' && memchr(text, '.', n) && n <= BFS_KEY_WORD_MAX) {
            memcpy(ret, text, n);
            ret[n] = '\0';
            return;
        }
        text += n + (text[n] == ' ' || text[n] == '\t');
    }
}

void bfs_nvidia_describe(const char *root, uint16_t id, struct bfs_host_device *device)
{
    char text[VERSION_SIZE > INFORMATION_SIZE ? VERSION_SIZE : INFORMATION_SIZE];
    device->compute_capability = bfs_nvidia_compute_capability(id);
    device->memory_bytes = bfs_nvidia_memory(id);
    if (device->compute_capability)
        (void)snprintf(device->arch, sizeof(device->arch), "sm_%u", device->compute_capability);
    if (strcmp(device->driver, "nvidia") != 0)
        return;
    if (bfs_source_text(text, sizeof(text), root, "proc/driver/nvidia/gpus/%s/information",
                        device->pci_address))
        bfs_source_value(text, "Model", device->name, sizeof(device->name));
    if (!device->driver_version[0] &&
        bfs_source_text(text, sizeof(text), root, "proc/driver/nvidia/version"))
        take_version(text, device->driver_version);
}

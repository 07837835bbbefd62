/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/accel/fake_host.h"
#include "tests/support/folder.h"

static void make_parents(char *path, const char *root)
{
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

static char *place(const char *root, const char *path)
{
    char *whole = bfs_join(root, path);
    assert_non_null(whole);
    make_parents(whole, root);
    return whole;
}

void fake_bytes(const char *root, const char *path, const void *bytes, size_t size)
{
    bfs_autofree char *whole = place(root, path);
    bfs_autoclose int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(bfs_write_all(fd, bytes, size), 0);
}

void fake_file(const char *root, const char *path, const char *text)
{
    fake_bytes(root, path, text, strlen(text));
}

void fake_link(const char *root, const char *path, const char *target)
{
    bfs_autofree char *whole = place(root, path);
    assert_int_equal(symlink(target, whole), 0);
}

void fake_pci(const char *root, const char *address, const char *vendor, const char *device,
              const char *class, const char *driver)
{
    const char *const names[] = {"vendor", "device", "class"};
    const char *const values[] = {vendor, device, class};
    char path[128], text[64];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, names[i]);
        (void)snprintf(text, sizeof(text), "0x%s\n", values[i]);
        fake_file(root, path, text);
    }
    if (!driver)
        return;
    (void)snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", address);
    (void)snprintf(text, sizeof(text), "../../../bus/pci/drivers/%s", driver);
    fake_link(root, path, text);
}

static void fake_base(const char *root, const char *arch, const char *memory_kib,
                      const char *cpuinfo)
{
    char text[96];
    (void)snprintf(text, sizeof(text), "%s\n", arch);
    fake_file(root, "proc/sys/kernel/arch", text);
    (void)snprintf(text, sizeof(text), "MemTotal:       %s kB\nMemFree:        1024 kB\n",
                   memory_kib);
    fake_file(root, "proc/meminfo", text);
    fake_file(root, "proc/cpuinfo", cpuinfo);
}

#define X86(vendor, model, flags)                                                                  \
    "processor\t: 0\nvendor_id\t: " vendor                                                         \
    "\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: " model "\nflags\t\t: " flags                \
    "\nbogomips\t: 4000.00\n\n"                                                                    \
    "processor\t: 1\nvendor_id\t: " vendor "\nmodel name\t: " model "\nflags\t\t: " flags "\n\n"

#define AVX512 "fpu sse sse2 pni ssse3 sse4_1 sse4_2 avx f16c fma avx2 abm avx512f avx512bw"
#define EPYC X86("AuthenticAMD", "AMD EPYC 9654 96-Core Processor", AVX512 " avx512_bf16")

static const char nvidia_version[] =
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
    "GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n";

static void fake_nvidia(const char *root, const char *address, const char *device,
                        const char *class, const char *driver, const char *model)
{
    char path[128], text[256];
    fake_pci(root, address, "10de", device, class, driver);
    if (!model)
        return;
    (void)snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s/information", address);
    (void)snprintf(text, sizeof(text),
                   "Model: \t\t %s\nIRQ:   \t\t 42\nGPU UUID: \t GPU-00000000\n"
                   "Bus Location: \t %s\nDevice Minor: \t 0\n",
                   model, address);
    fake_file(root, path, text);
}

static void fake_h100(const char *root)
{
    fake_base(root, "x86_64", "1056000000", EPYC);
    fake_nvidia(root, "0000:17:00.0", "2330", "030200", "vfio-pci", NULL);
    fake_nvidia(root, "0000:5d:00.0", "2330", "030200", "nvidia", "NVIDIA H100 80GB HBM3");
    fake_pci(root, "0000:5d:00.1", "10de", "22ba", "040300", "snd_hda_intel");
    fake_pci(root, "0000:03:00.0", "1a03", "2000", "030000", "ast");
    fake_pci(root, "0000:04:00.0", "8086", "1572", "020000", "i40e");
    fake_file(root, "sys/module/nvidia/version", "550.54.15\n");
    fake_file(root, "proc/driver/nvidia/version", nvidia_version);
}

static void fake_rtx4090(const char *root)
{
    fake_base(root, "x86_64", "65536000",
              X86("GenuineIntel", "13th Gen Intel(R) Core(TM) i9-13900K", "sse2 avx2 avx_vnni"));
    fake_pci(root, "0000:00:02.0", "8086", "a780", "030000", "i915");
    fake_nvidia(root, "0000:01:00.0", "2684", "030000", "nvidia", "NVIDIA GeForce RTX 4090");
    fake_file(root, "proc/driver/nvidia/version", nvidia_version);
}

static void fake_mi300x(const char *root)
{
    fake_base(root, "x86_64", "2113000000", EPYC);
    fake_pci(root, "0000:05:00.0", "1002", "74a1", "120000", "amdgpu");
    fake_file(root, "sys/bus/pci/devices/0000:05:00.0/mem_info_vram_total", "206141652992\n");
    fake_file(root, "sys/bus/pci/devices/0000:05:00.0/product_name", "AMD Instinct MI300X\n");
    fake_file(root, "sys/class/kfd/kfd/topology/nodes/0/properties",
              "cpu_cores_count 96\nsimd_count 0\ngfx_target_version 0\nlocation_id 0\ndomain 0\n");
    fake_file(root, "sys/class/kfd/kfd/topology/nodes/1/properties",
              "cpu_cores_count 0\nsimd_count 1216\ngfx_target_version 90402\nlocation_id 1280\n"
              "domain 0\n");
    fake_file(root, "sys/module/amdgpu/version", "6.7.0\n");
}

static void fake_npu(const char *root)
{
    fake_base(root, "x86_64", "32000000",
              X86("GenuineIntel", "Intel(R) Core(TM) Ultra 7 155H", "sse2 avx2 avx_vnni"));
    fake_pci(root, "0000:00:02.0", "8086", "7d55", "030000", "i915");
    fake_pci(root, "0000:00:0b.0", "8086", "7d1d", "120000", "intel_vpu");
    fake_link(root, "sys/class/accel/accel0/device", "../../../0000:00:0b.0");
    fake_file(root, "dev/accel/accel0", "");
}

static void fake_tpu(const char *root)
{
    fake_base(root, "x86_64", "200000000", EPYC);
    fake_pci(root, "0000:00:04.0", "1ae0", "0063", "ff0000", "vfio-pci");
    fake_pci(root, "0000:00:05.0", "1ae0", "0042", "020000", "gvnic");
    fake_file(root, "dev/vfio/0", "");
}

static void fake_graviton(const char *root)
{
    fake_base(root, "aarch64", "128000000",
              "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimddp sve bf16 i8mm\n"
              "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\n"
              "CPU part\t: 0xd40\nCPU revision\t: 1\n\nprocessor\t: 1\n");
    fake_file(root, "sys/fs/cgroup/cpu.max", "50000 100000\n");
}

void fake_machine(enum fake_machine machine, const char *root)
{
    switch (machine) {
    case FAKE_H100:
        fake_h100(root);
        break;
    case FAKE_RTX4090:
        fake_rtx4090(root);
        break;
    case FAKE_A100:
        fake_base(root, "x86_64", "1056000000", EPYC);
        fake_nvidia(root, "0000:07:00.0", "20b0", "030200", "nvidia", "NVIDIA A100-SXM4-40GB");
        fake_file(root, "proc/driver/nvidia/version", nvidia_version);
        break;
    case FAKE_MI300X:
        fake_mi300x(root);
        break;
    case FAKE_INTEL_NPU:
        fake_npu(root);
        break;
    case FAKE_TPU_V5E:
        fake_tpu(root);
        break;
    case FAKE_SAPPHIRE_RAPIDS:
        fake_base(root, "x86_64", "528000000",
                  X86("GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+",
                      AVX512 " avx512_vnni amx_bf16 amx_tile amx_int8"));
        break;
    case FAKE_GRAVITON:
        fake_graviton(root);
        break;
    case FAKE_OLD_CPU:
        fake_base(root, "x86_64", "4000000",
                  X86("GenuineIntel", "Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz",
                      "fpu sse sse2 pni ssse3 sse4_1"));
        break;
    case FAKE_EMPTY:
    case FAKE_N:
        break;
    }
}

void fake_probe(enum fake_machine machine, struct bfs_host *ret)
{
    struct test_folder folder = test_folder_make();
    fake_machine(machine, folder.path);
    assert_int_equal(bfs_host_probe_root(folder.path, ret), 0);
    test_folder_remove(&folder);
}

/* SPDX-License-Identifier: Apache-2.0
 * What is found in the /proc and /sys of known machines, and of hostile ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/host/device.h"
#include "tests/accel/fake_host.h"
#include "tests/support/folder.h"

#define GIB(n) (UINT64_C(n) << 30)

static void assert_device(const struct bfs_host_device *found,
                          const struct bfs_host_device *expected)
{
    assert_int_equal(found->hardware, expected->hardware);
    assert_string_equal(found->vendor, expected->vendor);
    assert_string_equal(found->arch, expected->arch);
    assert_string_equal(found->name, expected->name);
    assert_int_equal(found->compute_capability, expected->compute_capability);
    assert_string_equal(found->driver, expected->driver);
    assert_string_equal(found->driver_version, expected->driver_version);
    assert_int_equal(found->memory_bytes, expected->memory_bytes);
    assert_string_equal(found->pci_address, expected->pci_address);
    assert_string_equal(found->pci_id, expected->pci_id);
    assert_int_equal(found->is_usable, expected->is_usable);
    assert_int_equal(found->is_integrated, expected->is_integrated);
}

static void assert_devices(enum fake_machine machine, const struct bfs_host_device *expected,
                           unsigned n)
{
    bfs_autohost struct bfs_host host = {0};
    fake_probe(machine, &host);
    assert_int_equal(host.n_devices, n);
    for (unsigned i = 0; i < n; i++)
        assert_device(&host.devices[i], &expected[i]);
}

static void nvidia_gpus(void **state)
{
    (void)state;
    static const struct bfs_host_device h100[] = {
        {BFS_HARDWARE_GPU, "nvidia", "sm_90", "GPU 10de:2330", 90, "vfio-pci", "", GIB(79),
         "0000:17:00.0", "10de:2330", false, false},
        {BFS_HARDWARE_GPU, "nvidia", "sm_90", "NVIDIA H100 80GB HBM3", 90, "nvidia", "550.54.15",
         GIB(79), "0000:5d:00.0", "10de:2330", true, false},
    };
    static const struct bfs_host_device rtx4090[] = {
        {BFS_HARDWARE_GPU, "intel", "", "GPU 8086:a780", 0, "i915", "", 0, "0000:00:02.0",
         "8086:a780", true, true},
        {BFS_HARDWARE_GPU, "nvidia", "sm_89", "NVIDIA GeForce RTX 4090", 89, "nvidia", "535.104.05",
         GIB(23), "0000:01:00.0", "10de:2684", true, false},
    };
    assert_devices(FAKE_H100, h100, 2);
    assert_devices(FAKE_RTX4090, rtx4090, 2);
}

static void other_devices(void **state)
{
    (void)state;
    static const struct bfs_host_device mi300x = {
        BFS_HARDWARE_GPU, "amd",        "gfx942",       "AMD Instinct MI300X", 0,    "amdgpu",
        "6.7.0",          206141652992, "0000:05:00.0", "1002:74a1",           true, false};
    static const struct bfs_host_device npu[] = {
        {BFS_HARDWARE_GPU, "intel", "", "GPU 8086:7d55", 0, "i915", "", 0, "0000:00:02.0",
         "8086:7d55", true, true},
        {BFS_HARDWARE_ACCELERATOR, "intel", "npu37xx", "Intel NPU (Meteor Lake)", 0, "intel_vpu",
         "", 0, "0000:00:0b.0", "8086:7d1d", true, false},
    };
    static const struct bfs_host_device tpu = {BFS_HARDWARE_ACCELERATOR,
                                               "google",
                                               "v5e",
                                               "Google TPU v5e",
                                               0,
                                               "vfio-pci",
                                               "",
                                               0,
                                               "0000:00:04.0",
                                               "1ae0:0063",
                                               true,
                                               false};
    assert_devices(FAKE_MI300X, &mi300x, 1);
    assert_devices(FAKE_INTEL_NPU, npu, 2);
    assert_devices(FAKE_TPU_V5E, &tpu, 1);
    assert_devices(FAKE_SAPPHIRE_RAPIDS, NULL, 0);
    assert_devices(FAKE_EMPTY, NULL, 0);
}

static void assert_cpu(enum fake_machine machine, const char *arch, const char *vendor,
                       const char *model, const char *features, unsigned n_cpus, uint64_t kib)
{
    bfs_autohost struct bfs_host host = {0};
    fake_probe(machine, &host);
    assert_string_equal(host.architecture, arch);
    assert_string_equal(host.cpu_vendor, vendor);
    assert_string_equal(host.cpu_model, model);
    assert_string_equal(host.cpu_features, features);
    assert_int_equal(host.n_cpus, n_cpus);
    assert_int_equal(host.memory_bytes, kib << 10);
}

static void processors(void **state)
{
    (void)state;
    assert_cpu(FAKE_SAPPHIRE_RAPIDS, "x86_64", "intel", "Intel(R) Xeon(R) Platinum 8480+",
               "fpu sse sse2 pni ssse3 sse4_1 sse4_2 avx f16c fma avx2 abm avx512f avx512bw "
               "avx512_vnni amx_bf16 amx_tile amx_int8 sse3 lzcnt",
               2, 528000000);
    assert_cpu(FAKE_GRAVITON, "aarch64", "arm", "Neoverse-V1",
               "fp asimd asimddp sve bf16 i8mm neon dotprod", 1, 128000000);
    assert_cpu(FAKE_OLD_CPU, "x86_64", "intel", "Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz",
               "fpu sse sse2 pni ssse3 sse4_1 sse3", 2, 4000000);
    assert_cpu(FAKE_EMPTY, "", "", "", "", 1, 0);
}

static void ids_of_nvidia(void **state)
{
    (void)state;
    static const struct {
        uint16_t device;
        uint32_t capability;
        uint64_t memory;
    } cases[] = {
        {0x1d7f, 0, 0},         {0x1db5, 70, GIB(31)}, {0x1eb8, 75, GIB(14)},
        {0x1fff, 75, 0},        {0x2000, 0, 0},        {0x20b2, 80, GIB(79)},
        {0x20b7, 80, GIB(23)},  {0x2182, 75, 0},       {0x2204, 86, GIB(23)},
        {0x2237, 86, GIB(22)},  {0x2280, 0, 0},        {0x2330, 90, GIB(79)},
        {0x2335, 90, GIB(140)}, {0x2504, 86, 0},       {0x2600, 0, 0},
        {0x2684, 89, GIB(23)},  {0x26b9, 89, GIB(44)}, {0x27b8, 89, GIB(22)},
        {0x28e1, 89, 0},        {0x2901, 100, 0},      {0x2941, 100, 0},
        {0x2b85, 120, GIB(31)}, {0x2c02, 120, 0},      {0x2c80, 0, 0},
        {0x2d04, 120, 0},       {0x2e12, 121, 0},      {0x2f04, 120, 0},
        {0x3182, 103, 0},       {0x3200, 0, 0},        {0xffff, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(bfs_nvidia_compute_capability(cases[i].device), cases[i].capability);
        assert_int_equal(bfs_nvidia_memory(cases[i].device), cases[i].memory);
    }
}

static void probe(const struct test_folder *folder, struct bfs_host *ret)
{
    assert_int_equal(bfs_host_probe_root(folder->path, ret), 0);
}

static void drivers_decide_what_is_usable(void **state)
{
    (void)state;
    static const struct {
        const char *vendor;
        const char *device;
        const char *driver;
        bool is_usable;
    } cases[] = {
        {"10de", "2684", NULL, false},         {"10de", "2684", "nvidia", true},
        {"10de", "2684", "nouveau", false},    {"10de", "2684", "vfio-pci", false},
        {"10de", "2684", "pci-stub", false},   {"1ae0", "0063", "vfio-pci", true},
        {"1ae0", "0063", NULL, false},         {"1002", "744c", "amdgpu", true},
        {"10de", "2684", "Odd Driver", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_autofolder struct test_folder folder = test_folder_make();
        bfs_autohost struct bfs_host host = {0};
        fake_pci(folder.path, "0000:01:00.0", cases[i].vendor, cases[i].device, "030000",
                 cases[i].driver);
        probe(&folder, &host);
        assert_int_equal(host.n_devices, 1);
        assert_int_equal(host.devices[0].is_usable, cases[i].is_usable);
    }
}

static void graphics_within_a_processor(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autohost struct bfs_host host = {0};
    fake_pci(folder.path, "0001:c4:00.0", "1002", "15bf", "030000", "amdgpu");
    fake_file(folder.path, "sys/class/kfd/kfd/topology/nodes/1/properties",
              "gfx_target_version 100100\nlocation_id 50176\ndomain 0\n");
    fake_file(folder.path, "sys/class/kfd/kfd/topology/nodes/3/properties",
              "gfx_target_version 91700\nlocation_id 50432\ndomain 1\n");
    fake_pci(folder.path, "0001:c5:00.0", "1002", "0001", "030000", "amdgpu");
    fake_pci(folder.path, "0001:c6:00.0", "8086", "ffff", "030000", "xe");
    fake_file(folder.path, "sys/class/kfd/kfd/topology/nodes/2/properties",
              "gfx_target_version 110003\nlocation_id 50176\ndomain 1\n");
    probe(&folder, &host);
    assert_int_equal(host.n_devices, 3);
    assert_string_equal(host.devices[0].arch, "gfx1103");
    assert_true(host.devices[0].is_integrated);
    assert_string_equal(host.devices[1].arch, ""); /* 17 is no hexadecimal digit */
    assert_false(host.devices[1].is_integrated || host.devices[2].is_integrated);
}

/* Parts of a system on a chip are no PCI functions, and a container may see nothing but nodes. */
static void accelerators_that_are_not_on_pci(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autohost struct bfs_host host = {0}, nodes = {0};
    fake_file(folder.path, "dev/accel/accel0", "");
    fake_file(folder.path, "dev/accel1", "");
    probe(&folder, &nodes);
    assert_int_equal(nodes.n_devices, 2);
    assert_string_equal(nodes.devices[0].name, "/dev/accel1");
    assert_string_equal(nodes.devices[1].name, "/dev/accel/accel0");
    assert_string_equal(nodes.devices[1].vendor, "");
    assert_true(nodes.devices[1].is_usable);

    fake_link(folder.path, "sys/class/accel/accel0", "../../devices/fdab0000.npu/accel/accel0");
    fake_link(folder.path, "sys/devices/fdab0000.npu/accel/accel0/device", "../../../fdab0000.npu");
    fake_link(folder.path, "sys/devices/fdab0000.npu/driver", "../../bus/platform/drivers/rocket");
    fake_pci(folder.path, "0000:01:00.0", "abcd", "0001", "088000", "newchip");
    fake_link(folder.path, "sys/class/accel/accel1/device", "../../../0000:01:00.0");
    probe(&folder, &host);
    assert_int_equal(host.n_devices, 2);
    assert_string_equal(host.devices[0].name, "fdab0000.npu");
    assert_string_equal(host.devices[0].driver, "rocket");
    assert_true(host.devices[0].is_usable);
    assert_string_equal(host.devices[1].name, "Accelerator abcd:0001");
    assert_string_equal(host.devices[1].vendor, "");
    assert_string_equal(host.devices[1].driver, "newchip");
}

static void hostile_text(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autohost struct bfs_host host = {0}, again = {0};
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    const char *root = folder.path;
    for (int i = 0; i < 100000; i++)
        bfs_buffer_put_text(&text, "f ");
    bfs_buffer_printf(&text, "\nflags\t\t: ");
    for (int i = 0; i < 9000; i++)
        bfs_buffer_printf(&text, "f%d ", i % 3000);
    assert_int_equal(bfs_buffer_status(&text), 0);
    fake_bytes(root, "proc/cpuinfo", text.bytes, text.size);
    fake_bytes(root, "proc/meminfo", "MemTotal: 1\0 kB\n", 16);
    fake_file(root, "proc/sys/kernel/arch", "Not A Word");
    fake_file(root, "sys/fs/cgroup/cpu.max", "99999999999999999999 0");
    probe(&folder, &host);
    assert_string_equal(host.cpu_features, "");
    assert_int_equal(host.memory_bytes, 0);
    assert_string_equal(host.architecture, "");
    assert_int_equal(host.n_cpus, 1);

    /* Within the first 64 KiB the line counts, as far as it goes and up to so many words. */
    bfs_buffer_done(&text);
    bfs_buffer_put_text(&text, "flags\t\t: ");
    for (int i = 0; i < 9000; i++)
        bfs_buffer_printf(&text, "F%d caf\xc3\xa9 ", i % 3000);
    fake_bytes(root, "proc/cpuinfo", text.bytes, text.size);
    probe(&folder, &again);
    unsigned n = 1;
    for (const char *at = again.cpu_features; (at = strchr(at, ' ')); at++)
        n++;
    assert_int_equal(n, BFS_HOST_FEATURES_MAX);
    assert_true(bfs_host_has_feature(&again, "f0") && bfs_host_has_feature(&again, "f511"));
    assert_false(bfs_host_has_feature(&again, "f512"));
}

/* What a sysfs might hold if it were not the kernel's. */
static void hostile_devices(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autohost struct bfs_host host = {0};
    bfs_autobuffer struct bfs_buffer document = BFS_BUFFER_INIT;
    const char *root = folder.path;
    static char long_text[20000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    memcpy(long_text, "Model: \033[31m\xff caf\xc3\xa9", 19);
    fake_pci(root, "0000:00:00.0", "110de", "2330", "030200", NULL); /* no 16 bits */
    fake_pci(root, "0000:00:00.5", "10de", "12330", "030200", NULL);
    fake_pci(root, "0000:00:00.6", "10dez", "2330", "030200", NULL);
    fake_pci(root, "0000:00:00.7", "10de", "2330", "100030200", NULL);
    fake_pci(root, "0000:00:00.1", "10de", "-1", "030200", NULL);
    fake_pci(root, "0000:00:00.2", "10de", "2330", "99999999999999999999", NULL);
    fake_pci(root, "0000:00:00.3", "", "", "", NULL);
    fake_pci(root, "0000:00:00.4 and more", "10de", "2330", "030200", NULL);
    fake_pci(root, "0000:01:00.0", "10de", "2330", "030200", "nvidia");
    fake_bytes(root, "proc/driver/nvidia/gpus/0000:01:00.0/information", long_text,
               sizeof(long_text));
    fake_file(root, "proc/driver/nvidia/version", "NVRM version: none 1 2 .5 x1.0 -3.0\n4.0");
    fake_file(root, "sys/module/nvidia/version", "");
    fake_link(root, "sys/bus/pci/devices/0000:00:01.0", "0000:00:01.1"); /* a loop */
    fake_link(root, "sys/bus/pci/devices/0000:00:01.1", "0000:00:01.0");
    fake_pci(root, "0000:02:00.0", "1002", "74a1", "120000", NULL);
    fake_link(root, "sys/bus/pci/devices/0000:02:00.0/driver", "/");
    fake_file(root, "sys/bus/pci/devices/0000:02:00.0/mem_info_vram_total", "18446744073709551615");
    fake_file(root, "sys/class/kfd/kfd/topology/nodes/1/properties",
              "gfx_target_version 99999999999999999999\nlocation_id 512\ndomain 0\n");
    fake_link(root, "sys/bus/pci/devices/0000:02:00.0/product_name", "/dev/urandom");
    fake_pci(root, "0000:03:00.0", "1002", "74a1", "120000", "amdgpu");
    fake_file(root, "sys/bus/pci/devices/0000:03:00.0/mem_info_vram_total", "+4096");
    probe(&folder, &host);
    assert_int_equal(host.n_devices, 3);
    assert_int_equal(host.devices[2].memory_bytes, 0);
    assert_memory_equal(host.devices[0].name, "?[31m? caf\xc3\xa9xxxx", 16);
    assert_int_equal(strlen(host.devices[0].name), BFS_HOST_WORD_MAX);
    assert_string_equal(host.devices[0].driver_version, "");
    assert_string_equal(host.devices[1].driver, "");
    assert_string_equal(host.devices[1].name, "GPU 1002:74a1");
    assert_string_equal(host.devices[1].arch, "");
    assert_int_equal(host.devices[1].memory_bytes, 0);
    bfs_autohost struct bfs_host again = {0};
    assert_int_equal(bfs_host_write(&host, &document), 0);
    assert_int_equal(bfs_host_read(document.bytes, document.size, "it", &again, NULL), 0);
}

static void thousands_of_devices(void **state)
{
    (void)state;
    test_autofolder struct test_folder folder = test_folder_make();
    bfs_autohost struct bfs_host host = {0};
    for (unsigned i = 0; i < 1500; i++) {
        char address[16];
        (void)snprintf(address, sizeof(address), "0000:%02x:%02x.0", i >> 5, i & 31);
        fake_pci(folder.path, address, "10de", "2684", "030000", NULL);
    }
    fake_link(folder.path, "sys/class/accel/accel0/device", "../fdab0000.npu");
    probe(&folder, &host);
    assert_int_equal(host.n_devices, BFS_HOST_DEVICES_MAX);
    assert_string_equal(host.devices[0].pci_address, "0000:00:00.0");
    assert_string_equal(host.devices[63].pci_address, "0000:01:1f.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nvidia_gpus),
        cmocka_unit_test(other_devices),
        cmocka_unit_test(processors),
        cmocka_unit_test(ids_of_nvidia),
        cmocka_unit_test(drivers_decide_what_is_usable),
        cmocka_unit_test(graphics_within_a_processor),
        cmocka_unit_test(accelerators_that_are_not_on_pci),
        cmocka_unit_test(hostile_text),
        cmocka_unit_test(hostile_devices),
        cmocka_unit_test(thousands_of_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

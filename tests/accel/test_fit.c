/* SPDX-License-Identifier: Apache-2.0
 * Which views fit which machines, why not, and which of them is best. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "accel/fit.h"
#include "tests/accel/fake_host.h"

#include <stdio.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define GB(n) (UINT64_C(n) * 1000000000)

enum view {
    AMX_BF16,
    AMX_INT8,
    CPU_AVX2,
    CPU_Q8_0,
    CPU_SVE,
    GPU_BF16,
    GPU_FP8,
    GPU_GFX942,
    NPU_INT8,
    NPU_OPENVINO,
    TPU_BF16,
    N_VIEWS,
};

static const char *const ids[N_VIEWS] = {
    "amx-bf16", "amx-int8",   "cpu-avx2", "cpu-q8_0",     "cpu-sve",  "gpu-bf16",
    "gpu-fp8",  "gpu-gfx942", "npu-int8", "npu-openvino", "tpu-bf16",
};

static const struct bfs_hardware_key keys[N_VIEWS] = {
    [AMX_BF16] = {.hardware = BFS_HARDWARE_CPU,
                  .arch = "x86_64",
                  .features = {"amx_tile", "amx_bf16"},
                  .n_features = 2},
    [AMX_INT8] = {.hardware = BFS_HARDWARE_CPU,
                  .arch = "x86_64",
                  .features = {"amx_tile", "amx_int8"},
                  .n_features = 2},
    [CPU_AVX2] = {.hardware = BFS_HARDWARE_CPU, .features = {"avx2"}, .n_features = 1},
    [CPU_Q8_0] = {.hardware = BFS_HARDWARE_CPU},
    [CPU_SVE] = {.hardware = BFS_HARDWARE_CPU, .features = {"sve"}, .n_features = 1},
    [GPU_BF16] = {.hardware = BFS_HARDWARE_GPU},
    [GPU_FP8] = {.hardware = BFS_HARDWARE_GPU, .vendor = "nvidia", .compute_capability_min = 89},
    [GPU_GFX942] = {.hardware = BFS_HARDWARE_GPU, .vendor = "amd", .arch = "gfx942"},
    [NPU_INT8] = {.hardware = BFS_HARDWARE_ACCELERATOR},
    [NPU_OPENVINO] = {.hardware = BFS_HARDWARE_ACCELERATOR, .vendor = "intel", .arch = "npu37xx"},
    [TPU_BF16] = {.hardware = BFS_HARDWARE_ACCELERATOR, .vendor = "google"},
};

/* Bytes in memory: what 8 billion weights take. */
static const uint64_t sizes[N_VIEWS] = {
    [AMX_BF16] = GB(16), [AMX_INT8] = GB(8),     [CPU_AVX2] = GB(8),  [CPU_Q8_0] = GB(8),
    [CPU_SVE] = GB(8),   [GPU_BF16] = GB(16),    [GPU_FP8] = GB(8),   [GPU_GFX942] = GB(16),
    [NPU_INT8] = GB(8),  [NPU_OPENVINO] = GB(4), [TPU_BF16] = GB(16),
};

#define NO_AVX2 "needs the CPU feature avx2; missing here"
#define NO_SVE "needs the CPU feature sve; missing here"
#define NO_AMX(kind) "needs the CPU features amx_tile, amx_" kind "; missing here"
#define NO_NPU "needs an accelerator; there is none here"
#define NO_GPU "needs a GPU; there is none here"
#define ON_CPU "fits the CPU"

static const struct {
    enum fake_machine machine;
    const char *best;
    const char *reasons[N_VIEWS];
} matrix[] = {
    {FAKE_H100,
     "gpu-fp8",
     {NO_AMX("bf16"), NO_AMX("int8"), ON_CPU, ON_CPU, NO_SVE, "fits NVIDIA H100 80GB HBM3",
      "fits NVIDIA H100 80GB HBM3", "needs the vendor amd; the best GPU here is of nvidia", NO_NPU,
      NO_NPU, NO_NPU}},
    {FAKE_RTX4090,
     "gpu-fp8",
     {NO_AMX("bf16"), NO_AMX("int8"), ON_CPU, ON_CPU, NO_SVE, "fits NVIDIA GeForce RTX 4090",
      "fits NVIDIA GeForce RTX 4090", "needs the vendor amd; the best GPU here is of nvidia",
      NO_NPU, NO_NPU, NO_NPU}},
    {FAKE_A100,
     "gpu-bf16",
     {NO_AMX("bf16"), NO_AMX("int8"), ON_CPU, ON_CPU, NO_SVE, "fits NVIDIA A100-SXM4-40GB",
      "needs compute capability 8.9; the GPU here has 8.0",
      "needs the vendor amd; the GPU here is of nvidia", NO_NPU, NO_NPU, NO_NPU}},
    {FAKE_MI300X,
     "gpu-gfx942",
     {NO_AMX("bf16"), NO_AMX("int8"), ON_CPU, ON_CPU, NO_SVE, "fits AMD Instinct MI300X",
      "needs the vendor nvidia; the GPU here is of amd", "fits AMD Instinct MI300X", NO_NPU, NO_NPU,
      NO_NPU}},
    {FAKE_INTEL_NPU,
     "npu-openvino",
     {NO_AMX("bf16"), NO_AMX("int8"), ON_CPU, ON_CPU, NO_SVE,
      "needs a GPU of its own; the one here is part of the CPU",
      "needs the vendor nvidia; the GPU here is of intel",
      "needs the vendor amd; the GPU here is of intel",
      "fits Intel NPU (Meteor Lake); the size of its memory is unknown",
      "fits Intel NPU (Meteor Lake); the size of its memory is unknown",
      "needs the vendor google; the accelerator here is of intel"}},
    {FAKE_TPU_V5E,
     "tpu-bf16",
     {NO_AMX("bf16"), NO_AMX("int8"), ON_CPU, ON_CPU, NO_SVE, NO_GPU, NO_GPU, NO_GPU,
      "fits Google TPU v5e; the size of its memory is unknown",
      "needs the vendor intel; the accelerator here is of google",
      "fits Google TPU v5e; the size of its memory is unknown"}},
    {FAKE_SAPPHIRE_RAPIDS,
     "amx-bf16",
     {ON_CPU, ON_CPU, ON_CPU, ON_CPU, NO_SVE, NO_GPU, NO_GPU, NO_GPU, NO_NPU, NO_NPU, NO_NPU}},
    {FAKE_GRAVITON,
     "cpu-sve",
     {"needs the arch x86_64; the CPU here has aarch64",
      "needs the arch x86_64; the CPU here has aarch64", NO_AVX2, ON_CPU, ON_CPU, NO_GPU, NO_GPU,
      NO_GPU, NO_NPU, NO_NPU, NO_NPU}},
    {FAKE_OLD_CPU,
     NULL,
     {NO_AMX("bf16"), NO_AMX("int8"), NO_AVX2, "needs 8.0 GB of memory; this host has 4.0 GB",
      NO_SVE, NO_GPU, NO_GPU, NO_GPU, NO_NPU, NO_NPU, NO_NPU}},
    {FAKE_EMPTY,
     "cpu-q8_0",
     {"needs the arch x86_64; the CPU here has an unknown one",
      "needs the arch x86_64; the CPU here has an unknown one", NO_AVX2,
      "fits the CPU; the size of the memory is unknown", NO_SVE, NO_GPU, NO_GPU, NO_GPU, NO_NPU,
      NO_NPU, NO_NPU}},
};

static struct bfs_fit_view of_size(uint64_t size)
{
    return (struct bfs_fit_view){.size = size};
}

static void the_matrix(void **state)
{
    (void)state;
    assert_int_equal(LENGTH(matrix), FAKE_N);
    for (size_t i = 0; i < LENGTH(matrix); i++) {
        bfs_autohost struct bfs_host host = {0};
        struct bfs_fit fits[N_VIEWS];
        fake_probe(matrix[i].machine, &host);
        for (size_t k = 0; k < N_VIEWS; k++) {
            bfs_fit_judge(&host, &keys[k], of_size(sizes[k]), &fits[k]);
            assert_string_equal(fits[k].reason, matrix[i].reasons[k]);
            assert_int_equal(fits[k].fits, strncmp(fits[k].reason, "fits ", 5) == 0);
            assert_int_equal(fits[k].score != 0, fits[k].fits);
        }
        int best = bfs_fit_best(fits, ids, N_VIEWS);
        if (!matrix[i].best)
            assert_int_equal(best, -1);
        else if (best < 0)
            fail_msg("nothing instead of %s", matrix[i].best);
        else
            assert_string_equal(ids[best], matrix[i].best);
    }
}

static struct bfs_host_device gpu(uint32_t capability, uint64_t memory, const char *version)
{
    struct bfs_host_device device = {.hardware = BFS_HARDWARE_GPU,
                                     .vendor = "nvidia",
                                     .driver = "nvidia",
                                     .compute_capability = capability,
                                     .memory_bytes = memory,
                                     .is_usable = true};
    (void)snprintf(device.name, sizeof(device.name), "GPU of %u", capability);
    (void)snprintf(device.driver_version, sizeof(device.driver_version), "%s", version);
    return device;
}

static void judged(struct bfs_host_device *devices, unsigned n, const struct bfs_hardware_key *key,
                   uint64_t need, const char *reason)
{
    char features[] = "avx2";
    struct bfs_host host = {.cpu_features = features, .devices = devices, .n_devices = n};
    struct bfs_fit fit;
    bfs_fit_judge(&host, key, of_size(need), &fit);
    assert_string_equal(fit.reason, reason);
    assert_int_equal(fit.fits, strncmp(reason, "fits ", 5) == 0);
}

/* One device must meet every condition; the one that comes nearest is named. */
static void the_best_single_device_decides(void **state)
{
    (void)state;
    struct bfs_host_device devices[3] = {gpu(75, GB(80), "550.1"), gpu(80, GB(40), "535"),
                                         gpu(90, GB(20), "450.80")};
    struct bfs_hardware_key key = {.hardware = BFS_HARDWARE_GPU, .compute_capability_min = 100};
    judged(devices, 3, &key, 0, "needs compute capability 10.0; the best GPU here has 9.0");
    judged(devices, 2, &key, 0, "needs compute capability 10.0; the best GPU here has 8.0");
    key.compute_capability_min = 80;
    key.driver_min = 600;
    judged(devices, 3, &key, 0, "needs driver 600; the best GPU here has nvidia 535");
    key.driver_min = 500;
    judged(devices, 3, &key, GB(50), "needs 50.0 GB of memory; the largest GPU here has 40.0 GB");
    judged(devices, 3, &key, GB(40), "fits GPU of 80");
    key.driver_min = 0;
    judged(devices, 3, &key, GB(10), "fits GPU of 90");
    judged(devices, 3, &key, GB(30), "fits GPU of 80");
    key.memory_bytes = GB(80); /* what the key says is what counts */
    judged(devices, 3, &key, GB(1), "needs 80.0 GB of memory; the largest GPU here has 40.0 GB");
    key.compute_capability_min = 0;
    judged(devices, 3, &key, GB(90), "fits GPU of 75");
}

/* Just too little is too little, and who lacks a driver is judged by the driver. */
static void the_edges_of_conditions(void **state)
{
    (void)state;
    struct bfs_host_device devices[2] = {gpu(89, GB(20), "550.54"), gpu(90, GB(80), "535")};
    struct bfs_hardware_key key = {.hardware = BFS_HARDWARE_GPU, .compute_capability_min = 90};
    judged(devices, 1, &key, 0, "needs compute capability 9.0; the GPU here has 8.9");
    key.compute_capability_min = 89;
    judged(devices, 1, &key, GB(20), "fits GPU of 89");
    key.driver_min = 551;
    judged(devices, 2, &key, 0, "needs driver 551; the best GPU here has nvidia 550.54");
    key.driver_min = 550;
    judged(devices, 2, &key, 0, "fits GPU of 89");
}

static void what_is_unknown(void **state)
{
    (void)state;
    struct bfs_host_device device = gpu(0, 0, "");
    struct bfs_hardware_key any = {.hardware = BFS_HARDWARE_GPU}, key = any;
    judged(&device, 1, &any, GB(500), "fits GPU of 0; the size of its memory is unknown");
    key.compute_capability_min = 10;
    judged(&device, 1, &key, 0, "needs compute capability 1.0; that of the GPU here is unknown");
    key = any;
    key.driver_min = 1;
    judged(&device, 1, &key, 0, "needs driver 1; the GPU here has nvidia of unknown version");
    memcpy(key.arch, "sm_90", 6);
    judged(&device, 1, &key, 0, "needs the arch sm_90; the GPU here has an unknown one");
    memcpy(key.vendor, "amd", 4);
    device.vendor[0] = '\0';
    judged(&device, 1, &key, 0, "needs the vendor amd; the GPU here is of an unknown one");
    device.is_usable = false;
    judged(&device, 1, &any, 0, "needs a driver that computes; the GPU here has nvidia");
    device.driver[0] = '\0';
    judged(&device, 1, &any, 0, "needs a driver that computes; the GPU here has none");
    struct bfs_host_device both[2] = {gpu(90, 0, ""), gpu(80, GB(20), "")};
    judged(both, 2, &any, GB(10), "fits GPU of 80");
    judged(both, 2, &any, GB(30), "fits GPU of 90; the size of its memory is unknown");
}

static void conditions_beside_the_device(void **state)
{
    (void)state;
    struct bfs_host_device device = gpu(90, GB(80), "550");
    struct bfs_hardware_key key = {
        .hardware = BFS_HARDWARE_GPU, .features = {"avx2", "f16c"}, .n_features = 2};
    judged(&device, 1, &key, 0, "needs the CPU feature f16c; missing here");
    key.n_features = 1;
    judged(&device, 1, &key, 0, "fits GPU of 90");
    device.is_integrated = true;
    judged(&device, 1, &key, 0, "needs a GPU of its own; the one here is part of the CPU");
    memcpy(key.vendor, "nvidia", 7);
    judged(&device, 1, &key, 0, "fits GPU of 90");
    struct bfs_hardware_key many = {.hardware = BFS_HARDWARE_CPU, .n_features = 32};
    for (unsigned i = 0; i < many.n_features; i++)
        (void)snprintf(many.features[i], sizeof(many.features[i]), "%063u", i);
    struct bfs_fit fit;
    char none[] = "";
    struct bfs_host host = {.cpu_features = none};
    bfs_fit_judge(&host, &many, of_size(0), &fit);
    assert_non_null(strstr(fit.reason, " ...; missing here"));
}

/* A card that may be an FPGA fits only what names it. */
static void accelerators_of_unknown_kind(void **state)
{
    (void)state;
    struct bfs_host_device devices[2] = {gpu(0, 0, ""), gpu(0, 0, "")};
    struct bfs_hardware_key any = {.hardware = BFS_HARDWARE_ACCELERATOR}, key = any;
    devices[0].hardware = devices[1].hardware = BFS_HARDWARE_ACCELERATOR;
    judged(devices, 1, &any, 0,
           "needs an accelerator of a known arch; that of the one here is unknown");
    judged(devices, 2, &any, 0,
           "needs an accelerator of a known arch; that of the best one here is unknown");
    memcpy(key.vendor, "nvidia", 7);
    judged(devices, 1, &key, 0, "fits GPU of 0; the size of its memory is unknown");
    memcpy(devices[1].arch, "v9", 3);
    judged(devices, 2, &any, 0, "fits GPU of 0; the size of its memory is unknown");
    key = any;
    memcpy(key.arch, "v9", 3);
    judged(devices, 2, &key, 0, "fits GPU of 0; the size of its memory is unknown");
    judged(devices, 1, &key, 0, "needs the arch v9; the accelerator here has an unknown one");
}

/* Needed is rounded up and there is rounded down: the two never look the same. */
static void sizes_in_words(void **state)
{
    (void)state;
    struct bfs_host_device device = gpu(90, GB(24) + 99999999, "550");
    struct bfs_hardware_key key = {.hardware = BFS_HARDWARE_GPU};
    judged(&device, 1, &key, GB(24) + 100000000,
           "needs 24.1 GB of memory; the GPU here has 24.0 GB");
    judged(&device, 1, &key, GB(24) + 99999999, "fits GPU of 90");
    device.memory_bytes = GB(24);
    judged(&device, 1, &key, GB(24) + 1, "needs 24.1 GB of memory; the GPU here has 24.0 GB");
}

/* Each key scores higher than the one after it, on a host where all fit. */
static void the_order_of_scores(void **state)
{
    (void)state;
#define CPU .hardware = BFS_HARDWARE_CPU
#define FEATURE(word) .features = {"sse2", word}, .n_features = 2
    static const struct {
        struct bfs_hardware_key key;
        struct bfs_fit_view view;
    } order[] = {
        {{.hardware = BFS_HARDWARE_ACCELERATOR}, {0}},
        {{.hardware = BFS_HARDWARE_ACCELERATOR, .vendor = "nvidia"}, {0, true}},
        {{.hardware = BFS_HARDWARE_GPU, .arch = "sm_90", .vendor = "nvidia"}, {0}},
        {{.hardware = BFS_HARDWARE_GPU, .arch = "sm_90"}, {0}},
        {{.hardware = BFS_HARDWARE_GPU, .vendor = "nvidia", .compute_capability_min = 90}, {0}},
        {{.hardware = BFS_HARDWARE_GPU, .vendor = "nvidia", .compute_capability_min = 89},
         {.size = 9 << 20}},
        {{.hardware = BFS_HARDWARE_GPU, .vendor = "nvidia"}, {.size = 10 << 20}},
        {{.hardware = BFS_HARDWARE_GPU, FEATURE("avx2")}, {0}},
        {{.hardware = BFS_HARDWARE_GPU, .compute_capability_min = 90}, {0}},
        {{.hardware = BFS_HARDWARE_GPU}, {.size = GB(16)}},
        {{.hardware = BFS_HARDWARE_GPU}, {.size = GB(8)}},
        {{CPU, .arch = "x86_64", .vendor = "intel"}, {0}},
        {{CPU, .arch = "x86_64"}, {0}},
        {{CPU, .vendor = "intel"}, {0}},
        {{CPU, FEATURE("amx_int8")}, {0}},
        {{CPU, FEATURE("avx512_vnni")}, {0}},
        {{CPU, FEATURE("sve2")}, {0}},
        {{CPU, FEATURE("sve")}, {0}},
        {{CPU, FEATURE("avx2")}, {0}},
        {{CPU, FEATURE("neon")}, {0}},
        {{CPU, FEATURE("other")}, {0}},
        {{CPU}, {.size = GB(16)}},
        {{CPU}, {.size = GB(8)}},
        {{CPU, .arch = "x86_64", .vendor = "intel", FEATURE("amx_int8")}, {GB(16), true}},
        {{CPU, FEATURE("avx512_vnni")}, {GB(16), true}},
        {{CPU}, {GB(16), true}},
    };
    char features[] = "sse2 amx_int8 avx512_vnni avx2 sve2 sve neon other";
    struct bfs_host_device devices[2] = {gpu(90, GB(80), "550"), {0}};
    memcpy(devices[0].arch, "sm_90", 6);
    devices[1] = devices[0];
    devices[1].hardware = BFS_HARDWARE_ACCELERATOR;
    struct bfs_host host = {.architecture = "x86_64",
                            .cpu_vendor = "intel",
                            .cpu_features = features,
                            .memory_bytes = GB(100),
                            .devices = devices,
                            .n_devices = 2};
    uint64_t last = UINT64_MAX;
    for (size_t i = 0; i < LENGTH(order); i++) {
        struct bfs_fit fit;
        bfs_fit_judge(&host, &order[i].key, order[i].view, &fit);
        assert_true(fit.fits);
        if (fit.score >= last)
            fail_msg("key %zu scores no less than the one before", i);
        last = fit.score;
    }
    /* Unknown memory comes last within its class, whatever else the key says. */
    struct bfs_fit known, unknown;
    bfs_fit_judge(&host, &order[10].key, of_size(0), &known);
    devices[0].memory_bytes = 0;
    bfs_fit_judge(&host, &order[2].key, of_size(0), &unknown);
    assert_true(unknown.fits && unknown.score < known.score);
    /* A size beyond its bits stays within them. */
    bfs_fit_judge(&host, &order[8].key, of_size(0), &known);
    bfs_fit_judge(&host, &order[9].key, of_size(UINT64_MAX), &unknown);
    assert_true(known.fits && unknown.fits && known.score > unknown.score);
    host.memory_bytes = 0;
    bfs_fit_judge(&host, &order[11].key, of_size(0), &known);
    assert_true(unknown.score > known.score);
}

static void the_best_of_none_and_of_equals(void **state)
{
    (void)state;
    struct bfs_fit fits[3] = {
        {.fits = false, .score = 9}, {.fits = true, .score = 5}, {.fits = true, .score = 5}};
    const char *const names[3] = {"a", "z", "q"};
    assert_int_equal(bfs_fit_best(fits, names, 3), 2);
    assert_int_equal(bfs_fit_best(fits, names, 2), 1);
    assert_int_equal(bfs_fit_best(fits, names, 1), -1);
    assert_int_equal(bfs_fit_best(fits, names, 0), -1);
    fits[1].score = 6;
    assert_int_equal(bfs_fit_best(fits, names, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_matrix),
        cmocka_unit_test(the_best_single_device_decides),
        cmocka_unit_test(the_edges_of_conditions),
        cmocka_unit_test(what_is_unknown),
        cmocka_unit_test(conditions_beside_the_device),
        cmocka_unit_test(accelerators_of_unknown_kind),
        cmocka_unit_test(sizes_in_words),
        cmocka_unit_test(the_order_of_scores),
        cmocka_unit_test(the_best_of_none_and_of_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

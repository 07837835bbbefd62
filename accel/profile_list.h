/* SPDX-License-Identifier: Apache-2.0
 * Every profile, once. The command line, the planners and manifest.json read this list, and
 * docs/views.md is checked against it.
 *
 *   X(id, hardware, vendor, arch, features, compute capability * 10, runtime, container, DTYPE,
 *     layout id, layout version, alignment, lossless, source, planner, summary)
 *
 * hardware: of enum bfs_hardware_class. "" and 0 mean "any". features: separated by spaces, as
 * /proc/cpuinfo has them. alignment: 0 promises none. A planner is declared in accel/view/planners.h; a layout whose bytes
 * change gets a new version. */
#ifndef BFS_ACCEL_PROFILE_LIST_H
#define BFS_ACCEL_PROFILE_LIST_H

/* clang-format off */
#define BFS_PROFILE_LIST(X)                                                                        \
    X("cpu-f32", CPU, "", "", "", 0, "", "safetensors", F32, "row-major", 1, 0, true,              \
      "safetensors F16 BF16", widened, "float32 for CPUs, sharing what the original stores")       \
    X("cpu-q8_0", CPU, "", "", "", 0, "llama.cpp", "gguf", Q8_0, "gguf-v3", 1, 4096, false,        \
      "GGUF F32 F16 BF16", gguf, "8-bit blocks of 32, for llama.cpp")                              \
    X("cpu-q6_k", CPU, "", "", "", 0, "llama.cpp", "gguf", Q6_K, "gguf-v3", 1, 4096, false,        \
      "GGUF F32 F16 BF16", gguf, "6-bit blocks of 256, for llama.cpp")                             \
    X("cpu-q4_k", CPU, "", "", "", 0, "llama.cpp", "gguf", Q4_K, "gguf-v3", 1, 4096, false,        \
      "GGUF F32 F16 BF16", gguf, "4-bit blocks of 256, for llama.cpp")                             \
    X("cpu-q4_0", CPU, "", "", "", 0, "llama.cpp", "gguf", Q4_0, "gguf-v3", 1, 4096, false,        \
      "GGUF F32 F16 BF16", gguf, "4-bit blocks of 32, for llama.cpp")                              \
    X("gpu-bf16", GPU, "", "", "", 0, "", "safetensors", BF16, "row-major", 1, 4096, false,        \
      "safetensors F32 F16 BF16", floats, "bfloat16 at page-aligned offsets")                      \
    X("gpu-f16", GPU, "", "", "", 0, "", "safetensors", F16, "row-major", 1, 4096, false,          \
      "safetensors F32 F16 BF16", floats, "float16 at page-aligned offsets")                       \
    X("gpu-fp8", GPU, "nvidia", "", "", 89, "vllm", "safetensors", F8_E4M3, "fp8-tensor", 1, 4096, \
      false, "safetensors F32 F16 BF16", scaled, "8-bit float linears, one scale a tensor")        \
    X("gpu-fp8-block", GPU, "nvidia", "", "", 89, "vllm", "safetensors", F8_E4M3, "fp8-block128",  \
      1, 4096, false, "safetensors F32 F16 BF16", scaled,                                          \
      "8-bit float linears, one scale for 128 x 128 elements")                                     \
    X("npu-int8", ACCELERATOR, "", "", "", 0, "", "safetensors", I8, "int8-row", 1, 4096, false,   \
      "safetensors F32 F16 BF16", scaled, "8-bit integer linears, one scale a row")                \
    X("tpu-bf16-t8x128", ACCELERATOR, "google", "", "", 0, "", "bin", BF16, "xla-t8x128-2x1", 1,   \
      4096, false, "safetensors F32 F16 BF16", tiles, "bfloat16 in tiles of 8 x 128")              \
    X("amx-bf16", CPU, "", "x86_64", "amx_tile amx_bf16", 0, "", "bin", BF16, "vnni-2", 1, 4096,   \
      false, "safetensors F32 F16 BF16", tiles, "bfloat16 linears in pairs along the sum")         \
    X("amx-int8", CPU, "", "x86_64", "amx_tile amx_int8", 0, "", "bin", I8, "vnni-4", 1, 4096,     \
      false, "safetensors F32 F16 BF16", tiles, "8-bit integer linears in fours along the sum")
/* clang-format on */

#endif

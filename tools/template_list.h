/* SPDX-License-Identifier: Apache-2.0
 * Templates of "bundlefs init", as data: what a contract begins with, and which views suit the use.
 *
 *   X(name, summary, memory in hundredths of the tensors' size, views of safetensors, views of GGUF,
 *     the contract without what the directory tells)
 *
 * Views are separated by spaces, the best first; those that the model's tensors cannot give are left
 * out. */
#ifndef BFS_TOOLS_TEMPLATE_LIST_H
#define BFS_TOOLS_TEMPLATE_LIST_H

#define BFS_TEMPLATE_COMMON                                                                        \
    "\"schema_version\": \"1.0\", \"api\": {\"version\": \"0.1.0\"},"                              \
    "\"side_effects\": [{\"kind\": \"none\"}],"                                                    \
    "\"lifecycle\": {\"acceptance\": [{\"criterion\": \"every fixture conforms on each view\"}]},"
#define BFS_TEMPLATE_TOO_LONG                                                                      \
    "{\"code\": \"too-long\", \"when\": \"a request is longer than the model takes\", "            \
    "\"retryable\": false}"
#define BFS_TEMPLATE_BUSY                                                                          \
    "{\"code\": \"overloaded\", \"when\": \"no memory is left for another request\", "             \
    "\"retryable\": true}"

/* clang-format off */
#define BFS_TEMPLATE_LIST(X)                                                                       \
    X("server", "answers many at once, on accelerators", 150, "gpu-bf16 gpu-fp8", "cpu-q8_0",      \
      "{" BFS_TEMPLATE_COMMON "\"errors\": [" BFS_TEMPLATE_TOO_LONG ", " BFS_TEMPLATE_BUSY "],"    \
      "\"serialization\": {\"executes_code\": false, \"requests\": [\"application/json\"],"        \
      "\"responses\": [\"application/json\", \"text/event-stream\"]},"                             \
      "\"determinism\": {\"tolerance\": {\"rtol\": \"2e-2\", \"atol\": \"1e-2\"}},"                \
      "\"health\": {\"signals\": [{\"name\": \"request_latency_seconds\","                         \
      "\"description\": \"the time to the first token, and between tokens\"},"                     \
      "{\"name\": \"requests_refused_total\","                                                     \
      "\"description\": \"refusals for lack of memory\"}]}}")                                      \
    X("edge", "answers one at a time, on a CPU with little memory", 120, "cpu-f32",                \
      "cpu-q4_k cpu-q4_0",                                                                         \
      "{" BFS_TEMPLATE_COMMON "\"errors\": [" BFS_TEMPLATE_TOO_LONG "],"                           \
      "\"serialization\": {\"executes_code\": false},"                                             \
      "\"determinism\": {\"tolerance\": {\"rtol\": \"1e-1\", \"atol\": \"5e-2\"}},"                \
      "\"health\": {\"signals\": [{\"name\": \"resident_memory_bytes\","                           \
      "\"description\": \"memory of the process\"}]}}")                                            \
    X("batch", "works off files, for throughput and with exact repetition", 200,                   \
      "gpu-bf16 gpu-fp8-block", "cpu-q8_0 cpu-q6_k",                                               \
      "{" BFS_TEMPLATE_COMMON "\"errors\": [" BFS_TEMPLATE_TOO_LONG "],"                           \
      "\"serialization\": {\"executes_code\": false, \"requests\": [\"application/jsonl\"],"       \
      "\"responses\": [\"application/jsonl\"]},"                                                   \
      "\"determinism\": {\"seeds\": [0], \"tolerance\": {\"rtol\": \"1e-3\", \"atol\": \"1e-3\"}},"\
      "\"health\": {\"signals\": [{\"name\": \"records_total\","                                   \
      "\"description\": \"records done\"}]}}")
/* clang-format on */

#endif

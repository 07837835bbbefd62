/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_container(bfs_safetensors_parse, data, size);
    return 0;
}

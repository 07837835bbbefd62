/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/contract/contract.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_contract contract, again;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_contract_parse(copy, size, "contract.json", &contract, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r)
        return 0;
    struct bfs_buffer text = BFS_BUFFER_INIT, second = BFS_BUFFER_INIT;
    fuzz_require(bfs_contract_write(contract.root, &text, NULL) == 0,
                 "what was read can be written");
    fuzz_require(bfs_contract_parse(text.bytes, text.size, "contract.json", &again, NULL) == 0,
                 "what was written can be read");
    fuzz_require(again.n_inputs == contract.n_inputs && again.n_fixtures == contract.n_fixtures &&
                     again.memory_bytes == contract.memory_bytes,
                 "and is the same");
    fuzz_require(bfs_contract_write(again.root, &second, NULL) == 0 && second.size == text.size &&
                     memcmp(second.bytes, text.bytes, text.size) == 0,
                 "down to the byte");
    bfs_buffer_done(&second);
    bfs_buffer_done(&text);
    bfs_contract_done(&contract);
    bfs_contract_done(&again);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/bundle_config.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_bundle_config config, again;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_bundle_config_parse(copy, size, &config, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r)
        return 0;
    struct bfs_buffer text = BFS_BUFFER_INIT;
    fuzz_require(bfs_bundle_config_write(&config, &text) == 0, "what was read can be written");
    fuzz_require(bfs_bundle_config_parse(text.bytes, text.size, &again, NULL) == 0,
                 "what was written can be read");
    fuzz_require(strcmp(again.reference.name, config.reference.name) == 0 &&
                     again.content_size == config.content_size &&
                     again.index_size == config.index_size && again.n_views == config.n_views,
                 "and is the same");
    struct bfs_buffer second = BFS_BUFFER_INIT;
    fuzz_require(bfs_bundle_config_write(&again, &second) == 0 && second.size == text.size &&
                     memcmp(second.bytes, text.bytes, text.size) == 0,
                 "down to the byte");
    bfs_buffer_done(&second);
    bfs_buffer_done(&text);
    bfs_bundle_config_done(&config);
    bfs_bundle_config_done(&again);
    return 0;
}

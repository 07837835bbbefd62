/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/oci.h"
#include "tests/fuzz/fuzz_target.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_oci_manifest manifest = {0}, again = {0};
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_oci_manifest_parse(copy, size, &manifest, &error);
    free(copy);
    fuzz_require(r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT || r == -E2BIG || r == -EINVAL,
                 "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (r) {
        fuzz_require(manifest.layers == NULL, "nothing changed on failure");
        return 0;
    }
    struct bfs_buffer text = BFS_BUFFER_INIT;
    fuzz_require(bfs_oci_manifest_write(&manifest, "2026-01-31T12:00:00Z", &text) == 0,
                 "what was read can be written");
    fuzz_require(bfs_oci_manifest_parse(text.bytes, text.size, &again, NULL) == 0,
                 "what was written can be read");
    fuzz_require(
        again.n_layers == manifest.n_layers &&
            memcmp(&again.config.digest, &manifest.config.digest, sizeof(again.config.digest)) == 0,
        "and is the same");
    bfs_buffer_done(&text);
    bfs_oci_manifest_done(&again);
    bfs_oci_manifest_done(&manifest);
    return 0;
}

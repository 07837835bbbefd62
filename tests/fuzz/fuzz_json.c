/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_target.h"
#include "verify/json.h"
#include "verify/json_scan.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct json_object *root = NULL;
    uint64_t n_members;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int scanned = bfs_json_scan(copy, size, "it", &n_members, NULL);
    int r = bfs_json_parse(copy, size, "it", &root, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG, "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    fuzz_require(scanned == 0 || scanned == r, "what the scan refuses is refused");
    fuzz_require(scanned != 0 || r == 0 || strstr(error.what, "twice"),
                 "json-c accepts what the scan accepts, but for duplicates");
    (void)json_object_put(root);
    free(copy);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_target.h"
#include "verify/json.h"
#include "verify/json_scan.h"
#include "verify/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The tree of json-c and the text in place say the same. */
static void require_same(struct json_object *tree, struct bfs_json_value value)
{
    struct bfs_json_elements elements = {0};
    struct bfs_json_value inner;
    size_t n = 0;
    switch (json_object_get_type(tree)) {
    case json_type_object: {
        json_object_object_foreach(tree, name, member)
        {
            for (int type = BFS_JSON_OBJECT; type <= BFS_JSON_BOOLEAN; type++) {
                struct bfs_json_field fields[] = {{name, (enum bfs_json_type)type, false}, {0}};
                bool fits = bfs_json_check(tree, fields, true, "it", NULL) == 0;
                inner = bfs_json_value_member(value, name, (enum bfs_json_type)type);
                fuzz_require(fits == (inner.text != NULL), "one type in both");
                if (fits)
                    require_same(member, inner);
            }
        }
        break;
    }
    case json_type_array:
        fuzz_require(bfs_json_value_count(value) == json_object_array_length(tree),
                     "as many elements");
        while (bfs_json_value_next(value, &elements, &inner))
            require_same(json_object_array_get_idx(tree, n++), inner);
        break;
    case json_type_string:
        fuzz_require(bfs_json_value_is(value, json_object_get_string(tree)), "one text in both");
        break;
    case json_type_int:
        if (json_object_get_int64(tree) >= 0)
            fuzz_require(bfs_json_value_integer(value) == (uint64_t)json_object_get_int64(tree),
                         "one number in both");
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct json_object *root = NULL;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int scanned = bfs_json_scan(copy, size, BFS_JSON_STRICT, "it", NULL);
    int r = bfs_json_parse(copy, size, "it", &root, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG, "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    fuzz_require(scanned == 0 || scanned == r, "what the scan refuses is refused");
    fuzz_require(scanned != 0 || r == 0, "json-c accepts what the scan accepts");
    if (r == 0) {
        struct bfs_json_value value;
        fuzz_require(bfs_json_value_open(copy, size, "it", &value, NULL) == 0, "and so in place");
        require_same(root, value);
    }
    (void)json_object_put(root);
    free(copy);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * The dialect of Python's json module: a superset of the strict one, read in place to its end. */
#include "tests/fuzz/fuzz_target.h"
#include "verify/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void walk(struct bfs_json_value value, const char *end)
{
    struct bfs_json_members members = {0};
    struct bfs_json_elements elements = {0};
    struct bfs_json_value name, inner;
    char *copy;
    fuzz_require(value.size > 0 && value.text + value.size <= end, "a value within the text");
    switch (*value.text) {
    case '{':
        while (bfs_json_value_next_member(value, &members, &name, &inner)) {
            walk(name, value.text + value.size);
            walk(inner, value.text + value.size);
        }
        break;
    case '[':
        while (bfs_json_value_next(value, &elements, &inner))
            walk(inner, value.text + value.size);
        break;
    case '"':
        copy = bfs_json_value_copy(value);
        fuzz_require(copy && strlen(copy) < value.size, "no text longer than it is written");
        fuzz_require(bfs_json_value_is(value, copy) ==
                         bfs_json_value_has_type(value, BFS_JSON_STRING),
                     "a string is what it says, unless it has a NUL");
        free(copy);
        break;
    default:
        if (bfs_json_value_has_type(value, BFS_JSON_INTEGER))
            fuzz_require(bfs_json_value_integer(value) <= BFS_JSON_INTEGER_MAX, "an exact integer");
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bfs_error error = {0};
    struct bfs_json_value strict, root;
    char *copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory for the input");
    memcpy(copy, data, size);
    int r = bfs_json_value_open_python(copy, size, "it", &root, &error);
    fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG, "a documented error");
    fuzz_require(error.code == r, "the error says what was returned");
    if (bfs_json_value_open(copy, size, "it", &strict, NULL) == 0)
        fuzz_require(r == 0 && strict.text == root.text && strict.size == root.size,
                     "what is strict is Python's too");
    if (r == 0)
        walk(root, copy + size);
    free(copy);
    return 0;
}

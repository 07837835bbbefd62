/* SPDX-License-Identifier: Apache-2.0
 * The grammar of RFC 8259, checked before json-c sees a text. json-c's own strict mode lets pass
 * single-quoted keys, NaN and Infinity, raw control characters, "1." and "-01", overlong UTF-8,
 * lone surrogates, keys cut at an escaped NUL, and integers that it saturates. */
#ifndef BFS_VERIFY_JSON_SCAN_H
#define BFS_VERIFY_JSON_SCAN_H

#include "verify/error.h"

#include <stddef.h>
#include <stdint.h>

/* Is `text` one JSON value with white space around it, in valid UTF-8, without the escape of a NUL,
 * nested at most BFS_JSON_DEPTH_MAX deep, and are its integers within +-BFS_JSON_INTEGER_MAX? Sets
 * *ret_members to the number of members of all objects, duplicates included.
 * Errors: -EBADMSG, -E2BIG (too deep). */
int bfs_json_scan(const char *text, size_t size, const char *what, uint64_t *ret_members,
                  struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The grammar of RFC 8259, checked before json-c sees a text. json-c's own strict mode lets pass
 * single-quoted keys, NaN and Infinity, raw control characters, "1." and "-01", overlong UTF-8,
 * lone surrogates, keys cut at an escaped NUL, duplicate keys, and integers that it saturates.
 *
 * THREAD SAFETY: a pure function. */
#ifndef BFS_VERIFY_JSON_SCAN_H
#define BFS_VERIFY_JSON_SCAN_H

#include "verify/error.h"

#include <stddef.h>
#include <stdint.h>

/* Is `text` one JSON value with white space around it, in valid UTF-8, without the escape of a NUL,
 * without two members of one name in an object, nested at most BFS_JSON_DEPTH_MAX deep, and are its
 * integers within +-BFS_JSON_INTEGER_MAX? Errors: -EBADMSG, -E2BIG (too deep), -ENOMEM. */
int bfs_json_scan(const char *text, size_t size, const char *what, struct bfs_error *error);

#endif

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

/* What a text may be. */
enum bfs_json_dialect {
    BFS_JSON_STRICT, /* RFC 8259 and RFC 7493, as below: all formats of our own */
    /* What Python's json module reads and writes, in files of models: besides, the numbers NaN,
     * Infinity and -Infinity, integers of any size, escapes of NUL and of lone surrogates, and keys
     * that occur twice, of which the last counts. */
    BFS_JSON_PYTHON,
};

/* Is `text` one JSON value with white space around it, in valid UTF-8, without the escape of a NUL,
 * without two members of one name in an object, nested at most BFS_JSON_DEPTH_MAX deep, and are its
 * integers within +-BFS_JSON_INTEGER_MAX? Errors: -EBADMSG, -E2BIG (too deep), -ENOMEM. */
int bfs_json_scan(const char *text, size_t size, enum bfs_json_dialect dialect, const char *what,
                  struct bfs_error *error);

#endif

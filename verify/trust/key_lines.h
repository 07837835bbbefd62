/* SPDX-License-Identifier: Apache-2.0
 * The two lines that key files consist of.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_TRUST_KEY_LINES_H
#define BFS_VERIFY_TRUST_KEY_LINES_H

#include "verify/error.h"

#include <stddef.h>

#define BFS_KEY_COMMENT "untrusted comment: "

/* Lends the second line, without its end. Errors: -EBADMSG, -E2BIG. */
int bfs_key_lines_split(const char *text, size_t size, const char *what, const char **ret_line,
                        size_t *ret_length, struct bfs_error *error);

#endif

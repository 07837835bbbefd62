/* SPDX-License-Identifier: Apache-2.0
 * Is this text UTF-8? RFC 3629: shortest forms only, no surrogates, nothing above U+10FFFF.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_UTF8_H
#define BFS_VERIFY_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length in bytes, 1 to 4, of the valid sequence that starts `text`; 0 when there is none or `size`
 * cuts it. */
size_t bfs_utf8_sequence(const void *text, size_t size);

/* All of it, and no NUL, which would cut the C string that becomes of it. */
bool bfs_utf8_is_valid(const void *text, size_t size);

#endif

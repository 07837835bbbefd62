/* SPDX-License-Identifier: Apache-2.0
 * Patterns of a policy's rules: NAME or NAME:VERSION, where '*' stands for any characters within a
 * component and '**' for any characters at all. Nothing else is special, and either may stand for
 * nothing.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_POLICY_PATTERN_H
#define BFS_VERIFY_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { BFS_PATTERN_MAX = 255 }; /* bytes of a name's or a version's pattern */

/* Has it only characters that a name (`is_version`: a version) may have, and '*'? */
bool bfs_pattern_is_valid(const char *pattern, size_t length, bool is_version);
/* `pattern` is valid. */
bool bfs_pattern_match(const char *pattern, size_t length, const char *text);

#endif

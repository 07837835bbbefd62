/* SPDX-License-Identifier: Apache-2.0
 * Times as statements and policies write them: RFC 3339, UTC, "2026-01-31T12:00:00Z".
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_RFC3339_H
#define BFS_VERIFY_RFC3339_H

#include <stdint.h>

enum { BFS_RFC3339_SIZE = 21 }; /* with the final NUL */

/* Seconds since 1970. Accepts the form above alone, from 1970 to 9999: no offset but "Z", no
 * fraction, no leap second, no day that the month does not have. Errors: -EINVAL. */
int bfs_rfc3339_parse(const char *text, int64_t *ret);

/* Errors: -EINVAL for a time outside these years; then `ret` is left alone. */
int bfs_rfc3339_format(int64_t seconds, char ret[static BFS_RFC3339_SIZE]);

#endif

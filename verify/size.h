/* SPDX-License-Identifier: Apache-2.0
 * Numbers and sizes as people write them, for options of verbs and of mounts alike.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_SIZE_H
#define BFS_VERIFY_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits alone, at most UINT64_MAX. False, without touching *ret: it is not that. */
bool bfs_number_parse(const char *text, uint64_t *ret);
/* A number of bytes, or one with the unit K, M, G or T (powers of 1024), in either case; at most
 * INT64_MAX, the largest size of a file. False, without touching *ret: it is not that. */
bool bfs_size_parse(const char *text, uint64_t *ret);

#endif

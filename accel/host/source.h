/* SPDX-License-Identifier: Apache-2.0
 * Reading the small files of /proc and /sys, below a root that tests may choose. Whatever lies
 * there is bounded: bytes of a file, entries of a folder, length of a name.
 *
 * THREAD SAFETY: pure functions on the system's state. */
#ifndef BFS_ACCEL_HOST_SOURCE_H
#define BFS_ACCEL_HOST_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BFS_SOURCE_ENTRIES_MAX = 4096, /* of one folder; a large server has some 500 PCI functions */
    BFS_SOURCE_NAME_MAX = 63,
};

/* The first size - 1 bytes of a regular file, up to a NUL, without white space at the end. false,
 * and "" in ret, when it cannot be read. */
bool bfs_source_text(char *ret, size_t size, const char *root, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A number in C's notation that is all of the file; 0 when there is none, or none in 64 bits. */
uint64_t bfs_source_number(const char *root, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The last component of a symbolic link's target; false, and "" in ret, when there is none or it is
 * too long. */
bool bfs_source_link(char *ret, size_t size, const char *root, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

typedef char bfs_source_name[BFS_SOURCE_NAME_MAX + 1];
/* Names in a folder that start with `prefix`, sorted; malloc'ed. A folder that cannot be read has
 * none; longer names are passed over. Errors: -ENOMEM. */
int bfs_source_list(const char *root, const char *path, const char *prefix, bfs_source_name **ret,
                    size_t *ret_n);

/* The value after "key<blanks>: " of the first line with that key, without white space around it;
 * cut to fit; "" when there is none. */
void bfs_source_value(const char *text, const char *key, char *ret, size_t size);

/* Makes any bytes fit for JSON and a terminal: what is no UTF-8, and control characters, become
 * '?'. */
void bfs_source_clean(char *text);

#endif

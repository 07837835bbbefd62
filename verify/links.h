/* SPDX-License-Identifier: Apache-2.0
 * Where a path leads when symbolic links on the way are followed, by names alone: no disk is asked,
 * so a bundle and a directory that is about to be packed give the same answer.
 *
 * THREAD SAFETY: pure functions, as far as the caller's lookup is one. */
#ifndef BFS_VERIFY_LINKS_H
#define BFS_VERIFY_LINKS_H

#include <stdbool.h>

enum { BFS_LINKS_MAX = 40 }; /* links on one path, as Linux follows */

/* The target of the link at this path below the top, NUL-terminated and valid until the next call;
 * NULL: there is nothing, or no link. */
typedef const char *bfs_link_lookup(void *context, const char *path);

/* `path` is relative to the top. *ret is the path that it leads to, without links, "." and "..",
 * malloc'ed; "" is the top itself. Nobody has looked whether something is there. Errors: -ENOENT
 * (absolute, empty, or above the top), -ELOOP (too many links), -ENOMEM. */
int bfs_links_follow(const char *path, bfs_link_lookup *lookup, void *context, char **ret);

#endif

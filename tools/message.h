/* SPDX-License-Identifier: Apache-2.0
 * What the program says to people: always one line on stderr, "bundlefs: <sentence>".
 *
 * THREAD SAFETY: stdio's; a line is written at once. */
#ifndef BFS_TOOLS_MESSAGE_H
#define BFS_TOOLS_MESSAGE_H

#include "verify/error.h"

/* Control characters are replaced, because names inside a message may come from anywhere. */
void bfs_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The message of a failure; returns BFS_EXIT_FAILED, so that it can be returned. */
int bfs_message_error(const struct bfs_error *error);

/* "bundlefs VERB: <sentence>; see bundlefs VERB --help"; NULL: not about a verb. Returns
 * BFS_EXIT_USAGE. */
int bfs_message_usage(const char *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

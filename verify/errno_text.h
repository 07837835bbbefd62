/* SPDX-License-Identifier: Apache-2.0
 * What an errno means for the user.
 *
 * THREAD SAFETY: any thread. */
#ifndef BFS_VERIFY_ERRNO_TEXT_H
#define BFS_VERIFY_ERRNO_TEXT_H

#include <stdbool.h>

/* strerror(3) of a positive errno that write(2) and its kind give, with the cure where the text
 * alone hides it. Borrowed, until the thread's next call. */
const char *bfs_write_errno_text(int code);

/* The same of what open(2) and read(2) give. */
const char *bfs_read_errno_text(int code);

/* Did the operating system fail to read, so that nothing is known of the bytes? `code` is a
 * negative errno. False for what contradicts a digest or a format, and for what is missing. */
bool bfs_is_unreadable(int code);

#endif

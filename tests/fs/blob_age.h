/* SPDX-License-Identifier: Apache-2.0
 * Blobs that look as if they had been written an hour ago, so that nothing has to wait for them to
 * age. The program is linked with -Wl,--wrap=bfs_file_blob_state.
 *
 * THREAD SAFETY: set while no other thread looks at blobs. */
#ifndef BFS_TESTS_BLOB_AGE_H
#define BFS_TESTS_BLOB_AGE_H

#include <stdbool.h>
#include <time.h>

/* A file system whose times do not show changes: every blob always looks the same. */
void blob_age_freeze(bool frozen);
/* Every blob has this ctime; NULL: its own. */
void blob_age_pretend(const struct timespec *changed);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * A directory that is judged before it is packed.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_DIRECTORY_H
#define BFS_TOOLS_DIRECTORY_H

#include "accel/review/subject.h"

/* The subject that "pack" checks: with the views that bundle.json lists, planned and not made.
 * Errors: those of bfs_pack_check(). */
int bfs_directory_as_packed(const struct bfs_reference *reference, const char *directory,
                            bool dereference, struct bfs_subject *ret, struct bfs_error *error);
/* The directory as it lies there: of its views only those in its folder views/. Errors: those of
 * bfs_scan_directory(), bfs_scan_finish() and bfs_subject_of_scan(). */
int bfs_directory_as_is(const struct bfs_reference *reference, const char *directory,
                        bool dereference, struct bfs_subject *ret, struct bfs_error *error);

#endif

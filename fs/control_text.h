/* SPDX-License-Identifier: Apache-2.0
 * The texts of the files under .bundlefs, rendered when somebody asks for a size or opens one.
 *
 * A file's size is that of the text that an open serves: stat renders the text, and the open that
 * follows within BFS_CONTROL_KEPT_MS takes it. After an open, stat gives the size of the text that
 * was opened for as long. So "stat, open, read that many bytes" and "open, fstat, read" both give
 * the whole text, and two opens in a row give two texts. A JSON text is padded with spaces, so that
 * its size stays the same while only ages and counts in it change.
 *
 * THREAD SAFETY: any function from any thread. */
#ifndef BFS_FS_CONTROL_TEXT_H
#define BFS_FS_CONTROL_TEXT_H

#include "fs/control.h"
#include "fs/op.h"

enum {
    BFS_CONTROL_KEPT_MS = 1000,
    BFS_CONTROL_PADDING = 64, /* a JSON text ends with up to twice as many spaces */
};

/* Errors: -ENOMEM. */
int bfs_control_texts_new(struct bfs_control_texts **ret);
struct bfs_control_texts *bfs_control_texts_free(struct bfs_control_texts *texts);

/* The size that a reader will find. Errors: -ENOMEM. */
int bfs_control_text_size(struct bfs_fs *fs, enum bfs_control control, uint64_t *ret);
/* The text for an open, with a reference. Errors: -ENOMEM. */
int bfs_control_text_open(struct bfs_fs *fs, enum bfs_control control, struct bfs_text **ret);

#endif

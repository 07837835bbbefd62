/* SPDX-License-Identifier: Apache-2.0
 * Is a directory what a bundle already holds? So that packing a version again is either nothing to
 * do or refused before a byte is written.
 *
 * THREAD SAFETY: as bfs_pack(). */
#ifndef BFS_CODEC_SAME_H
#define BFS_CODEC_SAME_H

#include "codec/pack/pack_private.h"
#include "codec/store/bundle.h"

/* Compares names, types, modes, times, link targets and sizes, and only when all agree the
 * contents, by SHA-256. Files that are made are not made for it: they follow from what is packed,
 * from the views asked for and from the version of what makes them, and these are compared. Errors:
 * -EINTR, errno of the file system. */
int bfs_pack_is_same(struct bfs_pack *pack, const struct bfs_bundle *bundle, bool *ret,
                     struct bfs_error *error);

#endif

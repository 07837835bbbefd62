/* SPDX-License-Identifier: Apache-2.0
 * Packing a version again whose blobs are damaged: they are made anew from the directory.
 *
 * THREAD SAFETY: as bfs_pack(). */
#ifndef BFS_CODEC_HEAL_H
#define BFS_CODEC_HEAL_H

#include "codec/pack/pack_private.h"
#include "codec/store/bundle.h"

/* Reads every layer of the bundle, and keeps those that do not prove, or are missing, in
 * pack->damaged; warns of each. Errors: -EINTR, -ENOMEM. */
int bfs_heal_survey(struct bfs_pack *pack, const struct bfs_bundle *bundle,
                    struct bfs_error *error);
/* Is one of these layers among the bundle's? Then deduplication leaves it out, for the blobs come
 * out as they were only when nothing is known that came with them or later. */
bool bfs_heal_is_damaged(const struct bfs_pack *pack, const struct bfs_bundle *bundle);
/* After all was laid out: writes the trace, if one was given, and proves every layer that was
 * damaged. Errors: -EBADMSG (one of them is not made of this directory by this program), and those
 * of writing a blob. */
int bfs_heal_finish(struct bfs_pack *pack, const struct bfs_bundle *bundle,
                    struct bfs_error *error);

#endif

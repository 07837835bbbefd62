/* SPDX-License-Identifier: Apache-2.0
 * The views of one pack: those that were asked for, those that bundle.json lists, and the opaque
 * ones in the folder views/. They become part of the bundle through the packer's extension.
 *
 * THREAD SAFETY: one thread at a time. */
#ifndef BFS_ACCEL_VIEWS_H
#define BFS_ACCEL_VIEWS_H

#include "codec/pack/pack.h"

struct bfs_views_options {
    const char *directory; /* as in struct bfs_pack_options, like the next two */
    bool dereference;
    uint32_t chunk_size;
    unsigned n_threads;
    const char *const *ids; /* profiles that were asked for; one twice counts once */
    size_t n_ids;
};

struct bfs_views;
/* Copies the options. Errors: -EINVAL (an unknown id), -E2BIG, -ENOMEM. */
int bfs_views_new(const struct bfs_views_options *options, struct bfs_views **ret,
                  struct bfs_error *error);
struct bfs_views *bfs_views_free(struct bfs_views *views);
BFS_DEFINE_CLEANUP(bfs_views, bfs_views_free)

/* For struct bfs_pack_options; borrowed. The views must outlive the scans that it extended, and a
 * scan must be gone before the next one is extended.
 *
 * extend() fails with -EINVAL, -EBADMSG, -EPROTONOSUPPORT or -E2BIG for what cannot become a view,
 * named, and with -EEXIST for an opaque view that has the id of a profile that is to be made. */
const struct bfs_pack_extension *bfs_views_extension(const struct bfs_views *views);

#endif

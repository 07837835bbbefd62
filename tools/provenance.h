/* SPDX-License-Identifier: Apache-2.0
 * Statements of provenance: how a bundle was made, from what it says about itself and from the
 * options it was packed with.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_PROVENANCE_H
#define BFS_TOOLS_PROVENANCE_H

#include "tools/signing.h"

/* What the bundle does not tell. */
struct bfs_pack_parameters {
    bool dereference;
    bool no_dedup;
    int64_t started_on; /* seconds since 1970 */
};

/* Signs and publishes it for the bundle that was opened with bfs_signing_open(). `parameters` NULL:
 * the bundle is older than this program's run. Says what is wrong and returns an exit status. */
int bfs_provenance_publish(struct bfs_signing *signing,
                           const struct bfs_pack_parameters *parameters);

#endif

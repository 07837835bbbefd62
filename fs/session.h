/* SPDX-License-Identifier: Apache-2.0
 * One mount, from mounting to the end of its session. All of FUSE is behind these functions.
 *
 * THREAD SAFETY: belongs to the thread that runs it; one session a process, because libfuse's
 * signal handlers are global. */
#ifndef BFS_FS_SESSION_H
#define BFS_FS_SESSION_H

#include "codec/store/store.h"
#include "fs/log.h"
#include "fs/options.h"

struct bfs_session;
/* Mounts `store` at `mount_point` (absolute, from bfs_mount_path()); a mount of ours there whose
 * daemon died is removed first. All pointers outlive the session. Errors: -EBUSY (a live mount of
 * ours is there), -EACCES, -EPERM, -ENODEV (no FUSE), errors of bfs_catalog_load(). */
int bfs_session_mount(const struct bfs_store *store, const char *mount_point,
                      const struct bfs_mount_options *options, const struct bfs_log *log,
                      struct bfs_session **ret, struct bfs_error *error);
/* Serves until it is unmounted or SIGTERM, SIGINT or SIGHUP arrives. `ready` is called once, from
 * another thread, when the first request has been answered and what -o warm names is warm. Errors:
 * -EIO, and those of bfs_warm_find() and of filling. */
int bfs_session_run(struct bfs_session *session, void (*ready)(void *context), void *context,
                    struct bfs_error *error);
/* Unmounts if need be and frees everything. May wait for the store; the caller bounds that. */
struct bfs_session *bfs_session_free(struct bfs_session *session);
BFS_DEFINE_CLEANUP(bfs_session, bfs_session_free)

#endif

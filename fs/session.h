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
 * ours is there), -EACCES, -EPERM, -ENODEV (no FUSE), errors of bfs_mount_place_check() and
 * bfs_catalog_load(). */
int bfs_session_mount(const struct bfs_store *store, const char *mount_point,
                      const struct bfs_mount_options *options, const struct bfs_log *log,
                      struct bfs_session **ret, struct bfs_error *error);
/* What is told of the start, from another thread. */
struct bfs_session_events {
    /* So many bytes of what -o warm names are there; at most once a second, while it moves. */
    void (*warms)(void *context, uint64_t done, uint64_t total);
    /* Once, when the first request has been answered and what -o warm names is warm. */
    void (*ready)(void *context);
    void *context;
};
/* Serves until it is unmounted or SIGTERM, SIGINT or SIGHUP arrives. When it fails, the mount is
 * gone. Errors: -EIO, and those of bfs_warm_up(). */
int bfs_session_run(struct bfs_session *session, const struct bfs_session_events *events,
                    struct bfs_error *error);
/* Unmounts if need be, first of all; writes out the trace and the audit log; then frees everything.
 * May wait for the store; the caller bounds that.
 *
 * False: threads hang in the store. They go on using the store, the options and the log, and what
 * they use of the session is not freed. The caller frees none of it and ends the process by
 * _exit(2), which runs no handlers beside the threads. */
bool bfs_session_end(struct bfs_session *session);
/* The same for a session that never ran, and has no thread that could hang. */
struct bfs_session *bfs_session_free(struct bfs_session *session);
BFS_DEFINE_CLEANUP(bfs_session, bfs_session_free)

#endif

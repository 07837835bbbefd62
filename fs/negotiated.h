/* SPDX-License-Identifier: Apache-2.0
 * What the kernel and this daemon agreed on for one mount: .bundlefs/session.json, which
 * `bundlefs doctor` judges.
 *
 * THREAD SAFETY: plain data, protected by bfs_fs.mutex. */
#ifndef BFS_FS_NEGOTIATED_H
#define BFS_FS_NEGOTIATED_H

#include "verify/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct bfs_fs;
struct fuse_conn_info;

struct bfs_negotiated {
    uint32_t protocol_major, protocol_minor; /* 0: no request came yet */
    uint32_t capable, want;                  /* FUSE_CAP_* */
    uint32_t max_write;                      /* bytes, also of a read */
    uint32_t max_readahead;                  /* bytes */
    uint32_t max_background;
    uint32_t congestion_threshold;
    uint32_t request_threads;
    bool clone_fd;
    char
        limits[64]; /* the folder where the kernel says which limits are in force; "": none known */
};

/* What the INIT request ended with. */
void bfs_negotiated_note(struct bfs_fs *fs, const struct fuse_conn_info *connection);
/* Does the kernel give this connection another queue? It is tried, and given back; libfuse does
 * without where it cannot be, and tells nobody. */
bool bfs_negotiated_can_clone(int fuse_fd);
/* Where limits in force are found: "/sys/fs/fuse/connections/57", which need not be there. */
void bfs_negotiated_note_limits(struct bfs_fs *fs, const char *folder);
/* How the session's loop runs. */
void bfs_negotiated_note_loop(struct bfs_fs *fs, unsigned request_threads, bool clone_fd);
/* Appends session.json. Errors: -ENOMEM. */
int bfs_negotiated_write(struct bfs_fs *fs, struct bfs_buffer *ret);

#endif

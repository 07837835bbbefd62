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
};

/* What the INIT request ended with. */
void bfs_negotiated_note(struct bfs_fs *fs, const struct fuse_conn_info *connection);
/* How the session's loop runs. */
void bfs_negotiated_note_loop(struct bfs_fs *fs, unsigned request_threads, bool clone_fd);
/* Appends session.json. Errors: -ENOMEM. */
int bfs_negotiated_write(struct bfs_fs *fs, struct bfs_buffer *ret);

#endif

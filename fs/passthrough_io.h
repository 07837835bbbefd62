/* SPDX-License-Identifier: Apache-2.0
 * FUSE passthrough on the wire: the kernel reads an open file from a descriptor of ours, without
 * asking. libfuse has it since 3.17; with older ones its messages are completed on their way.
 * Backing ids come from the connection itself, with either.
 *
 * Facts of the protocol (include/uapi/linux/fuse.h, 7.40; Linux 6.9):
 *   - INIT, kernel: in `flags` bit 30 (FUSE_INIT_EXT) says that `flags2`, at offset 16 behind the
 *     header, is there; bit 5 of it (FUSE_PASSTHROUGH, bit 37 of both) offers passthrough.
 *   - INIT, reply: the same bits, `flags2` at offset 32, and max_stack_depth at offset 36, which is
 *     1: backing files lie on a file system that is not itself stacked upon another one.
 *   - ioctl(connection, BACKING_OPEN, {int32 fd, uint32 flags 0, uint64 0}) gives a backing id,
 * above 0, to who has CAP_SYS_ADMIN; BACKING_CLOSE takes a pointer to it. Who has the file open
 * keeps what is behind a closed id.
 *   - OPEN, reply: bit 7 of open_flags (FOPEN_PASSTHROUGH, not together with FOPEN_KEEP_CACHE), and
 *     the id in the last 32 bits. All opens of one inode at a time go the same way, through the
 * same id; another one fails with EIO.
 *
 * THREAD SAFETY: any function from any thread, once it is installed. */
#ifndef BFS_FS_PASSTHROUGH_IO_H
#define BFS_FS_PASSTHROUGH_IO_H

#include "fs/fuse.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Is it libfuse that says so on the wire? */
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
#define BFS_LIBFUSE_PASSES_THROUGH 1
#else
#define BFS_LIBFUSE_PASSES_THROUGH 0
#endif

struct bfs_passthrough_io {
    int fd;               /* the connection; -1: not installed */
    uint64_t init_unique; /* of INIT, which comes alone */
    atomic_bool awaits_init;
    atomic_bool agreed;
};

/* Before the session runs, for a mounted session whose userdata begins with `io` (see state.h).
 * Errors: -ENOTSUP, -ENOMEM. */
int bfs_passthrough_install(struct bfs_passthrough_io *io, struct fuse_session *session);
/* In the session's init(): asks for it where libfuse knows it. */
void bfs_passthrough_init(struct bfs_passthrough_io *io, struct fuse_conn_info *connection);
/* Known once a request has been answered. */
bool bfs_passthrough_is_agreed(const struct bfs_passthrough_io *io);
/* Errors: -EPERM (no CAP_SYS_ADMIN), -ELOOP (a stacked file system), -EOPNOTSUPP, -ENOMEM. */
int bfs_passthrough_register(const struct bfs_passthrough_io *io, int fd, int32_t *ret_id);
void bfs_passthrough_unregister(const struct bfs_passthrough_io *io, int32_t id);
/* Answers OPEN; as fuse_reply_open() when `id` is 0. */
int bfs_passthrough_reply_open(fuse_req_t request, const struct fuse_file_info *info, int32_t id);

/* What the hooks do, apart from reading and writing: for them, and for tests.
 * A message that came from the kernel. */
void bfs_passthrough_received(struct bfs_passthrough_io *io, const void *message, size_t size);
/* A reply on its way; `segments` may be replaced by those in `scratch`. */
struct bfs_passthrough_scratch {
    struct iovec segments[2];
    uint8_t body[64];
};
const struct iovec *bfs_passthrough_complete(struct bfs_passthrough_io *io,
                                             const struct iovec *segments, int n,
                                             struct bfs_passthrough_scratch *scratch);

#endif

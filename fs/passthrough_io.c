/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/passthrough_io.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Headers of older systems have none of it. */
enum {
    OPCODE_INIT = 26,
    INIT_EXT = 1 << 30,
    FLAGS2_PASSTHROUGH = 1 << 5,
    OPEN_KEEP_CACHE = 1 << 1,
    OPEN_PASSTHROUGH = 1 << 7,
    STACK_DEPTH = 1,
};

struct in_header {
    uint32_t size, opcode;
    uint64_t unique, node;
    uint32_t uid, gid, pid, padding;
};
struct init_in {
    uint32_t major, minor, max_readahead, flags, flags2;
};
struct out_header {
    uint32_t size;
    int32_t error;
    uint64_t unique;
};
struct init_out {
    uint32_t major, minor, max_readahead, flags;
    uint16_t max_background, congestion_threshold;
    uint32_t max_write, time_granularity;
    uint16_t max_pages, map_alignment;
    uint32_t flags2, max_stack_depth, unused[6];
};
struct open_out {
    uint64_t handle;
    uint32_t flags;
    int32_t backing_id;
};
struct backing_map {
    int32_t fd;
    uint32_t flags;
    uint64_t padding;
};

_Static_assert(sizeof(struct in_header) == 40 && sizeof(struct out_header) == 16, "wire");
_Static_assert(sizeof(struct init_out) == 64 && offsetof(struct init_out, flags2) == 32, "wire");
_Static_assert(sizeof(struct open_out) == 16 && sizeof(struct backing_map) == 16, "wire");
_Static_assert(sizeof(struct init_out) <= sizeof(((struct bfs_passthrough_scratch *)0)->body),
               "room for the larger of both");

#define BACKING_OPEN _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

/* The reply to OPEN is written by the thread that gives it, before fuse_reply_open() returns. */
static _Thread_local int32_t reply_id;

void bfs_passthrough_received(struct bfs_passthrough_io *io, const void *message, size_t size)
{
    struct in_header header;
    struct init_in init;
    if (!atomic_load_explicit(&io->awaits_init, memory_order_relaxed) || size < sizeof(header))
        return;
    memcpy(&header, message, sizeof(header));
    if (header.opcode != OPCODE_INIT)
        return;
    if (size >= sizeof(header) + sizeof(init))
        memcpy(&init, (const char *)message + sizeof(header), sizeof(init));
    else
        init = (struct init_in){0}; /* of a kernel that knows no flags2 */
    if (init.flags & INIT_EXT && init.flags2 & FLAGS2_PASSTHROUGH)
        io->init_unique = header.unique;
    else
        atomic_store(&io->awaits_init, false);
}

static const struct iovec *complete_init(struct bfs_passthrough_io *io,
                                         const struct iovec *segments,
                                         struct bfs_passthrough_scratch *scratch)
{
    struct init_out init;
    atomic_store(&io->awaits_init, false);
    memcpy(&init, segments[1].iov_base, sizeof(init));
    init.flags |= INIT_EXT;
    init.flags2 |= FLAGS2_PASSTHROUGH;
    init.max_stack_depth = STACK_DEPTH;
    memcpy(scratch->body, &init, sizeof(init));
    scratch->segments[0] = segments[0];
    scratch->segments[1] = (struct iovec){scratch->body, sizeof(init)};
    atomic_store(&io->agreed, true);
    return scratch->segments;
}

static const struct iovec *complete_open(const struct iovec *segments,
                                         struct bfs_passthrough_scratch *scratch)
{
    struct open_out open;
    memcpy(&open, segments[1].iov_base, sizeof(open));
    open.flags = (open.flags & ~(uint32_t)OPEN_KEEP_CACHE) | OPEN_PASSTHROUGH;
    open.backing_id = reply_id;
    memcpy(scratch->body, &open, sizeof(open));
    scratch->segments[0] = segments[0];
    scratch->segments[1] = (struct iovec){scratch->body, sizeof(open)};
    return scratch->segments;
}

const struct iovec *bfs_passthrough_complete(struct bfs_passthrough_io *io,
                                             const struct iovec *segments, int n,
                                             struct bfs_passthrough_scratch *scratch)
{
    struct out_header header;
    bool awaits_init = atomic_load_explicit(&io->awaits_init, memory_order_relaxed);
    if (BFS_LIBFUSE_PASSES_THROUGH || (!awaits_init && !reply_id) || n != 2 ||
        segments[0].iov_len != sizeof(header))
        return segments;
    memcpy(&header, segments[0].iov_base, sizeof(header));
    if (header.error)
        return segments;
    if (awaits_init && io->init_unique && header.unique == io->init_unique &&
        segments[1].iov_len == sizeof(struct init_out))
        return complete_init(io, segments, scratch);
    if (reply_id && segments[1].iov_len == sizeof(struct open_out))
        return complete_open(segments, scratch);
    return segments;
}

/* A session's userdata begins with this object. */
static ssize_t read_hook(int fd, void *buffer, size_t size, void *userdata)
{
    ssize_t n = read(fd, buffer, size);
    if (n > 0)
        bfs_passthrough_received(userdata, buffer, (size_t)n);
    return n;
}

static ssize_t writev_hook(int fd, struct iovec *segments, int n, void *userdata)
{
    struct bfs_passthrough_scratch scratch;
    return writev(fd, bfs_passthrough_complete(userdata, segments, n, &scratch), n);
}

int bfs_passthrough_install(struct bfs_passthrough_io *io, struct fuse_session *session)
{
    static const struct fuse_custom_io hooks = {.read = read_hook, .writev = writev_hook};
    int fd = fuse_session_fd(session);
    if (!BFS_LIBFUSE_PASSES_THROUGH) {
        atomic_store(&io->awaits_init, true);
        /* The session keeps its descriptor, and what it knows of the mount. */
        int r = fuse_session_custom_io(session, &hooks, fd);
        if (r) {
            atomic_store(&io->awaits_init, false);
            return r < 0 ? r : -ENOTSUP;
        }
    }
    io->fd = fd;
    return 0;
}

void bfs_passthrough_init(struct bfs_passthrough_io *io, struct fuse_conn_info *connection)
{
#if BFS_LIBFUSE_PASSES_THROUGH
    if (io->fd >= 0 && connection->capable & FUSE_CAP_PASSTHROUGH) {
        connection->want |= FUSE_CAP_PASSTHROUGH;
        /* What lies below a backing file; libfuse adds the mount itself for the wire. */
        connection->max_backing_stack_depth = STACK_DEPTH - 1;
        atomic_store(&io->agreed, true);
    }
#else
    (void)io;
    (void)connection;
#endif
}

bool bfs_passthrough_is_agreed(const struct bfs_passthrough_io *io)
{
    return atomic_load(&io->agreed);
}

int bfs_passthrough_register(const struct bfs_passthrough_io *io, int fd, int32_t *ret_id)
{
    struct backing_map map = {.fd = fd};
    int id = ioctl(io->fd, BACKING_OPEN, &map);
    if (id <= 0)
        return id < 0 ? -errno : -EOPNOTSUPP;
    *ret_id = id;
    return 0;
}

void bfs_passthrough_unregister(const struct bfs_passthrough_io *io, int32_t id)
{
    uint32_t closed = (uint32_t)id;
    (void)ioctl(io->fd, BACKING_CLOSE, &closed);
}

int bfs_passthrough_reply_open(fuse_req_t request, const struct fuse_file_info *info, int32_t id)
{
    struct fuse_file_info opened = *info;
    if (id > 0) {
        opened.keep_cache = 0;
#if BFS_LIBFUSE_PASSES_THROUGH
        opened.backing_id = id;
#endif
    }
    reply_id = id;
    int r = fuse_reply_open(request, &opened);
    reply_id = 0;
    return r;
}

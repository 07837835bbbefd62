/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/trace_writer.h"

#include "codec/store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bfs_trace_writer {
    int fd;
    char *path; /* from the root on, through links; NULL: no regular file, and nothing to replace */
    struct stat old;
    bool is_new; /* it has lines of ours alone */
    off_t size;  /* of them */
};

struct bfs_trace_writer *bfs_trace_writer_free(struct bfs_trace_writer *writer)
{
    if (writer) {
        bfs_cleanup_close(&writer->fd);
        free(writer->path);
        free(writer);
    }
    return NULL;
}

int bfs_trace_writer_open(const char *path, struct bfs_trace_writer **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_trace_writer_cleanup)
    struct bfs_trace_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return bfs_fail(error, -ENOMEM, "out of memory");
    writer->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (writer->fd < 0 || fstat(writer->fd, &writer->old) != 0)
        return bfs_fail(error, -errno, "trace: %s: %s", path, strerror(errno));
    if (S_ISREG(writer->old.st_mode) && !(writer->path = realpath(path, NULL)))
        return bfs_fail(error, -errno, "trace: %s: %s", path, strerror(errno));
    *ret = bfs_steal(&writer);
    return 0;
}

static int add(struct bfs_trace_writer *writer, const void *lines, size_t size)
{
    int r = bfs_write_all(writer->fd, lines, size);
    if (r == 0)
        writer->size += (off_t)size;
    else if (writer->path && ftruncate(writer->fd, writer->size) != 0)
        return r; /* half a line is left, which a reader leaves out */
    return r;
}

/* Where no other file can be made or take the place: a folder that is closed to us, a file that is
 * a mount. */
static int begin_in_place(struct bfs_trace_writer *writer, const void *lines, size_t size)
{
    if (ftruncate(writer->fd, 0) != 0)
        return -errno;
    return add(writer, lines, size);
}

/* As the old one was, as far as we may. */
static void take_after(int fd, const struct stat *old)
{
    int r = fchown(fd, old->st_uid, old->st_gid);
    (void)r;
    (void)fchmod(fd, old->st_mode & 0777);
}

static int begin(struct bfs_trace_writer *writer, const void *lines, size_t size)
{
    bfs_autofree char *beside = NULL;
    if (asprintf(&beside, "%s.XXXXXX", writer->path) < 0)
        return -ENOMEM;
    bfs_autoclose int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return begin_in_place(writer, lines, size);
    take_after(fd, &writer->old);
    int r = bfs_write_all(fd, lines, size);
    if (r == 0 && fdatasync(fd) != 0)
        r = -errno;
    if (r || rename(beside, writer->path) != 0) {
        (void)unlink(beside);
        return r ? r : begin_in_place(writer, lines, size);
    }
    (void)close(writer->fd);
    writer->fd = bfs_steal_fd(&fd);
    writer->size = (off_t)size;
    return 0;
}

int bfs_trace_writer_add(struct bfs_trace_writer *writer, const void *lines, size_t size)
{
    if (writer->is_new || !writer->path)
        return add(writer, lines, size);
    int r = begin(writer, lines, size);
    writer->is_new = r == 0;
    return r;
}

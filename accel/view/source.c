/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/view/source.h"

#include "codec/store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int bfs_source_file_make(const char *directory, bool dereference,
                         const struct bfs_scan_entry *entry, struct bfs_source_file *ret)
{
    char *path = bfs_join(directory, entry->path);
    if (!path)
        return -ENOMEM;
    *ret = (struct bfs_source_file){
        .path = path,
        .inside = path + strlen(path) - strlen(entry->path),
        .dereference = dereference,
        .size = entry->size,
        .mtime = entry->mtime,
        .ctime = entry->ctime,
    };
    return 0;
}

void bfs_source_file_done(struct bfs_source_file *file)
{
    free(file->path);
    *file = (struct bfs_source_file){0};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

int bfs_source_file_check(const struct bfs_source_file *file, int fd, struct bfs_error *error)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->size &&
        is_same_time(st.st_mtim, file->mtime) && is_same_time(st.st_ctim, file->ctime))
        return 0;
    return bfs_fail(error, -ESTALE, "%.400s: changed while it was being packed; pack again",
                    file->path);
}

int bfs_source_file_open(const struct bfs_source_file *file, int *ret_fd, struct bfs_error *error)
{
    /* O_NONBLOCK: a FIFO in place of the file must not stop us before fstat() tells. */
    bfs_autoclose int fd =
        open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (file->dereference ? 0 : O_NOFOLLOW));
    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return bfs_fail(error, -ESTALE, "%.400s: changed while it was being packed; pack again",
                        file->path);
    if (fd < 0)
        return bfs_fail(error, -errno, "%.400s: %s", file->path, strerror(errno));
    int r = bfs_source_file_check(file, fd, error);
    if (r)
        return r;
    *ret_fd = bfs_steal_fd(&fd);
    return 0;
}

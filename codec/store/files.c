/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/store/files.h"

#include "verify/cleanup.h"
#include "verify/errno_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int bfs_pread_exact(int fd, void *ret, size_t size, uint64_t offset)
{
    uint8_t *at = ret;
    while (size > 0) {
        ssize_t n = pread(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -ENODATA;
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int bfs_write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int bfs_pwrite_all(int fd, const void *bytes, size_t size, uint64_t offset)
{
    const uint8_t *at = bytes;
    while (size > 0) {
        ssize_t n = pwrite(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int bfs_fail_unsynced(struct bfs_error *error, int code, const char *what, const char *folder)
{
    return bfs_fail(error, code,
                    "%s: in place, but a power cut may undo it: cannot sync %s: %s; repeat the "
                    "command, or run \"sync\", when the disk is well",
                    what, folder, strerror(-code));
}

int bfs_read_file(const char *path, uint64_t limit, uint8_t **ret, size_t *ret_size,
                  struct bfs_error *error)
{
    /* O_NONBLOCK: a FIFO in place of the file must not stop us before fstat() tells. */
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", path, bfs_read_errno_text(errno));
    if (!S_ISREG(st.st_mode))
        return bfs_fail(error, -EINVAL, "%s: not a regular file", path);
    if ((uint64_t)st.st_size > limit)
        return bfs_fail(error, -E2BIG, "%s: %lld bytes are more than %llu", path,
                        (long long)st.st_size, (unsigned long long)limit);
    size_t size = (size_t)st.st_size;
    bfs_autofree uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", path);
    int r = bfs_pread_exact(fd, bytes, size, 0);
    if (r)
        return bfs_fail(error, r, "%s: %s", path, bfs_read_errno_text(-r));
    bytes[size] = '\0';
    *ret = bfs_steal(&bytes);
    *ret_size = size;
    return 0;
}

int bfs_sync_folder(const char *path)
{
    bfs_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fsync(fd) == 0 ? 0 : -errno;
}

int bfs_create_temporary(const char *folder, int *ret_fd, char **ret_path, struct bfs_error *error)
{
    bfs_autofree char *path = bfs_join(folder, "XXXXXX");
    if (!path)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", folder);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return bfs_fail(error, -errno, "%s: cannot create a file: %s", folder, strerror(errno));
    *ret_fd = fd;
    *ret_path = bfs_steal(&path);
    return 0;
}

int bfs_replace_file(const char *tmp_folder, const char *folder, const char *path,
                     const void *bytes, size_t size, struct bfs_error *error)
{
    bfs_autoclose int fd = -1;
    bfs_autofree char *temporary = NULL;
    int r = bfs_create_temporary(tmp_folder, &fd, &temporary, error);
    if (r)
        return r;
    struct stat st;
    r = bfs_write_all(fd, bytes, size);
    if (r == 0 && (stat(folder, &st) != 0 || fchmod(fd, bfs_mode_within(st.st_mode, 0644)) != 0 ||
                   fsync(fd) != 0))
        r = -errno;
    if (r == 0 && rename(temporary, path) != 0)
        r = -errno;
    if (r) {
        (void)unlink(temporary);
        return bfs_fail(error, r, "%s: cannot write: %s", path, bfs_write_errno_text(-r));
    }
    r = bfs_sync_folder(folder);
    return r ? bfs_fail_unsynced(error, r, path, folder) : 0;
}

int bfs_make_folder(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? 0 : -errno;
    return errno == EEXIST ? 0 : -errno;
}

mode_t bfs_mode_within(mode_t folder, mode_t mode)
{
    return mode & (folder | 0700);
}

char *bfs_join(const char *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

char *bfs_resolve_new(const char *path)
{
    char *there = realpath(path, NULL);
    if (there || errno != ENOENT)
        return there;
    bfs_autofree char *copy = strdup(path);
    if (!copy)
        return NULL;
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    char *slash = strrchr(copy, '/');
    const char *name = slash ? slash + 1 : copy;
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        errno = ENOENT;
        return NULL;
    }
    bfs_autofree char *parent =
        !slash ? realpath(".", NULL) : (*slash = '\0', realpath(*copy ? copy : "/", NULL));
    char *joined = NULL;
    if (!parent)
        return NULL;
    if (asprintf(&joined, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return joined;
}

char *bfs_absolute_path(const char *path)
{
    if (*path == '/')
        return strdup(path);
    bfs_autofree char *folder = getcwd(NULL, 0);
    return folder ? bfs_join(folder, path) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trust/key_file.h"

#include "verify/cleanup.h"
#include "verify/errno_text.h"
#include "verify/trust/public_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static int fail_errno(struct bfs_error *error, const char *path, const char *deed)
{
    int code = -errno;
    return bfs_fail(error, code, "%s: %s: %s", path, deed, bfs_write_errno_text(-code));
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    bfs_autofree char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) {
        errno = ENOMEM;
        return -1;
    }
    bfs_autoclose int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : fsync(fd);
}

int bfs_key_file_create(const char *path, bool is_secret, const char *text, size_t size,
                        struct bfs_error *error)
{
    bfs_autoclose int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, is_secret ? 0600 : 0644);
    if (fd < 0 && errno == EEXIST)
        return bfs_fail(error, -EEXIST, "%s: exists; a key is never replaced", path);
    if (fd < 0)
        return fail_errno(error, path, "cannot create");
    if (write_all(fd, text, size) == 0 && fsync(fd) == 0 && sync_folder_of(path) == 0)
        return 0;
    int r = fail_errno(error, path, "cannot write");
    (void)unlink(path);
    return r;
}

int bfs_key_file_read(const char *path, char *ret, size_t *ret_size, struct bfs_error *error)
{
    struct stat status;
    size_t size = 0;
    /* Not blocking: a FIFO must be refused, not waited for. */
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0)
        return fail_errno(error, path, "cannot read the key");
    if (!S_ISREG(status.st_mode))
        return bfs_fail(error, -EINVAL, "%s: a key must be a regular file", path);
    while (size < BFS_KEY_FILE_MAX) {
        ssize_t n = read(fd, ret + size, BFS_KEY_FILE_MAX - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(error, path, "cannot read the key");
        if (n == 0)
            break;
        size += (size_t)n;
    }
    char more;
    if (size == BFS_KEY_FILE_MAX && read(fd, &more, 1) != 0)
        return bfs_fail(error, -E2BIG, "%s: a key file is at most %d bytes", path,
                        BFS_KEY_FILE_MAX);
    *ret_size = size;
    return 0;
}

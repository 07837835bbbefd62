/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VARIABLE "BUNDLEFS_HOST"

static int read_file(const char *path, struct bfs_buffer *ret, struct bfs_error *error)
{
    struct stat status;
    uint8_t block[4096];
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status)) {
        int r = -errno;
        return bfs_fail(error, r, "the description of the host, %.300s: %s", path, strerror(-r));
    }
    if (!S_ISREG(status.st_mode))
        return bfs_fail(error, -EINVAL, "the description of the host, %.300s: not a file", path);
    while (ret->size <= BFS_HOST_FILE_MAX) {
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int r = -errno;
            return bfs_fail(error, r, "the description of the host, %.300s: %s", path,
                            strerror(-r));
        }
        if (n == 0)
            break;
        bfs_buffer_put(ret, block, (size_t)n);
    }
    return bfs_buffer_status(ret) ? bfs_fail(error, -ENOMEM, "out of memory") : 0;
}

int bfs_host_load(const char *file, struct bfs_host *ret, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    const char *path = file ? file : getenv(VARIABLE);
    int r;
    if (!path || (!file && !*path)) {
        r = bfs_host_probe(ret);
        return r ? bfs_fail(error, r, "the host: %s", strerror(-r)) : 0;
    }
    if ((r = read_file(path, &text, error)) ||
        (r = bfs_host_read(text.bytes ? (const void *)text.bytes : "", text.size, path, ret,
                           error)))
        return r;
    return 0;
}

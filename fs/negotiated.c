/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/negotiated.h"

#include "fs/state.h"
#include "verify/json.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The flags that matter to a read-only file system of immutable files. */
static const struct {
    uint32_t flag;
    const char *name;
} flags[] = {
    {FUSE_CAP_ASYNC_READ, "async_read"},
    {FUSE_CAP_PARALLEL_DIROPS, "parallel_dirops"},
    {FUSE_CAP_READDIRPLUS, "readdirplus"},
    {FUSE_CAP_READDIRPLUS_AUTO, "readdirplus_auto"},
    {FUSE_CAP_NO_OPENDIR_SUPPORT, "no_opendir"},
    {FUSE_CAP_CACHE_SYMLINKS, "cache_symlinks"},
    {FUSE_CAP_EXPLICIT_INVAL_DATA, "explicit_inval_data"},
    {FUSE_CAP_AUTO_INVAL_DATA, "auto_inval_data"},
    {FUSE_CAP_SPLICE_READ, "splice_read"},
    {FUSE_CAP_SPLICE_WRITE, "splice_write"},
    {FUSE_CAP_SPLICE_MOVE, "splice_move"},
};

void bfs_negotiated_note(struct bfs_fs *fs, const struct fuse_conn_info *connection)
{
    (void)pthread_mutex_lock(&fs->mutex);
    struct bfs_negotiated *negotiated = &fs->negotiated;
    negotiated->protocol_major = connection->proto_major;
    negotiated->protocol_minor = connection->proto_minor;
    negotiated->capable = connection->capable;
    negotiated->want = connection->want;
    negotiated->max_write = connection->max_write;
    negotiated->max_readahead = connection->max_readahead;
    negotiated->max_background = connection->max_background;
    negotiated->congestion_threshold = connection->congestion_threshold;
    (void)pthread_mutex_unlock(&fs->mutex);
}

bool bfs_negotiated_can_clone(int fuse_fd)
{
    uint32_t source = (uint32_t)fuse_fd;
    bfs_autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    return fd >= 0 && ioctl(fd, FUSE_DEV_IOC_CLONE, &source) == 0;
}

void bfs_negotiated_note_limits(struct bfs_fs *fs, const char *folder)
{
    (void)pthread_mutex_lock(&fs->mutex);
    (void)snprintf(fs->negotiated.limits, sizeof(fs->negotiated.limits), "%s", folder);
    (void)pthread_mutex_unlock(&fs->mutex);
}

void bfs_negotiated_note_loop(struct bfs_fs *fs, unsigned request_threads, bool clone_fd)
{
    (void)pthread_mutex_lock(&fs->mutex);
    fs->negotiated.request_threads = request_threads;
    fs->negotiated.clone_fd = clone_fd;
    (void)pthread_mutex_unlock(&fs->mutex);
}

/* Each flag is true when it is in use, false when the kernel offers it and it is not; one that the
 * kernel does not have is left out. */
static void add_flags(struct json_object *root, const struct bfs_negotiated *negotiated,
                      int *status)
{
    struct json_object *object = bfs_json_new_object(status);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if ((negotiated->capable | negotiated->want) & flags[i].flag)
            bfs_json_add_boolean(object, flags[i].name, (negotiated->want & flags[i].flag) != 0,
                                 status);
    bfs_json_add(root, "flags", object, status);
}

static bool read_limit(const struct bfs_negotiated *negotiated, const char *name, uint32_t *limit)
{
    char path[320], text[32];
    if (!negotiated->limits[0])
        return false;
    (void)snprintf(path, sizeof(path), "%s/%s", negotiated->limits, name);
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    *limit = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

/* The kernel clamps what a user asks for, and root may change it at any time. */
static bool read_limits(struct bfs_negotiated *negotiated)
{
    return read_limit(negotiated, "max_background", &negotiated->max_background) &&
           read_limit(negotiated, "congestion_threshold", &negotiated->congestion_threshold);
}

int bfs_negotiated_write(struct bfs_fs *fs, struct bfs_buffer *ret)
{
    static const char *const verify[] = {"always", "once", "strict"};
    const struct bfs_mount_options *options = fs->options;
    struct utsname kernel = {0};
    int status = 0;
    (void)uname(&kernel);
    (void)pthread_mutex_lock(&fs->mutex);
    struct bfs_negotiated negotiated = fs->negotiated;
    (void)pthread_mutex_unlock(&fs->mutex);
    bool in_force = read_limits(&negotiated);
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "schema_version", "1.0", &status);
    bfs_json_add_string(root, "version", BFS_VERSION, &status);
    bfs_json_add_string(root, "kernel", kernel.release, &status);
    bfs_json_add_string(root, "libfuse", fuse_pkgversion(), &status);
    bfs_json_add_integer(root, "protocol_major", negotiated.protocol_major, &status);
    bfs_json_add_integer(root, "protocol_minor", negotiated.protocol_minor, &status);
    bfs_json_add_integer(root, "max_request_bytes", negotiated.max_write, &status);
    bfs_json_add_integer(root, "max_readahead_bytes", negotiated.max_readahead, &status);
    bfs_json_add_integer(root, "max_background", negotiated.max_background, &status);
    bfs_json_add_integer(root, "congestion_threshold", negotiated.congestion_threshold, &status);
    bfs_json_add_boolean(root, "background_in_force", in_force, &status);
    bfs_json_add_boolean(root, "clone_fd", negotiated.clone_fd, &status);
    bfs_json_add_integer(root, "request_threads", negotiated.request_threads, &status);
    bfs_json_add_integer(root, "workers", bfs_pool_n_workers(fs->pool), &status);
    bfs_json_add_integer(root, "usable_cpus", bfs_host_usable_cpus(), &status);
    bfs_json_add_integer(root, "cache_size_bytes", bfs_cache_limit(fs->cache), &status);
    bfs_json_add_integer(root, "timeout_seconds", options->timeout, &status);
    bfs_json_add_string(root, "verify", verify[options->verify], &status);
    bfs_json_add_boolean(root, "is_root", geteuid() == 0, &status);
    bfs_json_add_integer(root, "pid", (uint64_t)getpid(), &status);
    add_flags(root, &negotiated, &status);
    if (status == 0)
        bfs_json_write(root, ret);
    return status ? status : bfs_buffer_status(ret);
}

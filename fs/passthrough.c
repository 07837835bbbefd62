/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/passthrough.h"

#include <stdio.h>
#include <string.h>

static bool is_switched_off(const struct bfs_mount_options *options)
{
    return options->passthrough && strcmp(options->passthrough, "off") == 0;
}

void bfs_passthrough_prepare(struct bfs_fs *fs)
{
    const char *why = "the kernel offers none; Linux 6.9 does";
    if (is_switched_off(fs->options))
        why = "-o passthrough=off";
    else if (fs->options->trace)
        why = "-o trace wants to see every read";
    else if (geteuid() != 0)
        why = "only root may";
    else if (bfs_passthrough_install(&fs->passthrough, fs->session))
        why = "libfuse does not let its messages be completed";
    (void)snprintf(fs->no_passthrough, sizeof(fs->no_passthrough), "%s", why);
}

static int add_backing(void *context, int fd, int32_t *ret_id)
{
    const struct bfs_fs *fs = context;
    return bfs_passthrough_register(&fs->passthrough, fd, ret_id);
}

static void remove_backing(void *context, int32_t id)
{
    const struct bfs_fs *fs = context;
    bfs_passthrough_unregister(&fs->passthrough, id);
}

/* Failures mean that the kernel does not know the name. */
static void forget_name(void *context, uint64_t parent, const char *name)
{
    const struct bfs_fs *fs = context;
    (void)fuse_lowlevel_notify_inval_entry(fs->session, parent, name, strlen(name));
}

static int retrieve(void *context, uint64_t node, uint64_t offset, size_t size, void *cookie)
{
    const struct bfs_fs *fs = context;
    return fuse_lowlevel_notify_retrieve(fs->session, node, size, (off_t)offset, cookie);
}

static int start_backing(struct bfs_fs *fs, struct bfs_error *error)
{
    const struct bfs_mount_options *options = fs->options;
    const struct bfs_backing_kernel kernel = {.add = add_backing,
                                              .remove = remove_backing,
                                              .forget = forget_name,
                                              .retrieve = retrieve,
                                              .context = fs};
    struct bfs_backing_place place;
    enum bfs_backing_fill fill = BFS_FILL_AGAIN;
    if (options->backing_fill)
        (void)bfs_backing_fill_parse(options->backing_fill, &fill);
    int r = bfs_backing_place_find(options->backing, options->backing_size, &place, error);
    return r ? r : bfs_backing_start(fs->backing, &kernel, &place, fill, error);
}

void bfs_passthrough_start(struct bfs_fs *fs)
{
    char why[BFS_ERROR_TEXT_SIZE];
    struct bfs_error error = {0};
    if (fs->passthrough.fd >= 0 && bfs_passthrough_is_agreed(&fs->passthrough)) {
        bool works = start_backing(fs, &error) == 0;
        (void)pthread_mutex_lock(&fs->mutex);
        (void)snprintf(fs->no_passthrough, sizeof(fs->no_passthrough), "%s",
                       works ? "" : bfs_error_text(&error, why));
        (void)pthread_mutex_unlock(&fs->mutex);
    }
    if (fs->no_passthrough[0] && !is_switched_off(fs->options))
        bfs_log(fs->log, BFS_LOG_INFO, "no passthrough: %s", fs->no_passthrough);
}

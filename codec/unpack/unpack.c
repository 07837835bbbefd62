/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/unpack/unpack.h"

#include "codec/content/content.h"
#include "codec/store/files.h"
#include "codec/unpack/target.h"
#include "verify/errno_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct unpack {
    struct bfs_bundle *bundle;
    const struct bfs_index *index;
    const struct bfs_unpack_options *options;
    struct bfs_target target;
    uint32_t top;       /* inode of the directory that is unpacked */
    size_t path_length; /* of its path and the slash after it */
    uint8_t *wanted;    /* for each inode: is it written? */
    uint32_t *files;    /* inode numbers of what is written */
    size_t n_files;
    uint64_t done;
    uint64_t total;
};

/* A file being written. */
struct sink {
    char *path;
    int fd;
};

static void unpack_done(struct unpack *unpack)
{
    bfs_target_done(&unpack->target);
    free(unpack->wanted);
    free(unpack->files);
}

/* Path below the directory that is unpacked, "" for that; malloc'ed; NULL: no memory. */
static char *path_below(const struct unpack *unpack, uint32_t number)
{
    bfs_autofree char *path = bfs_index_path(unpack->index, number);
    if (!path)
        return NULL;
    return number == unpack->top ? strdup("") : strdup(path + unpack->path_length);
}

static int fail_path(struct bfs_error *error, int code, const char *path)
{
    return bfs_fail(error, code, "%s: %s", path, bfs_write_errno_text(-code));
}

static int set_times(int fd, const struct bfs_inode *inode)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = inode->mtime_sec, .tv_nsec = inode->mtime_nsec}};
    return futimens(fd, times) == 0 ? 0 : -errno;
}

/* Permissions, times, and durability of an open file or directory. */
static int finish_fd(const struct unpack *unpack, int fd, const struct bfs_inode *inode)
{
    mode_t extra = S_ISDIR(inode->mode) && (inode->flags & BFS_INODE_GENERATED) ? S_IWUSR : 0;
    if (fchmod(fd, (inode->mode & 0777) | extra) != 0)
        return -errno;
    int r = set_times(fd, inode);
    if (r == 0 && !unpack->options->no_sync && fsync(fd) != 0)
        r = -errno;
    return r;
}

static int make_folder(const struct unpack *unpack, const char *path)
{
    bfs_autoclose int parent = -1;
    const char *name;
    int r = bfs_target_open_parent(&unpack->target, path, &parent, &name);
    if (r == 0 && mkdirat(parent, name, 0700) != 0)
        r = -errno;
    return r;
}

static int make_link(const struct unpack *unpack, const char *path, const struct bfs_inode *inode)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = inode->mtime_sec, .tv_nsec = inode->mtime_nsec}};
    bfs_autoclose int parent = -1;
    bfs_autofree char *target =
        strndup(bfs_index_target(unpack->index, inode), (size_t)inode->size);
    const char *name;
    if (!target)
        return -ENOMEM;
    int r = bfs_target_open_parent(&unpack->target, path, &parent, &name);
    if (r)
        return r;
    if (symlinkat(target, parent, name) != 0 ||
        utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    return 0;
}

static int finish_folder(const struct unpack *unpack, const char *path,
                         const struct bfs_inode *inode)
{
    bfs_autoclose int parent = -1;
    const char *name;
    int r = bfs_target_open_parent(&unpack->target, path, &parent, &name);
    if (r)
        return r;
    bfs_autoclose int fd =
        openat(parent, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : finish_fd(unpack, fd, inode);
}

/* What is done to an inode, by its type; 0 skips it. */
typedef int step(const struct unpack *unpack, const char *path, const struct bfs_inode *inode);

static int make_folder_step(const struct unpack *unpack, const char *path,
                            const struct bfs_inode *inode)
{
    (void)inode;
    return *path ? make_folder(unpack, path) : 0;
}

/* Inode numbers grow from parents to children, so directories are made forwards and finished
 * backwards. */
static int for_each(const struct unpack *unpack, mode_t type, bool backwards, step *apply,
                    struct bfs_error *error)
{
    uint32_t n = bfs_index_n_inodes(unpack->index);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = backwards ? n - 1 - i : i;
        struct bfs_inode inode = bfs_index_inode(unpack->index, number);
        if ((inode.mode & S_IFMT) != type || !unpack->wanted[number])
            continue;
        bfs_autofree char *path = path_below(unpack, number);
        if (!path)
            return bfs_fail(error, -ENOMEM, "out of memory");
        int r = apply(unpack, path, &inode);
        if (r)
            return fail_path(error, r, *path ? path : unpack->target.path);
    }
    return 0;
}

static int open_new(const struct unpack *unpack, const char *path, int *ret)
{
    bfs_autoclose int parent = -1;
    const char *name;
    int r = bfs_target_open_parent(&unpack->target, path, &parent, &name);
    if (r)
        return r;
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    *ret = fd;
    return 0;
}

static void free_sink(struct sink *sink)
{
    if (sink) {
        bfs_cleanup_close(&sink->fd);
        free(sink->path);
        free(sink);
    }
}

static void cleanup_sink(struct sink **sink)
{
    free_sink(*sink);
}

static int on_begin(void *context, struct bfs_file *file, void **ret_sink, struct bfs_error *error)
{
    const struct unpack *unpack = context;
    BFS_CLEANUP(cleanup_sink) struct sink *sink = calloc(1, sizeof(*sink));
    if (!sink)
        return bfs_fail(error, -ENOMEM, "out of memory");
    sink->fd = -1;
    sink->path = path_below(unpack, bfs_file_inode(file));
    if (!sink->path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = open_new(unpack, sink->path, &sink->fd);
    /* The full length at once: chunks of zeros are left as holes. */
    if (r == 0 && ftruncate(sink->fd, (off_t)bfs_file_size(file)) != 0)
        r = -errno;
    if (r)
        return fail_path(error, r, sink->path);
    *ret_sink = bfs_steal(&sink);
    return 0;
}

static int on_take(void *context, void *given, const struct bfs_chunk *chunk, const uint8_t *raw,
                   struct bfs_error *error)
{
    const struct sink *sink = given;
    (void)context;
    if (chunk->encoding.codec == BFS_CODEC_ZERO)
        return 0;
    for (uint32_t done = 0; done < chunk->raw_size;) {
        ssize_t n =
            pwrite(sink->fd, raw + done, chunk->raw_size - done, (off_t)(chunk->raw_off + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_path(error, n < 0 ? -errno : -EIO, sink->path);
        done += (uint32_t)n;
    }
    return 0;
}

static int on_end(void *context, void *given, struct bfs_file *file, int result,
                  struct bfs_error *error)
{
    const struct unpack *unpack = context;
    struct sink *sink = given;
    int r = 0;
    if (result == 0) {
        struct bfs_inode inode = bfs_index_inode(unpack->index, bfs_file_inode(file));
        r = finish_fd(unpack, sink->fd, &inode);
        if (r)
            r = fail_path(error, r, sink->path);
    }
    free_sink(sink);
    return r;
}

static int on_progress(void *context, uint64_t bytes)
{
    struct unpack *unpack = context;
    unpack->done += bytes;
    if (!unpack->options->progress)
        return 0;
    return unpack->options->progress(unpack->options->context, unpack->done, unpack->total) ? -EINTR
                                                                                            : 0;
}

/* The inode of the directory that becomes the target. */
static int find_top(struct unpack *unpack, struct bfs_error *error)
{
    const char *view = unpack->options->view;
    unpack->top = BFS_INODE_ROOT;
    if (!view)
        return 0;
    if (!bfs_bundle_config_view(bfs_bundle_config(unpack->bundle), view))
        return bfs_fail(error, -ENOENT, "the bundle has no view \"%.63s\"", view);
    bfs_autofree char *path = bfs_join("views", view);
    if (!path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = bfs_index_resolve(unpack->index, path, &unpack->top);
    unpack->path_length = strlen(path) + 1;
    return r ? fail_path(error, r, path) : 0;
}

/* Parents have smaller numbers than what they hold. */
static int choose(struct unpack *unpack, struct bfs_error *error)
{
    uint32_t n = bfs_index_n_inodes(unpack->index);
    bool all = unpack->options->view || unpack->options->metadata;
    unpack->wanted = calloc(n, sizeof(*unpack->wanted));
    unpack->files = calloc(n, sizeof(*unpack->files));
    if (!unpack->wanted || !unpack->files)
        return bfs_fail(error, -ENOMEM, "out of memory");
    unpack->wanted[unpack->top] = 1;
    for (uint32_t number = unpack->top + 1; number < n; number++) {
        struct bfs_inode inode = bfs_index_inode(unpack->index, number);
        if (!unpack->wanted[inode.parent] || (!all && (inode.flags & BFS_INODE_GENERATED)))
            continue;
        unpack->wanted[number] = 1;
        if (!S_ISREG(inode.mode))
            continue;
        unpack->files[unpack->n_files++] = number;
        unpack->total += inode.size;
    }
    return 0;
}

static int write_text(const struct unpack *unpack, const char *name, const void *bytes, size_t size,
                      struct bfs_error *error)
{
    struct bfs_inode root = bfs_index_inode(unpack->index, BFS_INODE_ROOT);
    bfs_autoclose int fd = -1;
    root.mode = S_IFREG | 0444;
    int r = open_new(unpack, name, &fd);
    if (r == 0)
        r = bfs_write_all(fd, bytes, size);
    if (r == 0)
        r = finish_fd(unpack, fd, &root);
    return r ? fail_path(error, r, name) : 0;
}

static int write_metadata(const struct unpack *unpack, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer sums = BFS_BUFFER_INIT;
    size_t size;
    const uint8_t *manifest = bfs_bundle_config_bytes(unpack->bundle, &size);
    int r = write_text(unpack, "manifest.json", manifest, size, error);
    if (r)
        return r;
    r = bfs_bundle_sums(unpack->bundle, 0, &sums);
    if (r)
        return bfs_fail(error, r, "out of memory");
    return write_text(unpack, "SHA256SUMS", sums.bytes, sums.size, error);
}

static int write_all(struct unpack *unpack, struct bfs_error *error)
{
    static const struct bfs_content_ops ops = {
        .begin = on_begin,
        .take = on_take,
        .end = on_end,
        .progress = on_progress,
    };
    int r;
    if ((r = for_each(unpack, S_IFDIR, false, make_folder_step, error)) ||
        (r = bfs_content_read(unpack->bundle, unpack->files, unpack->n_files,
                              unpack->options->n_jobs, &ops, unpack, error)) ||
        (unpack->options->metadata && (r = write_metadata(unpack, error))) ||
        /* Links last, so that nothing is ever written through one. */
        (r = for_each(unpack, S_IFLNK, false, make_link, error)) ||
        (r = for_each(unpack, S_IFDIR, true, finish_folder, error)))
        return r;
    return 0;
}

int bfs_unpack(struct bfs_bundle *bundle, const struct bfs_unpack_options *options,
               struct bfs_unpack_report *ret, struct bfs_error *error)
{
    BFS_CLEANUP(unpack_done)
    struct unpack unpack = {
        .bundle = bundle,
        .index = bfs_bundle_index(bundle),
        .options = options,
        .target = {.parent_fd = -1, .fd = -1},
    };
    int r;
    if (options->view && options->metadata)
        return bfs_fail(error, -EINVAL, "a view is unpacked without the bundle's metadata");
    if ((r = find_top(&unpack, error)) || (r = choose(&unpack, error)) ||
        (r = bfs_target_make(options->directory, &unpack.target, error)) ||
        (r = write_all(&unpack, error)) ||
        (r = bfs_target_commit(&unpack.target, !options->no_sync, error)))
        return r;
    *ret = (struct bfs_unpack_report){.n_files = unpack.n_files, .content_size = unpack.total};
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/unpack/target.h"

#include "codec/store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int check_empty(const char *path, struct bfs_error *error)
{
    DIR *folder = opendir(path);
    if (!folder)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    bool empty = true;
    const struct dirent *entry;
    while (empty && (entry = readdir(folder)))
        empty = is_dots(entry->d_name);
    (void)closedir(folder);
    if (!empty)
        return bfs_fail(error, -EEXIST,
                        "%s: the directory is not empty; name a new or an empty one", path);
    return 0;
}

/* An existing directory is replaced by rename(2), which some of them do not survive. */
static int check_replaceable(const char *path, const struct stat *st, int parent_fd,
                             struct bfs_error *error)
{
    struct stat parent, here;
    if (fstat(parent_fd, &parent) == 0 && parent.st_dev != st->st_dev)
        return bfs_fail(error, -EINVAL, "%s: a mount point; name a new directory below it", path);
    if (stat(".", &here) == 0 && here.st_dev == st->st_dev && here.st_ino == st->st_ino)
        return bfs_fail(error, -EINVAL, "%s: the current directory; name a new directory inside it",
                        path);
    return check_empty(path, error);
}

static int make_temporary(struct bfs_target *target, struct bfs_error *error)
{
    enum { TRIES = 100, SUFFIX = 15 /* ".partial-XXXXXX" */ };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    int kept = (int)strnlen(target->name, NAME_MAX - SUFFIX);
    for (int i = 0; i < TRIES; i++) {
        bfs_autofree char *name = NULL;
        uint8_t random[6];
        if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
            return bfs_fail(error, -EIO, "%s: no random numbers", target->path);
        if (asprintf(&name, "%.*s.partial-%c%c%c%c%c%c", kept, target->name,
                     letters[random[0] % 32], letters[random[1] % 32], letters[random[2] % 32],
                     letters[random[3] % 32], letters[random[4] % 32],
                     letters[random[5] % 32]) < 0) {
            name = NULL;
            return bfs_fail(error, -ENOMEM, "out of memory");
        }
        if (mkdirat(target->parent_fd, name, 0700) == 0) {
            target->temporary = bfs_steal(&name);
            target->fd = openat(target->parent_fd, target->temporary, FOLDER_FLAGS);
            return target->fd < 0 ? bfs_fail(error, -errno, "%s: %s", target->path, strerror(errno))
                                  : 0;
        }
        if (errno != EEXIST)
            break;
    }
    return bfs_fail(error, -errno, "%s: cannot make the directory: %s", target->path,
                    strerror(errno));
}

int bfs_target_make(const char *path, struct bfs_target *ret, struct bfs_error *error)
{
    *ret = (struct bfs_target){.parent_fd = -1, .fd = -1};
    ret->path = bfs_resolve_new(path);
    if (!ret->path)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    char *slash = strrchr(ret->path, '/');
    ret->name = slash + 1;
    if (*ret->name == '\0')
        return bfs_fail(error, -EINVAL, "%s: not a place for a bundle", path);
    bfs_autofree char *parent = strndup(ret->path, (size_t)(slash - ret->path) + 1);
    if (!parent)
        return bfs_fail(error, -ENOMEM, "out of memory");
    ret->parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->parent_fd < 0)
        return bfs_fail(error, -errno, "%s: %s", parent, strerror(errno));
    struct stat st;
    if (fstatat(ret->parent_fd, ret->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        int r = S_ISDIR(st.st_mode)
                    ? check_replaceable(ret->path, &st, ret->parent_fd, error)
                    : bfs_fail(error, -ENOTDIR, "%s: exists and is not a directory", path);
        if (r)
            return r;
    } else if (errno != ENOENT) {
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    }
    return make_temporary(ret, error);
}

int bfs_target_open_parent(const struct bfs_target *target, const char *path, int *ret_fd,
                           const char **ret_name)
{
    bfs_autoclose int fd = openat(target->fd, ".", FOLDER_FLAGS);
    const char *slash;
    for (; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        char name[NAME_MAX + 1];
        size_t length = (size_t)(slash - path);
        if (length >= sizeof(name))
            return -ENAMETOOLONG;
        memcpy(name, path, length);
        name[length] = '\0';
        int next = openat(fd, name, FOLDER_FLAGS);
        bfs_cleanup_close(&fd);
        fd = next;
    }
    if (fd < 0)
        return -errno;
    *ret_fd = bfs_steal_fd(&fd);
    *ret_name = path;
    return 0;
}

int bfs_target_commit(struct bfs_target *target, bool sync, struct bfs_error *error)
{
    if (renameat(target->parent_fd, target->temporary, target->parent_fd, target->name) != 0)
        return bfs_fail(error, -errno, "%s: cannot put the directory in place: %s", target->path,
                        strerror(errno));
    free(bfs_steal(&target->temporary));
    if (sync && fsync(target->parent_fd) != 0)
        return bfs_fail_unsynced(error, -errno, target->path, "the folder that holds it");
    return 0;
}

/* Best effort: what cannot be removed stays, under a name that says what it is. */
static void remove_tree(int parent_fd, const char *name)
{
    if (unlinkat(parent_fd, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
        return;
    bfs_autoclose int fd = openat(parent_fd, name, FOLDER_FLAGS);
    if (fd < 0 && fchmodat(parent_fd, name, 0700, 0) == 0)
        fd = openat(parent_fd, name, FOLDER_FLAGS);
    if (fd < 0)
        return;
    (void)fchmod(fd, 0700); /* a directory without write permission keeps its entries */
    DIR *folder = fdopendir(fd);
    if (!folder)
        return;
    fd = -1; /* transferred to the stream */
    const struct dirent *entry;
    while ((entry = readdir(folder)))
        if (!is_dots(entry->d_name))
            remove_tree(dirfd(folder), entry->d_name);
    (void)closedir(folder);
    (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
}

void bfs_target_done(struct bfs_target *target)
{
    if (target->temporary)
        remove_tree(target->parent_fd, target->temporary);
    bfs_cleanup_close(&target->fd);
    bfs_cleanup_close(&target->parent_fd);
    free(target->temporary);
    free(target->path);
}

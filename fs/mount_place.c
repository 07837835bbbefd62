/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mount_place.h"

#include "codec/store/files.h"
#include "fs/backing.h"
#include "fs/policy_file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Cuts the last component off an absolute path; false: it is "/". */
static bool cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || !slash[1])
        return false;
    slash[slash == path] = '\0';
    return true;
}

/* One component of a path that is being walked: *at, without links, becomes where it leads, and
 * *rest what is left to walk. False: the walk ends there. */
static bool step(char **at, char **rest, const char *component)
{
    struct stat st;
    char target[PATH_MAX];
    if (strcmp(component, "..") == 0) {
        (void)cut_last(*at);
        return true;
    }
    bfs_autofree char *next = bfs_join(strcmp(*at, "/") == 0 ? "" : *at, component);
    if (!next || lstat(next, &st) != 0)
        return false;
    if (!S_ISLNK(st.st_mode)) {
        free(*at);
        *at = bfs_steal(&next);
        return true;
    }
    ssize_t n = readlink(next, target, sizeof(target) - 1);
    char *joined = NULL;
    if (n <= 0)
        return false;
    target[n] = '\0';
    if (asprintf(&joined, "%s/%s", target, *rest ? *rest : "") < 0)
        return false;
    free(*rest);
    *rest = joined;
    if (target[0] == '/')
        (*at)[1] = '\0';
    return true;
}

/* Does whoever opens the path pass the folder on the way, or arrive there? Each link is followed as
 * the kernel does it, for a link that lies below the mount point is out of reach later. */
static bool passes(const struct stat *folder, const char *path)
{
    enum { STEPS_MAX = 4096 };
    bfs_autofree char *rest = bfs_absolute_path(path);
    bfs_autofree char *at = strdup("/");
    for (int i = 0; at && rest && i < STEPS_MAX; i++) {
        struct stat st;
        size_t skip = strspn(rest, "/"), length = strcspn(rest + skip, "/");
        if (stat(at, &st) != 0)
            return false;
        if (is_same(&st, folder))
            return true;
        if (length == 0)
            return false;
        bfs_autofree char *component = strndup(rest + skip, length);
        memmove(rest, rest + skip + length, strlen(rest + skip + length) + 1);
        if (!component || (strcmp(component, ".") != 0 && !step(&at, &rest, component)))
            return false;
    }
    return false;
}

static int refuse_if_below(const struct stat *mount_point, const char *where, const char *what,
                           const char *path, struct bfs_error *error)
{
    if (!path || !passes(mount_point, path))
        return 0;
    return bfs_fail(error, -EINVAL,
                    "%s: the daemon's %s %s lies at or below this mount point, so the daemon "
                    "would wait for itself; mount elsewhere",
                    where, what, path);
}

/* The folders that a store is read through. Others below it are as good as any. */
static int check_store_folders(const char *mount_point, const char *store, struct bfs_error *error)
{
    static const char *const names[] = {"blobs", ".bundlefs"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct stat folder;
        bfs_autofree char *path = bfs_join(store, names[i]);
        if (!path)
            return bfs_fail(error, -ENOMEM, "out of memory");
        if (stat(path, &folder) == 0 && passes(&folder, mount_point))
            return bfs_fail(error, -EINVAL,
                            "%s: lies in %s, which holds the content of the store; mount elsewhere",
                            mount_point, path);
    }
    return 0;
}

static const char *unless_word(const char *path, const char *word)
{
    return path && strcmp(path, word) == 0 ? NULL : path;
}

int bfs_mount_place_check(const char *mount_point, const char *store,
                          const struct bfs_mount_options *options, struct bfs_error *error)
{
    const struct {
        const char *what, *path;
    } used[] = {
        {"store", store},
        {"log", options->log_file},
        {"audit log", options->audit},
        {"policy", options->policy ? options->policy : BFS_POLICY_DEFAULT_PATH},
        {"trace", options->trace},
        {"replay", unless_word(options->replay, BFS_REPLAY_OFF)},
        {"description of the host", options->host},
        {"folder of backing files",
         options->backing ? unless_word(options->backing, BFS_BACKING_MEMORY) : BFS_BACKING_FOLDER},
        {"system folder", "/proc"},
        {"system folder", "/sys"},
        {"system folder", "/dev"},
    };
    struct stat st;
    if (strcmp(mount_point, "/") == 0)
        return bfs_fail(error, -EINVAL,
                        "/: a mount on the root directory is seen by nobody; name another folder");
    if (stat(mount_point, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", mount_point, strerror(errno));
    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        int r = refuse_if_below(&st, mount_point, used[i].what, used[i].path, error);
        if (r)
            return r;
    }
    return check_store_folders(mount_point, store, error);
}

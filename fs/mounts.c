/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mounts.h"

#include "codec/store/files.h"
#include "verify/cleanup.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

int bfs_mount_path(const char *path, char **ret, struct bfs_error *error)
{
    char *resolved = realpath(path, NULL);
    if (resolved) {
        *ret = resolved;
        return 0;
    }
    if (errno != ENOTCONN && errno != EACCES)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    /* A dead mount does not answer; its folder does. */
    bfs_autofree char *copy = strdup(path);
    if (!copy)
        return bfs_fail(error, -ENOMEM, "out of memory");
    for (size_t length = strlen(copy); length > 1 && copy[length - 1] == '/';)
        copy[--length] = '\0';
    char *slash = strrchr(copy, '/');
    const char *name = slash ? slash + 1 : copy;
    if (slash)
        *slash = '\0';
    bfs_autofree char *folder = realpath(!slash ? "." : *copy ? copy : "/", NULL);
    if (!folder)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    *ret = bfs_join(strcmp(folder, "/") == 0 ? "" : folder, name);
    return *ret ? 0 : bfs_fail(error, -ENOMEM, "out of memory");
}

/* mountinfo writes blanks, backslashes and line breaks as three octal digits. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
            at[3] >= '0' && at[3] <= '7') {
            *out++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
            at += 3;
        } else {
            *out++ = *at;
        }
    }
    *out = '\0';
}

/* proc(5): id, parent, device, root, mount point, options, tags..., "-", type, source, options. */
static bool parse_line(char *line, const char *absolute, struct bfs_mount_entry *ret)
{
    enum { DEVICE = 2, MOUNT_POINT = 4 };
    char *rest = line, *field = NULL, *device = NULL;
    for (int i = 0; i <= MOUNT_POINT; i++) {
        field = strsep(&rest, " ");
        if (!field || !rest)
            return false;
        if (i == DEVICE)
            device = field;
    }
    unescape(field);
    char *type = strstr(rest, " - ");
    if (strcmp(field, absolute) != 0 || !type)
        return false;
    type += strlen(" - ");
    type[strcspn(type, " ")] = '\0';
    (void)snprintf(ret->device, sizeof(ret->device), "%s", device);
    (void)snprintf(ret->type, sizeof(ret->type), "%s", type);
    return true;
}

bool bfs_mount_find(const char *absolute, struct bfs_mount_entry *ret)
{
    bfs_autofree char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (!file)
        return false;
    while (getline(&line, &capacity, file) > 0)
        found = parse_line(line, absolute, ret) || found; /* later ones lie on top */
    (void)fclose(file);
    return found;
}

/* The source of a mount of ours, and where it is, in the line itself; NULL: it is no such mount. */
static const char *source_of_ours(char *line, char **ret_mount_point)
{
    enum { MOUNT_POINT = 4 };
    char *rest = line, *field = NULL;
    for (int i = 0; i <= MOUNT_POINT; i++) {
        field = strsep(&rest, " ");
        if (!field || !rest)
            return NULL;
    }
    char *type = strstr(rest, " - " BFS_FUSE_TYPE " ");
    if (!type)
        return NULL;
    char *source = type + strlen(" - " BFS_FUSE_TYPE " ");
    source[strcspn(source, " \n")] = '\0';
    unescape(field);
    unescape(source);
    *ret_mount_point = field;
    return source;
}

/* Of the last mount of ours whose store, or whose mount point, is `given`: the other of the two. */
static int find_other(const char *given, bool is_store, char **ret)
{
    bfs_autofree char *line = NULL;
    bfs_autofree char *found = NULL;
    size_t capacity = 0;
    int r = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && r == 0 && getline(&line, &capacity, file) > 0) {
        char *mount_point;
        const char *source = source_of_ours(line, &mount_point);
        if (!source || strcmp(is_store ? source : mount_point, given) != 0)
            continue;
        free(found);
        found = strdup(is_store ? mount_point : source);
        r = found ? 0 : -ENOMEM;
    }
    if (file)
        (void)fclose(file);
    if (r == 0 && !found)
        r = -ENOENT;
    if (r == 0)
        *ret = bfs_steal(&found);
    return r;
}

int bfs_mount_of_store(const char *absolute, char **ret)
{
    return find_other(absolute, true, ret);
}

int bfs_mount_store(const char *absolute, char **ret)
{
    return find_other(absolute, false, ret);
}

bool bfs_mount_is_stale(const char *absolute)
{
    struct bfs_mount_entry entry;
    struct statx st;
    /* The kernel would answer stat(2) from its cache. The daemon answers this from memory. */
    return bfs_mount_find(absolute, &entry) && strcmp(entry.type, BFS_FUSE_TYPE) == 0 &&
           statx(AT_FDCWD, absolute, AT_STATX_FORCE_SYNC | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
                 &st) != 0 &&
           (errno == ENOTCONN || errno == ECONNABORTED);
}

/* fusermount3 explains itself on stderr, which is silenced: its words are of another program. */
static int run_fusermount(const char *absolute, bool lazy)
{
    char *const arguments[] = {(char *)(uintptr_t) "fusermount3",
                               (char *)(uintptr_t)(lazy ? "-uz" : "-u"), (char *)(uintptr_t) "--",
                               (char *)(uintptr_t)absolute, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 01, 0);
    int r = posix_spawnp(&pid, "fusermount3", &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (r)
        return -r;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

int bfs_mount_detach(const char *absolute, bool lazy, struct bfs_error *error)
{
    int r = umount2(absolute, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0 ? 0 : -errno;
    if (r == -EPERM)
        r = run_fusermount(absolute, lazy);
    if (r == -EBUSY)
        return bfs_fail(error, r,
                        "%s: in use; close what is open there (fuser -vm %s), or detach "
                        "it now with --lazy",
                        absolute, absolute);
    return r ? bfs_fail(error, r, "%s: cannot unmount: %s", absolute, strerror(-r)) : 0;
}

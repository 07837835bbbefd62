/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/conform.h"

#include "codec/store/files.h"
#include "codec/unpack/unpack.h"
#include "tools/interrupt.h"
#include "tools/message.h"
#include "verify/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* This program again, with up to four arguments, and that policy as the host's; its messages are
 * not for who runs "conform". */
static int run_self(const char *const args[4], const char *policy)
{
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        if (null >= 0) {
            (void)dup2(null, STDIN_FILENO);
            (void)dup2(null, STDOUT_FILENO);
            (void)dup2(null, STDERR_FILENO);
        }
        if (setenv(BFS_POLICY_VARIABLE, policy ? policy : BFS_POLICY_NONE, 1))
            _exit(127);
        (void)execl("/proc/self/exe", "bundlefs", args[0], args[1], args[2], args[3],
                    (char *)NULL);
        _exit(127);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static char *join3(const char *folder, const char *name, const char *version)
{
    bfs_autofree char *inner = bfs_join(folder, name);
    return inner ? bfs_join(inner, version) : NULL;
}

static int try_mount(const struct bfs_store *store, const char *policy,
                     const struct bfs_subject *subject, struct bfs_conform_place *place)
{
    bfs_autofree char *point = bfs_join(place->folder, "mount");
    if (!point || access("/dev/fuse", R_OK | W_OK) != 0 || mkdir(point, 0700) != 0)
        return -ENODEV;
    const char *const args[4] = {"mount", bfs_store_path(store), point, "--options=hidden"};
    if (run_self(args, policy))
        return -ENODEV;
    place->is_mounted = true;
    place->bundle = join3(point, subject->reference.name, subject->reference.version);
    return place->bundle ? 0 : -ENOMEM;
}

static int on_progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)done;
    (void)total;
    return bfs_interrupted();
}

static int unpack(const struct bfs_subject *subject, struct bfs_conform_place *place,
                  struct bfs_error *error)
{
    struct bfs_unpack_report report;
    place->bundle = bfs_join(place->folder, "bundle");
    if (!place->bundle)
        return bfs_fail(error, -ENOMEM, "out of memory");
    const struct bfs_unpack_options options = {.directory = place->bundle,
                                               .n_jobs = 1,
                                               .metadata = true,
                                               .no_sync = true,
                                               .progress = on_progress};
    return bfs_unpack(subject->bundle, &options, &report, error);
}

int bfs_conform_place_make(const struct bfs_store *store, const char *policy,
                           const struct bfs_subject *subject, bool only_unpack,
                           struct bfs_conform_place *ret, struct bfs_error *error)
{
    const char *parent = getenv("TMPDIR");
    ret->folder = bfs_join(parent && *parent ? parent : "/tmp", "bundlefs-conform-XXXXXX");
    if (!ret->folder)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (!mkdtemp(ret->folder)) {
        int code = -errno;
        (void)bfs_fail(error, code, "%s: %s", ret->folder, strerror(-code));
        free(bfs_steal(&ret->folder));
        return code;
    }
    if (subject->directory) {
        ret->bundle = bfs_absolute_path(subject->directory);
        return ret->bundle ? 0 : bfs_fail(error, -ENOMEM, "out of memory");
    }
    int r = only_unpack ? -ENODEV : try_mount(store, policy, subject, ret);
    if (r == -ENODEV)
        r = unpack(subject, ret, error);
    return r == -ENOMEM ? bfs_fail(error, r, "out of memory") : r;
}

static bool was_closed; /* nftw(3) takes no context */

static int open_up(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_DNR || (type == FTW_D && (st->st_mode & 0700) != 0700)) {
        if (chmod(path, 0700) == 0 && type == FTW_DNR)
            was_closed = true; /* and what is in it was not seen */
    }
    return 0;
}

/* A command may have taken permissions away from its own folders. */
static void open_all(const char *folder)
{
    enum { DEPTH_MAX = 256 }; /* each pass opens those of one depth */
    was_closed = true;
    for (unsigned i = 0; was_closed && i < DEPTH_MAX; i++) {
        was_closed = false;
        (void)nftw(folder, open_up, 16, FTW_PHYS | FTW_MOUNT);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    if (remove(path) != 0)
        bfs_message("%s: cannot be removed: %s", path, strerror(errno));
    return 0;
}

void bfs_conform_place_done(struct bfs_conform_place *place)
{
    if (place->is_mounted) {
        bfs_autofree char *point = bfs_join(place->folder, "mount");
        const char *const args[4] = {"umount", point};
        if (!point || run_self(args, NULL))
            bfs_message("%s/mount: cannot be unmounted", place->folder);
    }
    /* never into what is mounted there */
    if (place->folder) {
        open_all(place->folder);
        (void)nftw(place->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    }
    free(place->bundle);
    free(place->folder);
    memset(place, 0, sizeof(*place));
}

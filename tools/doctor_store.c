/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/doctor_private.h"

#include "verify/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child that may hang tells. */
struct answer {
    int status;
    unsigned long type;
};

_Noreturn static void ask(const char *path, int to)
{
    struct statfs st;
    struct answer answer = {.status = 0};
    /* Whoever reads what this program prints must not wait for the child. */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        (void)dup2(null, fd);
    if (statfs(path, &st) == 0)
        answer.type = (unsigned long)st.f_type;
    else
        answer.status = -errno;
    (void)!write(to, &answer, sizeof(answer));
    _exit(0);
}

static int await_answer(int from, unsigned timeout_ms, struct answer *ret)
{
    struct pollfd event = {.fd = from, .events = POLLIN};
    int n;
    do
        n = poll(&event, 1, (int)timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return -ETIMEDOUT;
    return n > 0 && read(from, ret, sizeof(*ret)) == sizeof(*ret) ? ret->status : -EIO;
}

/* The type of the file system that `path` lies on. In a child, because nothing ends a process whose
 * thread hangs in a dead file system. Errors: -ETIMEDOUT, errno of statfs(2) and of fork(2). */
static int find_type(const char *path, unsigned timeout_ms, unsigned long *ret)
{
    struct answer answer = {.status = 0};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -errno;
    (void)fflush(NULL);
    pid_t child = fork();
    int r = child < 0 ? -errno : 0;
    if (child == 0)
        ask(path, ends[1]);
    (void)close(ends[1]);
    if (r == 0)
        r = await_answer(ends[0], timeout_ms, &answer);
    (void)close(ends[0]);
    if (child > 0) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, r == -ETIMEDOUT ? WNOHANG : 0);
    }
    if (r == 0)
        *ret = answer.type;
    return r;
}

void bfs_doctor_look_at_store(struct bfs_diagnosis *diagnosis, unsigned timeout_ms)
{
    static const struct {
        unsigned long magic;
        const char *name;
        bool is_remote;
    } kinds[] = {
        {EXT4_SUPER_MAGIC, "ext4", false},
        {XFS_SUPER_MAGIC, "xfs", false},
        {BTRFS_SUPER_MAGIC, "btrfs", false},
        {TMPFS_MAGIC, "tmpfs", false},
        {OVERLAYFS_SUPER_MAGIC, "overlay", false},
        {F2FS_SUPER_MAGIC, "f2fs", false},
        {NFS_SUPER_MAGIC, "nfs", true},
        {CIFS_SUPER_MAGIC, "cifs", true},
        {SMB2_SUPER_MAGIC, "smb", true},
        {CEPH_SUPER_MAGIC, "ceph", true},
        {FUSE_SUPER_MAGIC, "fuse", true},
        {V9FS_MAGIC, "9p", true},
    };
    const char *path = bfs_json_string(diagnosis->health, "store");
    unsigned long type = 0;
    int r = path ? find_type(path, timeout_ms, &type) : -ENOENT;
    if (r == -ETIMEDOUT) {
        bfs_doctor_add(
            diagnosis, "store", BFS_FINDING_FAULT,
            "reads of what is not in memory give EIO at their deadline",
            "see to the disk or the network that it lies on; the mount recovers by itself",
            "%s does not answer: its file system said nothing for %u ms", path, timeout_ms);
        return;
    }
    if (r) {
        bfs_doctor_add(diagnosis, "store", BFS_FINDING_FAULT,
                       "nothing that is not in memory can be read", "see health.json and the log",
                       "%s: %s", path ? path : "?", strerror(-r));
        return;
    }
    char name[32];
    bool is_remote = false;
    (void)snprintf(name, sizeof(name), "type 0x%lx", type);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (type == kinds[i].magic) {
            (void)snprintf(name, sizeof(name), "%s", kinds[i].name);
            is_remote = kinds[i].is_remote;
        }
    if (bfs_doctor_said_true(diagnosis->health, "store_readable_by_all"))
        bfs_doctor_add(diagnosis, "private store", BFS_FINDING_MISSING,
                       "whom the policy keeps out of the mount reads the store instead",
                       "chmod o= on the store's folder: docs/policy.md, \"Access\"",
                       "the policy limits readers, but every user can read %s", path);
    bfs_doctor_add(diagnosis, "store", BFS_FINDING_NOTE, NULL, NULL, "%s on %s%s", path, name,
                   is_remote ? ": changes by other hosts are seen by polling (poll_ms)" : "");
}

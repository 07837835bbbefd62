/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/command.h"

#include "tools/interrupt.h"
#include "verify/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum {
    STEP_MS = 200, /* how often it is asked whether to stop */
    DYING_MS = 10000,
    NOT_FOUND = 127, /* a shell's exit statuses */
    NOT_RUNNABLE = 126,
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child. */
static void become(const struct bfs_command *command)
{
    int null = open("/dev/null", O_RDONLY);
    (void)setpgid(0, 0);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        _exit(NOT_RUNNABLE);
    for (int i = 0; command->environment && command->environment[i]; i++)
        if (putenv(command->environment[i]))
            _exit(NOT_RUNNABLE);
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)signal(signals[i], SIG_DFL);
    (void)execvp(command->args[0], command->args);
    (void)dprintf(STDERR_FILENO, "bundlefs: %s: %s\n", command->args[0], strerror(errno));
    _exit(errno == ENOENT ? NOT_FOUND : NOT_RUNNABLE);
}

/* Kills all children that this process has; false when it has none, or they cannot be listed. */
static bool kill_children(void)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
    bfs_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    bool any = false;
    for (char *at = text, *end; *at; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        /* a number that the buffer cut is not followed by a space */
        if (pid > 1 && *end == ' ') {
            (void)kill((pid_t)pid, SIGKILL);
            any = true;
        }
    }
    return any;
}

/* The group first, which any kernel can do; then who left it and was adopted, where the kernel
 * lists children. */
static int end_all(pid_t group, struct bfs_error *error)
{
    int64_t deadline = now_ms() + DYING_MS;
    (void)kill(-group, SIGKILL);
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        if (!kill_children())
            return 0;
        if (now_ms() > deadline)
            return bfs_fail(error, -EBUSY, "a process that the command left does not die");
        (void)poll(NULL, 0, 1);
    }
}

/* Sets *ret and returns when the command ended, or should. */
static void wait_for(int pidfd, pid_t pid, uint64_t timeout_seconds, struct bfs_command_result *ret)
{
    int64_t start = now_ms();
    int64_t limit = timeout_seconds && timeout_seconds < (UINT64_C(1) << 32)
                        ? (int64_t)timeout_seconds * 1000
                        : INT64_MAX;
    for (;;) {
        struct pollfd ended = {.fd = pidfd, .events = POLLIN};
        int64_t left = limit == INT64_MAX ? STEP_MS : start + limit - now_ms();
        int step = left < 0 ? 0 : left < STEP_MS ? (int)left : STEP_MS;
        siginfo_t info = {0};
        /* It stays a zombie, so that its number, which is that of its group, is not given anew. */
        if (poll(&ended, 1, step) > 0 &&
            waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
            *ret = (struct bfs_command_result){
                .end = info.si_code == CLD_EXITED ? BFS_COMMAND_EXITED : BFS_COMMAND_SIGNALLED,
                .status = info.si_status};
            return;
        }
        if (bfs_interrupted()) {
            ret->end = BFS_COMMAND_INTERRUPTED;
            return;
        }
        if (limit != INT64_MAX && now_ms() - start >= limit) {
            ret->end = BFS_COMMAND_TIMED_OUT;
            return;
        }
    }
}

int bfs_command_run(const struct bfs_command *command, struct bfs_command_result *ret,
                    struct bfs_error *error)
{
    struct bfs_command_result result = {0};
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return bfs_fail(error, -errno, "cannot start a process: %s", strerror(errno));
    if (pid == 0)
        become(command);
    (void)setpgid(pid, pid); /* whoever is first */
    bfs_autoclose int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int failed = pidfd < 0 ? -errno : 0;
    if (!failed)
        wait_for(pidfd, pid, command->timeout_seconds, &result);
    int r = end_all(pid, error);
    if (failed)
        return bfs_fail(error, failed, "cannot watch a process: %s", strerror(-failed));
    if (r == 0)
        *ret = result;
    return r;
}

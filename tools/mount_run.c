/* SPDX-License-Identifier: Apache-2.0
 * The daemon is forked before anything is opened or started, so that no thread is lost to the fork.
 * It reports through a pipe: one byte when it serves, or the line that says why not. */
#include "tools/mount_run.h"

#include "fs/mounts.h"
#include "fs/session.h"
#include "tools/descriptors.h"
#include "tools/message.h"
#include "tools/notify.h"
#include "tools/start_report.h"
#include "tools/verb.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* How long the end may take: a worker that hangs in a dead store must not keep the process. */
enum { SHUTDOWN_SECONDS = 15 };

#define READY_BYTE '\n' /* no message is empty */

struct daemon_state {
    bool foreground;
    struct bfs_start_report report; /* used by the starter as well as by the main thread */
    bool has_failed;                /* and the reason was told; of the main thread */
    const struct bfs_mount_options *options;
    struct bfs_log log; /* .write is NULL until it is opened */
    FILE *log_file;
};

static void log_stderr(void *context, enum bfs_log_level level, const char *line)
{
    (void)context;
    (void)level;
    bfs_message("%s", line);
}

static void log_syslog(void *context, enum bfs_log_level level, const char *line)
{
    static const int priorities[] = {
        [BFS_LOG_ERROR] = LOG_ERR, [BFS_LOG_WARNING] = LOG_WARNING, [BFS_LOG_INFO] = LOG_INFO};
    (void)context;
    syslog(priorities[level], "%s", line);
}

static void log_to_file(void *context, enum bfs_log_level level, const char *line)
{
    static const char *const words[] = {
        [BFS_LOG_ERROR] = "error", [BFS_LOG_WARNING] = "warning", [BFS_LOG_INFO] = "info"};
    char when[64];
    time_t now = time(NULL);
    struct tm utc;
    (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    (void)fprintf(context, "%s bundlefs[%d] %s: %s\n", when, (int)getpid(), words[level], line);
}

static int open_log(struct daemon_state *state, struct bfs_error *error)
{
    const struct bfs_mount_options *options = state->options;
    if (options->log_file) {
        state->log_file = fopen(options->log_file, "ae");
        if (!state->log_file)
            return bfs_fail(error, -errno, "%s: %s", options->log_file, strerror(errno));
        (void)setvbuf(state->log_file, NULL, _IOLBF, 0);
        state->log = (struct bfs_log){.write = log_to_file, .context = state->log_file};
        return 0;
    }
    if (!state->foreground)
        openlog("bundlefs", LOG_PID, LOG_DAEMON);
    state->log = (struct bfs_log){.write = state->foreground ? log_stderr : log_syslog};
    return 0;
}

static void detach_stdio(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    for (int fd = 0; fd <= 2; fd++)
        (void)dup2(null, fd);
    if (null > 2)
        (void)close(null);
}

/* The manager waits on: for as long as a store that hangs is waited for, and the end takes. */
static void on_warms(void *context, uint64_t done, uint64_t total)
{
    const struct daemon_state *state = context;
    const struct bfs_mount_options *options = state->options;
    char text[BFS_ERROR_TEXT_SIZE], so_far[64] = "its files are opened";
    if (total > 0)
        (void)snprintf(so_far, sizeof(so_far), "%" PRIu64 " of %" PRIu64 " MB", done / 1000000,
                       total / 1000000);
    (void)snprintf(text, sizeof(text),
                   "EXTEND_TIMEOUT_USEC=%" PRIu64 "000000\nSTATUS=making %s warm: %s",
                   options->timeout + 2 * SHUTDOWN_SECONDS, options->warm, so_far);
    bfs_notify(text);
}

/* In the starter, while the main thread may find that the session has failed. */
static void on_ready(void *context)
{
    static const char ready = READY_BYTE;
    struct daemon_state *state = context;
    int fd = bfs_start_report_claim(&state->report);
    if (fd < 0 && !state->foreground)
        return; /* the failure was reported first */
    bfs_notify("READY=1\nSTATUS=serving");
    if (state->foreground) {
        bfs_message("ready");
        return;
    }
    detach_stdio();
    bfs_start_report_send(fd, &ready, 1);
}

/* Once, and before an end that may take long. */
static void tell_failure(struct daemon_state *state, const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    if (state->has_failed)
        return;
    state->has_failed = true;
    (void)bfs_error_text(error, text);
    int fd = bfs_start_report_claim(&state->report);
    if (fd >= 0)
        bfs_start_report_send(fd, text, strlen(text));
    else if (state->foreground)
        bfs_message("%s", text);
    else if (state->log.write)
        bfs_log(&state->log, BFS_LOG_ERROR, "%s", text); /* "ready" was reported already */
}

/* Threads that hang in the store use what serve() would free, and exit(3) would destroy. All that
 * the session had to say is written, and the process goes as it is. */
_Noreturn static void leave_hung_threads(int status)
{
    (void)fflush(NULL);
    _exit(status ? BFS_EXIT_FAILED : BFS_EXIT_OK);
}

static int serve(const char *store_path, const char *mount_point,
                 const struct bfs_mount_options *options, struct daemon_state *state,
                 struct bfs_error *error)
{
    BFS_CLEANUP(bfs_store_cleanup) struct bfs_store *store = NULL;
    BFS_CLEANUP(bfs_session_cleanup) struct bfs_session *session = NULL;
    bfs_autofree char *absolute = NULL;
    int r;
    if ((r = bfs_store_open(store_path, &store, error)) ||
        (r = bfs_mount_path(mount_point, &absolute, error)) || (r = open_log(state, error)))
        return r;
    r = bfs_session_mount(store, absolute, options, &state->log, &session, error);
    if (r)
        return r;
    /* The daemon must not keep the folder busy that it was started from. */
    if (chdir("/") != 0)
        return bfs_fail(error, -errno, "/: %s", strerror(errno));
    const struct bfs_session_events events = {
        .warms = on_warms, .ready = on_ready, .context = state};
    r = bfs_session_run(session, &events, error);
    (void)alarm(SHUTDOWN_SECONDS);
    if (r)
        tell_failure(state, error);
    bfs_notify("STOPPING=1");
    if (!bfs_session_end(bfs_steal(&session)))
        leave_hung_threads(r);
    return r;
}

/* A lock or a pipe of the program that started the mount must not live as long as the mount. What
 * the command line names by number was given to the daemon. */
static void close_inherited(const char *store, const struct bfs_mount_options *options, int report)
{
    const int kept[] = {
        report,
        bfs_descriptor_of_path(store),
        bfs_descriptor_of_path(options->host),
        bfs_descriptor_of_path(getenv("BUNDLEFS_HOST")),
        bfs_descriptor_of_path(options->replay),
        bfs_descriptor_of_path(options->trace),
        bfs_descriptor_of_path(options->policy),
        bfs_descriptor_of_path(options->audit),
        bfs_descriptor_of_path(options->backing),
        bfs_descriptor_of_path(options->log_file),
    };
    bfs_descriptors_close_others(kept, sizeof(kept) / sizeof(kept[0]));
}

/* The daemon's whole life; never returns. */
_Noreturn static void be_daemon(const char *store, const char *mount_point,
                                const struct bfs_mount_options *options, int report)
{
    struct daemon_state state = {.options = options};
    struct bfs_error error = {0};
    atomic_init(&state.report.fd, report);
    close_inherited(store, options, report);
    (void)setsid();
    int r = serve(store, mount_point, options, &state, &error);
    if (r)
        tell_failure(&state, &error);
    exit(r ? BFS_EXIT_FAILED : BFS_EXIT_OK);
}

/* For its end, which comes at once, unless a store that hangs keeps it. */
static void wait_briefly(pid_t daemon)
{
    enum { TRIES = 100 };
    static const struct timespec pause = {.tv_nsec = 20000000};
    for (int i = 0; i < TRIES && waitpid(daemon, NULL, WNOHANG) == 0; i++)
        (void)nanosleep(&pause, NULL);
}

/* What the daemon reported, as an exit status. */
static int read_report(int fd, pid_t daemon)
{
    char text[BFS_ERROR_TEXT_SIZE];
    size_t size = 0;
    for (;;) {
        ssize_t n = read(fd, text + size, sizeof(text) - 1 - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        size += (size_t)n;
        if (text[0] == READY_BYTE)
            return BFS_EXIT_OK;
    }
    int status = 0;
    text[size] = '\0';
    if (size > 0)
        wait_briefly(daemon);
    else
        (void)waitpid(daemon, &status, 0);
    if (size > 0)
        bfs_message("%s", text);
    else if (WIFSIGNALED(status))
        bfs_message("the daemon was killed by signal %d while it started", WTERMSIG(status));
    else
        bfs_message("the daemon ended while it started");
    return BFS_EXIT_FAILED;
}

static int run_background(const char *store, const char *mount_point,
                          const struct bfs_mount_options *options)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        bfs_message("cannot make a pipe: %s", strerror(errno));
        return BFS_EXIT_FAILED;
    }
    (void)fflush(NULL);
    pid_t daemon = fork();
    if (daemon == 0) {
        (void)close(ends[0]);
        be_daemon(store, mount_point, options, ends[1]);
    }
    (void)close(ends[1]);
    int status = BFS_EXIT_FAILED;
    if (daemon < 0)
        bfs_message("cannot start a daemon: %s", strerror(errno));
    else
        status = read_report(ends[0], daemon);
    (void)close(ends[0]);
    return status;
}

int bfs_mount_run(const char *store, const char *mount_point,
                  const struct bfs_mount_options *options, bool foreground)
{
    if (!foreground)
        return run_background(store, mount_point, options);
    struct daemon_state state = {.foreground = true, .options = options};
    struct bfs_error error = {0};
    atomic_init(&state.report.fd, -1);
    int r = serve(store, mount_point, options, &state, &error);
    if (r)
        tell_failure(&state, &error);
    if (state.log_file)
        (void)fclose(state.log_file);
    return r ? BFS_EXIT_FAILED : BFS_EXIT_OK;
}

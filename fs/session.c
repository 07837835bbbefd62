/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/session.h"

#include "fs/dispatch.h"
#include "fs/json_text.h"
#include "fs/mount_place.h"
#include "fs/mounts.h"
#include "fs/passthrough.h"
#include "fs/thread.h"
#include "fs/warm_up.h"
#include "fs/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* None of them ever waits for the store, so few serve many. */
enum { REQUEST_THREADS_MIN = 2, REQUEST_THREADS_MAX = 16 };
/* All together less than what the daemon gives itself to end in. */
enum { STARTER_STOP_MS = 1000, WRITE_OUT_MS = 2000, STOP_MS = 1500 };

struct bfs_session {
    struct bfs_fs *fs;
    const char *mount_point; /* borrowed */
    struct fuse_session *fuse;
    struct bfs_watch *watch;
    char device[32]; /* of the mount, as mountinfo has it; "" before it is mounted */
    bool has_handlers;
    bool is_recorded; /* the audit log says that it is mounted */
    pthread_t starter;
    bool has_starter;
    const struct bfs_session_events *events; /* borrowed */
    atomic_bool ends;                        /* the starter has nothing to wait for any more */
    atomic_bool start_failed;                /* set last by the starter, with what follows */
    int start_status;
    struct bfs_error start_error;
};

static int check_fuse(struct bfs_error *error)
{
    if (access("/dev/fuse", F_OK) != 0)
        return bfs_fail(error, -ENODEV, "there is no /dev/fuse; load the kernel's fuse module");
    return 0;
}

/* fusermount3 would say so in words of its own, after the fact. */
static int check_allow_other(const struct bfs_mount_options *options, struct bfs_error *error)
{
    bfs_autofree char *line = NULL;
    size_t capacity = 0;
    bool permitted = false;
    if (!options->allow_other || geteuid() == 0)
        return 0;
    FILE *file = fopen("/etc/fuse.conf", "re");
    while (file && getline(&line, &capacity, file) > 0)
        permitted = permitted || strncmp(line, "user_allow_other", 16) == 0;
    if (file)
        (void)fclose(file);
    if (permitted)
        return 0;
    return bfs_fail(error, -EPERM,
                    "-o allow_other: only root may, unless /etc/fuse.conf says user_allow_other");
}

static int clear_place(const char *mount_point, const struct bfs_log *log, struct bfs_error *error)
{
    struct bfs_mount_entry entry;
    struct stat st;
    if (bfs_mount_is_stale(mount_point)) {
        int r = bfs_mount_detach(mount_point, true, error);
        if (r)
            return r;
        bfs_log(log, BFS_LOG_WARNING, "%s: removed the mount of a daemon that died", mount_point);
    } else if (bfs_mount_find(mount_point, &entry) && strcmp(entry.type, BFS_FUSE_TYPE) == 0) {
        return bfs_fail(error, -EBUSY,
                        "%s: a bundle store is mounted there already; bundlefs umount it first",
                        mount_point);
    }
    if (stat(mount_point, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", mount_point, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return bfs_fail(error, -ENOTDIR, "%s: not a directory; a mount needs one", mount_point);
    return 0;
}

/* "-o" text for libfuse; in it, commas and backslashes of the store's path are escaped. */
static char *fuse_options(const struct bfs_store *store, const struct bfs_mount_options *options)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_buffer_put_text(&text, "ro,default_permissions,subtype=bundlefs");
    if (options->allow_other)
        bfs_buffer_put_text(&text, ",allow_other");
    bfs_buffer_put_text(&text, ",fsname=");
    for (const char *at = bfs_store_path(store); *at; at++) {
        if (*at == ',' || *at == '\\')
            bfs_buffer_put_u8(&text, '\\');
        bfs_buffer_put_u8(&text, (uint8_t)*at);
    }
    bfs_buffer_put_u8(&text, '\0');
    return bfs_buffer_status(&text) ? NULL : (char *)bfs_buffer_steal(&text);
}

static const struct bfs_log *fuse_log_target; /* libfuse's log function takes no context */

__attribute__((format(printf, 2, 0))) static void log_fuse(enum fuse_log_level level,
                                                           const char *format, va_list args)
{
    char line[512];
    (void)vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    bfs_log(fuse_log_target, level <= FUSE_LOG_ERR ? BFS_LOG_ERROR : BFS_LOG_INFO, "%s", line);
}

static int mount_fuse(struct bfs_session *session, const struct bfs_store *store,
                      const struct bfs_mount_options *options, struct bfs_error *error)
{
    bfs_autofree char *text = fuse_options(store, options);
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    struct bfs_mount_entry entry;
    if (!text || fuse_opt_add_arg(&args, "bundlefs") != 0 || fuse_opt_add_arg(&args, "-o") != 0 ||
        fuse_opt_add_arg(&args, text) != 0) {
        fuse_opt_free_args(&args);
        return bfs_fail(error, -ENOMEM, "out of memory");
    }
    session->fuse = fuse_session_new(&args, &bfs_fuse_ops, sizeof(bfs_fuse_ops), session->fs);
    fuse_opt_free_args(&args);
    if (!session->fuse)
        return bfs_fail(error, -EIO, "cannot start a FUSE session");
    errno = 0;
    if (fuse_session_mount(session->fuse, session->mount_point) != 0) {
        int r = errno ? -errno : -EPERM;
        return bfs_fail(error, r,
                        "%s: cannot mount: %s; may you open /dev/fuse and write to the "
                        "directory?",
                        session->mount_point, strerror(-r));
    }
    session->fs->session = session->fuse;
    if (bfs_mount_find(session->mount_point, &entry))
        memcpy(session->device, entry.device, sizeof(session->device));
    return 0;
}

/* Not after an unmount. */
static bool is_connected(const struct bfs_session *session)
{
    struct pollfd connection = {.fd = fuse_session_fd(session->fuse)};
    return poll(&connection, 1, 0) == 0 || !(connection.revents & (POLLERR | POLLNVAL));
}

/* Only while it is this session's: it may be gone, and another may have taken its place, even with
 * its device number. */
static void detach_own_mount(const struct bfs_session *session)
{
    struct bfs_mount_entry entry;
    if (session->device[0] && is_connected(session) &&
        bfs_mount_find(session->mount_point, &entry) && strcmp(entry.device, session->device) == 0)
        (void)bfs_mount_detach(session->mount_point, true, NULL);
}

static void record_mount(struct bfs_session *session, const struct bfs_store *store)
{
    struct bfs_fs *fs = session->fs;
    char digest[BFS_DIGEST_TEXT_SIZE];
    int status = 0;
    if (!fs->audit)
        return;
    struct json_object *fields = bfs_json_new_object(&status);
    bfs_json_add_string(fields, "version", BFS_VERSION, &status);
    bfs_json_add_text(fields, "store", bfs_store_path(store), &status);
    bfs_json_add_text(fields, "mount_point", session->mount_point, &status);
    bfs_json_add_integer(fields, "uid", getuid(), &status);
    if (fs->policy_file) {
        BFS_CLEANUP(bfs_policy_cleanup)
        struct bfs_policy *policy = bfs_policy_file_policy(fs->policy_file);
        bfs_json_add_text(fields, "policy", bfs_policy_file_path(fs->policy_file), &status);
        bfs_json_add_string(fields, "policy_digest",
                            bfs_digest_text(bfs_policy_digest(policy), digest), &status);
    }
    bfs_audit_put(fs->audit, "mount", fields);
    session->is_recorded = true;
}

/* False: the starter hangs, and goes on using the session. */
static bool join_starter(struct bfs_session *session)
{
    if (!session->has_starter)
        return true;
    atomic_store(&session->ends, true);
    return bfs_thread_stop(session->starter, STARTER_STOP_MS);
}

bool bfs_session_end(struct bfs_session *session)
{
    if (!session)
        return true;
    /* Detached first, so that nobody new comes and nothing that hangs can leave a dead mount. The
     * connection is closed last: workers may still be answering on it, and a closed descriptor's
     * number is soon somebody else's. */
    if (session->fuse)
        detach_own_mount(session);
    bool is_started = join_starter(session);
    bool quiet = bfs_watch_stop(session->watch) && is_started;
    if (session->has_handlers)
        fuse_remove_signal_handlers(session->fuse);
    if (session->is_recorded)
        bfs_audit_put(session->fs->audit, "unmount", NULL);
    if (session->fs) {
        quiet = bfs_fs_write_out(session->fs, WRITE_OUT_MS) && quiet;
        quiet = bfs_fs_stop(session->fs, STOP_MS) && quiet;
    }
    if (quiet) {
        (void)bfs_fs_free(session->fs);
        if (session->fuse) {
            fuse_session_unmount(session->fuse);
            fuse_session_destroy(session->fuse);
        }
    }
    if (is_started)
        free(session);
    return quiet;
}

struct bfs_session *bfs_session_free(struct bfs_session *session)
{
    (void)bfs_session_end(session);
    return NULL;
}

int bfs_session_mount(const struct bfs_store *store, const char *mount_point,
                      const struct bfs_mount_options *options, const struct bfs_log *log,
                      struct bfs_session **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_session_cleanup) struct bfs_session *session = calloc(1, sizeof(*session));
    int r;
    if (!session)
        return bfs_fail(error, -ENOMEM, "out of memory");
    session->mount_point = mount_point;
    fuse_log_target = log;
    fuse_set_log_func(log_fuse);
    if ((r = check_fuse(error)) || (r = check_allow_other(options, error)) ||
        (r = clear_place(mount_point, log, error)) ||
        (r = bfs_mount_place_check(mount_point, bfs_store_path(store), options, error)) ||
        (r = bfs_fs_new(store, options, log, &session->fs, error)) ||
        (r = mount_fuse(session, store, options, error)))
        return r;
    bfs_passthrough_prepare(session->fs);
    r = bfs_watch_start(session->fs, &session->watch);
    if (r)
        return bfs_fail(error, r, "cannot watch the store: %s", strerror(-r));
    record_mount(session, store);
    *ret = bfs_steal(&session);
    return 0;
}

/* The kernel clamps a buffered read to the read-ahead of the mount's device, whatever sizes were
 * agreed on; only root can widen it, and only after the connection is set up. */
static void widen_read_ahead(const struct bfs_session *session)
{
    char path[128], text[32];
    if (session->fs->options->read_ahead_kb == 0 || geteuid() != 0 || !session->device[0])
        return;
    (void)snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", session->device);
    int length = snprintf(text, sizeof(text), "%llu",
                          (unsigned long long)session->fs->options->read_ahead_kb);
    bfs_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, (size_t)length) != length)
        bfs_log(session->fs->log, BFS_LOG_WARNING, "%s: cannot set read-ahead: %s", path,
                strerror(errno));
}

/* The kernel calls a connection by the minor number of its device. */
static void note_limits(const struct bfs_session *session)
{
    const char *minor = strchr(session->device, ':');
    char folder[64];
    if (!minor)
        return;
    (void)snprintf(folder, sizeof(folder), "/sys/fs/fuse/connections/%s", minor + 1);
    bfs_negotiated_note_limits(session->fs, folder);
}

static void tell_warms(void *context, const struct bfs_warm_status *status)
{
    const struct bfs_session *session = context;
    session->events->warms(session->events->context, status->done, status->total);
}

static int warm_up(struct bfs_session *session, struct bfs_error *error)
{
    const struct bfs_warm_watcher watcher = {
        .ends = &session->ends, .moves = tell_warms, .context = session};
    const char *what = session->fs->options->warm;
    return what ? bfs_warm_up(session->fs, what, &watcher, error) : 0;
}

/* The first request is answered after the connection is set up, so its answer means that the mount
 * works. */
static void *start_up(void *argument)
{
    struct bfs_session *session = argument;
    struct stat st;
    (void)stat(session->mount_point, &st);
    note_limits(session);
    widen_read_ahead(session);
    bfs_passthrough_start(session->fs);
    session->start_status = warm_up(session, &session->start_error);
    if (session->start_status) {
        atomic_store(&session->start_failed, true);
        detach_own_mount(session); /* which ends the session's loop */
    } else if (!atomic_load(&session->ends)) {
        session->events->ready(session->events->context);
    }
    return NULL;
}

static int loop(struct bfs_session *session)
{
    unsigned n = bfs_host_usable_cpus();
    n = n < REQUEST_THREADS_MIN ? REQUEST_THREADS_MIN : n;
    n = n > REQUEST_THREADS_MAX ? REQUEST_THREADS_MAX : n;
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return -ENOMEM;
    /* A queue of its own for each thread; opening it again may not be permitted to a user. */
    bool clone_fd = bfs_negotiated_can_clone(fuse_session_fd(session->fuse));
    bfs_negotiated_note_loop(session->fs, n, clone_fd);
    fuse_loop_cfg_set_clone_fd(config, clone_fd);
    fuse_loop_cfg_set_max_threads(config, n);
    fuse_loop_cfg_set_idle_threads(config, n);
    int r = fuse_session_loop_mt(session->fuse, config);
    fuse_loop_cfg_destroy(config);
    return r < 0 ? -EIO : 0; /* a signal that asked for the end is no error */
}

static int run(struct bfs_session *session, struct bfs_error *error)
{
    int r = fuse_set_signal_handlers(session->fuse) ? -EIO : 0;
    session->has_handlers = r == 0;
    if (r == 0)
        r = bfs_thread_start(&session->starter, start_up, session);
    if (r)
        return bfs_fail(error, r, "%s: cannot start: %s", session->mount_point, strerror(-r));
    session->has_starter = true;
    r = loop(session);
    atomic_store(&session->ends, true);
    if (atomic_load(&session->start_failed)) {
        *error = session->start_error;
        return session->start_status;
    }
    return r ? bfs_fail(error, r, "%s: the session failed: %s", session->mount_point, strerror(-r))
             : 0;
}

int bfs_session_run(struct bfs_session *session, const struct bfs_session_events *events,
                    struct bfs_error *error)
{
    session->events = events;
    int r = run(session, error);
    if (r)
        detach_own_mount(session);
    return r;
}

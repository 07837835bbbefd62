/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/audit.h"

#include "fs/json_text.h"
#include "fs/thread.h"
#include "verify/audit_log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

enum {
    OPENS_KEPT = 16384,  /* that were recorded and are not recorded again */
    OPEN_AGAIN_S = 3600, /* but after this long */
    CGROUP_SIZE = 2048,  /* bytes of a process' cgroup that are recorded */
    RETRY_S = 1,         /* after a write that failed */
};

/* A line to be. */
struct event {
    struct event *next;
    int64_t when;
    struct json_object *fields; /* owned; may be NULL */
    char name[];
};

struct bfs_audit {
    char *path;
    int fd;
    const struct bfs_log *log;
    struct bfs_audit_end end; /* the writing thread's own */
    bool is_unsure;           /* likewise: a write failed, and the file may end anywhere */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct event *first, **last; /* protected by mutex, like all below */
    size_t n_queued;
    uint64_t n_lost;       /* not yet told in the log */
    uint64_t n_lost_total; /* ever */
    bool stops;
    char trouble[BFS_ERROR_TEXT_SIZE]; /* "": none */
    uint64_t opens[OPENS_KEPT];        /* by their own lowest bits; a collision is recorded again */
};

static void free_event(struct event *event)
{
    (void)json_object_put(event->fields);
    free(event);
}

/* The file's size, or -1 with errno. */
static int64_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Looks where the log ends, and makes the end right if somebody was killed while writing. */
static int recover(struct bfs_audit *audit, struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int64_t size = size_of(audit->fd);
    if (size < 0)
        return bfs_fail(error, -errno, "%s: %s", audit->path, strerror(errno));
    int r = bfs_audit_find_end(audit->fd, (uint64_t)size, audit->path, &audit->end, error);
    if (r || !audit->end.is_torn)
        return r;
    struct bfs_audit_end end = audit->end;
    r = bfs_audit_write_recovery(&end, (int64_t)time(NULL), &text);
    if (r == 0)
        r = write_all(audit->fd, text.bytes, text.size);
    if (r)
        return bfs_fail(error, r, "%s: cannot write: %s", audit->path, strerror(-r));
    audit->end = end;
    bfs_log(audit->log, BFS_LOG_WARNING, "%s: its last line was torn; recovered", audit->path);
    return 0;
}

static int write_begin(struct bfs_audit *audit, struct bfs_error *error)
{
    uint8_t random[16] = {0};
    char name[2 * sizeof(random) + 1];
    int status = 0;
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
    (void)!getrandom(random, sizeof(random), GRND_NONBLOCK);
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(name + 2 * i, 3, "%02x", random[i]);
    bfs_json_add_string(fields, "schema_version", "1.0", &status);
    bfs_json_add_string(fields, "log", name, &status);
    struct bfs_audit_end end = audit->end;
    int r = status
                ? status
                : bfs_audit_write_line(&end, BFS_AUDIT_BEGIN, (int64_t)time(NULL), fields, &text);
    if (r == 0)
        r = write_all(audit->fd, text.bytes, text.size);
    if (r)
        return bfs_fail(error, r, "%s: cannot write: %s", audit->path, strerror(-r));
    audit->end = end;
    return 0;
}

static void note_trouble(struct bfs_audit *audit, const char *text)
{
    (void)pthread_mutex_lock(&audit->mutex);
    bool news = strcmp(audit->trouble, text) != 0;
    (void)snprintf(audit->trouble, sizeof(audit->trouble), "%s", text);
    (void)pthread_mutex_unlock(&audit->mutex);
    if (news)
        bfs_log(audit->log, *text ? BFS_LOG_ERROR : BFS_LOG_INFO, "audit: %s",
                *text ? text : "written again");
}

/* Appends the lines of the batch, and of what was lost before it. */
static int format_batch(struct bfs_audit_end *end, const struct event *batch, uint64_t n_lost,
                        struct bfs_buffer *ret)
{
    int r = 0;
    if (n_lost) {
        int status = 0;
        bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
        bfs_json_add_integer(fields, "lines", n_lost, &status);
        r = status ? status : bfs_audit_write_line(end, "lost", (int64_t)time(NULL), fields, ret);
    }
    for (; r == 0 && batch; batch = batch->next)
        r = bfs_audit_write_line(end, batch->name, batch->when, batch->fields, ret);
    return r;
}

static int write_batch(struct bfs_audit *audit, const struct event *batch, uint64_t n_lost,
                       struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    if (audit->is_unsure) {
        int r = recover(audit, error);
        if (r)
            return r;
        audit->is_unsure = false;
    }
    struct bfs_audit_end end = audit->end;
    int r = format_batch(&end, batch, n_lost, &text);
    if (r)
        return bfs_fail(error, r, "%s: cannot format a line: %s", audit->path, strerror(-r));
    r = write_all(audit->fd, text.bytes, text.size);
    if (r == 0 && fdatasync(audit->fd) != 0)
        r = -errno;
    if (r) {
        audit->is_unsure = true;
        return bfs_fail(error, r, "%s: cannot write: %s", audit->path, strerror(-r));
    }
    audit->end = end;
    return 0;
}

/* Waits for something to write; NULL: nothing is left, and it stops. */
static struct event *take_batch(struct bfs_audit *audit, uint64_t *ret_lost, size_t *ret_n)
{
    (void)pthread_mutex_lock(&audit->mutex);
    while (!audit->first && !audit->n_lost && !audit->stops)
        (void)pthread_cond_wait(&audit->wake, &audit->mutex);
    struct event *batch = audit->first;
    *ret_n = audit->n_queued;
    *ret_lost = audit->n_lost;
    audit->first = NULL;
    audit->last = &audit->first;
    audit->n_queued = 0;
    audit->n_lost = 0;
    (void)pthread_mutex_unlock(&audit->mutex);
    return batch;
}

/* What could not be written counts as lost; somebody waits a little, or until it stops. */
static bool give_up(struct bfs_audit *audit, uint64_t n)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_S;
    (void)pthread_mutex_lock(&audit->mutex);
    audit->n_lost += n;
    audit->n_lost_total += n;
    while (!audit->stops &&
           pthread_cond_timedwait(&audit->wake, &audit->mutex, &until) != ETIMEDOUT)
        continue;
    bool stops = audit->stops;
    (void)pthread_mutex_unlock(&audit->mutex);
    return stops;
}

static void *run_audit(void *argument)
{
    struct bfs_audit *audit = argument;
    for (;;) {
        uint64_t n_lost;
        size_t n;
        struct event *batch = take_batch(audit, &n_lost, &n);
        if (!batch && !n_lost)
            return NULL;
        struct bfs_error error = {0};
        char text[BFS_ERROR_TEXT_SIZE];
        int r = write_batch(audit, batch, n_lost, &error);
        while (batch) {
            struct event *next = batch->next;
            free_event(batch);
            batch = next;
        }
        note_trouble(audit, r ? bfs_error_text(&error, text) : "");
        if (!r)
            continue;
        (void)pthread_mutex_lock(&audit->mutex);
        audit->n_lost_total -= n_lost; /* counted then already */
        (void)pthread_mutex_unlock(&audit->mutex);
        if (give_up(audit, n + n_lost))
            return NULL;
    }
}

static int open_file(const char *path, int *ret, struct bfs_error *error)
{
    struct stat st;
    bfs_autoclose int fd =
        open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 || fstat(fd, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return bfs_fail(error, -EINVAL, "%s: not a regular file", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return bfs_fail(error, errno == EWOULDBLOCK ? -EBUSY : -errno,
                        "%s: another mount writes this log", path);
    *ret = bfs_steal_fd(&fd);
    return 0;
}

static struct bfs_audit *drop(struct bfs_audit *audit)
{
    bfs_cleanup_close(&audit->fd);
    (void)pthread_cond_destroy(&audit->wake);
    (void)pthread_mutex_destroy(&audit->mutex);
    free(audit->path);
    free(audit);
    return NULL;
}

static int start(struct bfs_audit *audit, struct bfs_error *error)
{
    int r;
    if (!audit->path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if ((r = open_file(audit->path, &audit->fd, error)) || (r = recover(audit, error)) ||
        (audit->end.sequence == 0 && (r = write_begin(audit, error))))
        return r;
    if (fdatasync(audit->fd) != 0)
        return bfs_fail(error, -errno, "%s: %s", audit->path, strerror(errno));
    r = bfs_thread_start(&audit->thread, run_audit, audit);
    return r ? bfs_fail(error, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

int bfs_audit_open(const char *path, const struct bfs_log *log, struct bfs_audit **ret,
                   struct bfs_error *error)
{
    struct bfs_audit *audit = calloc(1, sizeof(*audit));
    if (!audit)
        return bfs_fail(error, -ENOMEM, "out of memory");
    audit->fd = -1;
    audit->log = log;
    audit->last = &audit->first;
    (void)pthread_mutex_init(&audit->mutex, NULL);
    (void)pthread_cond_init(&audit->wake, NULL);
    audit->path = strdup(path);
    int r = start(audit, error);
    if (r) {
        (void)drop(audit);
        return bfs_fail_context(error, r, "audit log");
    }
    *ret = audit;
    return 0;
}

struct bfs_audit *bfs_audit_free(struct bfs_audit *audit)
{
    if (!audit)
        return NULL;
    (void)pthread_mutex_lock(&audit->mutex);
    audit->stops = true;
    (void)pthread_cond_signal(&audit->wake);
    (void)pthread_mutex_unlock(&audit->mutex);
    (void)pthread_join(audit->thread, NULL);
    for (struct event *event = audit->first; event;) {
        struct event *next = event->next;
        free_event(event);
        event = next;
    }
    return drop(audit);
}

void bfs_audit_put(struct bfs_audit *audit, const char *name, struct json_object *fields)
{
    size_t size = strlen(name) + 1;
    struct event *event = audit ? malloc(sizeof(*event) + size) : NULL;
    if (event) {
        *event = (struct event){.when = (int64_t)time(NULL), .fields = fields};
        memcpy(event->name, name, size);
    } else {
        (void)json_object_put(fields);
        if (!audit)
            return;
    }
    (void)pthread_mutex_lock(&audit->mutex);
    bool fits = event && audit->n_queued < BFS_AUDIT_QUEUE_MAX;
    if (fits) {
        *audit->last = event;
        audit->last = &event->next;
        audit->n_queued++;
    } else {
        audit->n_lost++;
        audit->n_lost_total++;
    }
    (void)pthread_cond_signal(&audit->wake);
    (void)pthread_mutex_unlock(&audit->mutex);
    if (event && !fits)
        free_event(event);
}

static bool is_first(struct bfs_audit *audit, const struct bfs_audit_open *open)
{
    struct {
        uint64_t salt, hour;
        uid_t uid;
        pid_t pid;
        uint64_t view;
    } key = {.salt = open->salt,
             .hour = (uint64_t)time(NULL) / OPEN_AGAIN_S,
             .uid = open->uid,
             .pid = open->pid};
    uint64_t hash;
    struct bfs_xxh128 view = bfs_xxh128(open->view, strlen(open->view));
    memcpy(&key.view, view.bytes, sizeof(key.view));
    struct bfs_xxh128 whole = bfs_xxh128(&key, sizeof(key));
    memcpy(&hash, whole.bytes, sizeof(hash));
    (void)pthread_mutex_lock(&audit->mutex);
    uint64_t *place = &audit->opens[hash % OPENS_KEPT];
    bool first = *place != hash;
    *place = hash;
    (void)pthread_mutex_unlock(&audit->mutex);
    return first;
}

/* The process waits for its open(2), so it is still there. */
static void read_cgroup(pid_t pid, char ret[static CGROUP_SIZE])
{
    char path[64];
    ret[0] = '\0';
    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    bfs_autoclose int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, ret, CGROUP_SIZE - 1);
    ret[n > 0 ? n : 0] = '\0';
    /* The unified hierarchy, where there is one; else whichever is first. */
    const char *unified = strncmp(ret, "0::", 3) == 0 ? ret : strstr(ret, "\n0::");
    if (unified && unified != ret)
        memmove(ret, unified + 1, strlen(unified));
    ret[strcspn(ret, "\n")] = '\0';
}

void bfs_audit_put_open(struct bfs_audit *audit, const struct bfs_audit_open *open)
{
    char text[BFS_DIGEST_TEXT_SIZE], cgroup[CGROUP_SIZE];
    int status = 0;
    if (!audit || !is_first(audit, open))
        return;
    read_cgroup(open->pid, cgroup);
    struct json_object *fields = bfs_json_new_object(&status);
    bfs_json_add_text(fields, "name", open->name, &status);
    bfs_json_add_string(fields, "digest", bfs_digest_text(open->digest, text), &status);
    if (*open->view)
        bfs_json_add_text(fields, "view", open->view, &status);
    bfs_json_add_integer(fields, "uid", open->uid, &status);
    bfs_json_add_integer(fields, "pid", (uint64_t)(open->pid > 0 ? open->pid : 0), &status);
    if (*cgroup)
        bfs_json_add_text(fields, "cgroup", cgroup, &status);
    bfs_audit_put(audit, "open", fields);
}

bool bfs_audit_trouble(struct bfs_audit *audit, char ret[static BFS_ERROR_TEXT_SIZE],
                       uint64_t *ret_lost)
{
    *ret_lost = 0;
    if (!audit)
        return false;
    (void)pthread_mutex_lock(&audit->mutex);
    memcpy(ret, audit->trouble, sizeof(audit->trouble));
    *ret_lost = audit->n_lost_total;
    (void)pthread_mutex_unlock(&audit->mutex);
    return *ret != '\0';
}

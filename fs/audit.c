/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/audit.h"

#include "fs/audit_file.h"
#include "fs/clock.h"
#include "fs/json_text.h"
#include "fs/thread.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    OPENS_KEPT = 16384,      /* that were recorded and are not recorded again */
    OPEN_AGAIN_MS = 3600000, /* but after this long */
    CGROUP_SIZE = 2048,      /* bytes of a process' cgroup that are recorded */
    RETRY_S = 1,             /* after a write that failed */
};

/* An open that was recorded. */
struct recorded {
    uint64_t hash;    /* of who opened what; 0: none */
    uint64_t when_ms; /* as bfs_now_ms() */
};

/* A line to be. */
struct event {
    struct event *next;
    int64_t when;
    struct json_object *fields; /* owned; may be NULL */
    char name[];
};

struct bfs_audit {
    const struct bfs_log *log;
    struct bfs_audit_file *file; /* the writing thread's own */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct event *first, **last; /* protected by mutex, like all below */
    size_t n_queued;
    uint64_t n_lost;       /* not yet told in the log */
    uint64_t n_lost_total; /* ever */
    bool stops;
    char trouble[BFS_ERROR_TEXT_SIZE]; /* "": none */
    struct recorded
        opens[OPENS_KEPT]; /* by the hash's lowest bits; a collision is recorded again */
};

static void free_event(struct event *event)
{
    (void)json_object_put(event->fields);
    free(event);
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

/* What a write takes: lines, and how many were lost before them. */
struct batch {
    const struct event *first;
    uint64_t n_lost;
};

/* A bfs_audit_format. */
static int format_batch(void *context, struct bfs_audit_end *end, struct bfs_buffer *ret)
{
    const struct batch *batch = context;
    int r = 0;
    if (batch->n_lost) {
        int status = 0;
        bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
        bfs_json_add_integer(fields, "lines", batch->n_lost, &status);
        r = status ? status : bfs_audit_write_line(end, "lost", (int64_t)time(NULL), fields, ret);
    }
    for (const struct event *event = batch->first; r == 0 && event; event = event->next)
        r = bfs_audit_write_line(end, event->name, event->when, event->fields, ret);
    return r;
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
        int r = bfs_audit_file_append(audit->file, format_batch, &(struct batch){batch, n_lost},
                                      &error);
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

static struct bfs_audit *drop(struct bfs_audit *audit)
{
    (void)bfs_audit_file_free(audit->file);
    (void)pthread_cond_destroy(&audit->wake);
    (void)pthread_mutex_destroy(&audit->mutex);
    free(audit);
    return NULL;
}

int bfs_audit_open(const char *path, const struct bfs_log *log, struct bfs_audit **ret,
                   struct bfs_error *error)
{
    struct bfs_audit *audit = calloc(1, sizeof(*audit));
    if (!audit)
        return bfs_fail(error, -ENOMEM, "out of memory");
    audit->log = log;
    audit->last = &audit->first;
    (void)pthread_mutex_init(&audit->mutex, NULL);
    (void)pthread_cond_init(&audit->wake, NULL);
    int r = bfs_audit_file_open(path, log, &audit->file, error);
    if (r == 0 && (r = bfs_thread_start(&audit->thread, run_audit, audit)))
        (void)bfs_fail(error, r, "cannot start a thread: %s", strerror(-r));
    if (r) {
        (void)drop(audit);
        return bfs_fail_context(error, r, "audit log");
    }
    audit->has_thread = true;
    *ret = audit;
    return 0;
}

bool bfs_audit_stop(struct bfs_audit *audit, unsigned timeout_ms)
{
    if (!audit->has_thread)
        return true;
    (void)pthread_mutex_lock(&audit->mutex);
    audit->stops = true;
    (void)pthread_cond_signal(&audit->wake);
    (void)pthread_mutex_unlock(&audit->mutex);
    if (!bfs_thread_join(audit->thread, timeout_ms))
        return false;
    audit->has_thread = false;
    return true;
}

void bfs_audit_leave(struct bfs_audit *audit)
{
    (void)pthread_detach(audit->thread);
}

struct bfs_audit *bfs_audit_free(struct bfs_audit *audit)
{
    if (!audit)
        return NULL;
    (void)bfs_audit_stop(audit, UINT_MAX);
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

/* When the process started, in clock ticks since boot: field 22 of /proc/PID/stat. 0: unknown.
 * Field 2, the command, may hold blanks and brackets of its own; after the last bracket come fields
 * 3 on. */
static uint64_t start_of(pid_t pid)
{
    enum { FIELD = 22, FIRST = 3 };
    char path[64], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    bfs_autoclose int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    char *rest = strrchr(text, ')');
    for (int field = FIRST - 1; rest && field < FIELD; field++)
        rest = strchr(rest + 1, ' ');
    return rest ? strtoull(rest + 1, NULL, 10) : 0;
}

/* Processes whose start is unknown cannot be told apart: all of a foreign PID namespace have the
 * pid 0. Each of their opens is recorded. */
static bool is_first(struct bfs_audit *audit, const struct bfs_audit_open *open)
{
    struct {
        uint64_t salt, start;
        uid_t uid;
        pid_t pid;
        uint64_t view;
    } key = {.salt = open->salt, .start = start_of(open->pid), .uid = open->uid, .pid = open->pid};
    uint64_t hash, now = bfs_now_ms();
    if (key.start == 0)
        return true;
    struct bfs_xxh128 view = bfs_xxh128(open->view, strlen(open->view));
    memcpy(&key.view, view.bytes, sizeof(key.view));
    struct bfs_xxh128 whole = bfs_xxh128(&key, sizeof(key));
    memcpy(&hash, whole.bytes, sizeof(hash));
    hash |= 1;
    (void)pthread_mutex_lock(&audit->mutex);
    struct recorded *place = &audit->opens[(hash >> 1) % OPENS_KEPT];
    bool first = place->hash != hash || now - place->when_ms >= OPEN_AGAIN_MS;
    if (first)
        *place = (struct recorded){.hash = hash, .when_ms = now};
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

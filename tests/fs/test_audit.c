/* SPDX-License-Identifier: Apache-2.0
 * The queue of the audit log, what it counts as lost, and which opens are recorded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/store/files.h"
#include "fs/audit.h"
#include "fs/audit_file.h"
#include "tests/support/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The disk: while it is closed, writes wait; and the next ones may fail. */
static pthread_mutex_t disk_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_changed = PTHREAD_COND_INITIALIZER;
static bool disk_closed; /* protected by disk_mutex, like the two below */
static unsigned disk_fails, n_at_disk;

int __real_bfs_audit_file_append(struct bfs_audit_file *file, bfs_audit_format format,
                                 void *context, struct bfs_error *error);
int __wrap_bfs_audit_file_append(struct bfs_audit_file *file, bfs_audit_format format,
                                 void *context, struct bfs_error *error);
int __wrap_bfs_audit_file_append(struct bfs_audit_file *file, bfs_audit_format format,
                                 void *context, struct bfs_error *error)
{
    (void)pthread_mutex_lock(&disk_mutex);
    n_at_disk++;
    (void)pthread_cond_broadcast(&disk_changed);
    while (disk_closed)
        (void)pthread_cond_wait(&disk_changed, &disk_mutex);
    bool fails = disk_fails > 0;
    disk_fails -= fails;
    (void)pthread_mutex_unlock(&disk_mutex);
    return fails ? bfs_fail(error, -ENOSPC, "no space, on purpose")
                 : __real_bfs_audit_file_append(file, format, context, error);
}

static uint64_t ms_later; /* than it is; while nobody else runs */
uint64_t __real_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void);
uint64_t __wrap_bfs_now_ms(void)
{
    return __real_bfs_now_ms() + ms_later;
}

static void set_disk(bool closed, unsigned fails)
{
    (void)pthread_mutex_lock(&disk_mutex);
    disk_closed = closed;
    disk_fails = fails;
    n_at_disk = 0;
    (void)pthread_cond_broadcast(&disk_changed);
    (void)pthread_mutex_unlock(&disk_mutex);
}

static void await_disk(unsigned n)
{
    (void)pthread_mutex_lock(&disk_mutex);
    while (n_at_disk < n)
        (void)pthread_cond_wait(&disk_changed, &disk_mutex);
    (void)pthread_mutex_unlock(&disk_mutex);
}

struct place {
    struct test_folder folder;
    struct bfs_log log;
    struct bfs_audit *audit;
    char *path;
};

static void set_up(struct place *place)
{
    *place = (struct place){.folder = test_folder_make()};
    place->path = test_path(&place->folder, "log");
    ms_later = 0;
    set_disk(false, 0);
    assert_int_equal(bfs_audit_open(place->path, &place->log, &place->audit, NULL), 0);
}

static void tear_down(struct place *place)
{
    set_disk(false, 0);
    (void)bfs_audit_free(place->audit);
    free(place->path);
    test_folder_remove(&place->folder);
}
#define autoplace BFS_CLEANUP(tear_down) struct place

/* How many lines of the ended log hold the word; the chain is right. */
static unsigned lines_with(struct place *place, const char *word)
{
    struct bfs_audit_report report;
    uint8_t *bytes;
    size_t size;
    unsigned n = 0;
    place->audit = bfs_audit_free(place->audit);
    bfs_autoclose int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(bfs_audit_verify(fd, place->path, &report, NULL), 0);
    assert_int_equal(bfs_read_file(place->path, 64 << 20, &bytes, &size, NULL), 0);
    bfs_autofree char *text = strndup((char *)bytes, size);
    free(bytes);
    assert_non_null(text);
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static void opens(struct place *place, uint64_t salt, const char *view, uid_t uid, pid_t pid)
{
    static const struct bfs_digest digest;
    const struct bfs_audit_open open = {
        .salt = salt, .name = "a/m:1", .digest = &digest, .view = view, .uid = uid, .pid = pid};
    bfs_audit_put_open(place->audit, &open);
}

static void what_does_not_fit_is_counted(void **state)
{
    enum { MORE = 100 };
    autoplace place;
    char trouble[BFS_ERROR_TEXT_SIZE];
    uint64_t lost;
    (void)state;
    set_up(&place);
    set_disk(true, 0);
    bfs_audit_put(place.audit, "first", NULL);
    await_disk(1); /* with the first line; the queue is empty */
    for (unsigned i = 0; i < BFS_AUDIT_QUEUE_MAX + MORE; i++)
        bfs_audit_put(place.audit, "other", NULL);
    assert_false(bfs_audit_trouble(place.audit, trouble, &lost));
    assert_int_equal(lost, MORE);
    set_disk(false, 0);
    assert_int_equal(lines_with(&place, "\"lines\":100"), 1);
}

static void what_is_queued_is_written_at_the_end(void **state)
{
    autoplace place;
    (void)state;
    set_up(&place);
    set_disk(true, 0);
    bfs_audit_put(place.audit, "other", NULL);
    await_disk(1);
    for (unsigned i = 1; i < BFS_AUDIT_QUEUE_MAX; i++)
        bfs_audit_put(place.audit, "other", NULL);
    assert_false(bfs_audit_stop(place.audit, 1)); /* the disk hangs */
    set_disk(false, 0);
    assert_int_equal(lines_with(&place, "\"event\":\"other\""), BFS_AUDIT_QUEUE_MAX);
}

/* Lines of a write that failed are lost, once, and the next write that works says so. */
static void what_cannot_be_written_is_counted_once(void **state)
{
    autoplace place;
    char trouble[BFS_ERROR_TEXT_SIZE];
    uint64_t lost;
    (void)state;
    set_up(&place);
    set_disk(false, 2);
    bfs_audit_put(place.audit, "other", NULL);
    await_disk(3); /* the line; the loss, which fails as well; and again */
    bfs_audit_put(place.audit, "last", NULL);
    assert_true(bfs_audit_stop(place.audit, 20000));
    assert_false(bfs_audit_trouble(place.audit, trouble, &lost));
    assert_int_equal(lost, 1);
    assert_int_equal(lines_with(&place, "\"lines\":1"), 1);
}

static void a_process_is_recorded_once(void **state)
{
    autoplace place;
    (void)state;
    set_up(&place);
    for (unsigned i = 0; i < 3; i++) {
        opens(&place, 1, "", 7, getpid());
        opens(&place, 2, "", 7, getpid());
        opens(&place, 1, "gguf", 7, getpid());
        opens(&place, 1, "", 8, getpid());
    }
    assert_int_equal(lines_with(&place, "\"event\":\"open\""), 4);
}

/* An hour since the last line, whatever the clock on the wall says. */
static void an_hour_is_an_hour(void **state)
{
    enum { HOUR_MS = 3600000 };
    autoplace place;
    (void)state;
    set_up(&place);
    opens(&place, 1, "", 7, getpid());
    ms_later = HOUR_MS - 60000;
    opens(&place, 1, "", 7, getpid());
    ms_later = HOUR_MS;
    opens(&place, 1, "", 7, getpid());
    ms_later = 2 * HOUR_MS - 60000;
    opens(&place, 1, "", 7, getpid());
    assert_int_equal(lines_with(&place, "\"event\":\"open\""), 2);
}

/* Processes of another namespace, and those that are gone, cannot be told apart. */
static void strangers_are_recorded_each(void **state)
{
    autoplace place;
    (void)state;
    set_up(&place);
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    for (unsigned i = 0; i < 3; i++) {
        opens(&place, 1, "", 7, 0);
        opens(&place, 1, "", 7, gone);
    }
    assert_int_equal(lines_with(&place, "\"event\":\"open\""), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_counted),
        cmocka_unit_test(what_is_queued_is_written_at_the_end),
        cmocka_unit_test(what_cannot_be_written_is_counted_once),
        cmocka_unit_test(a_process_is_recorded_once),
        cmocka_unit_test(an_hour_is_an_hour),
        cmocka_unit_test(strangers_are_recorded_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/audit_file.h"

#include "codec/store/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

struct bfs_audit_file {
    char *path; /* from the root on */
    const struct bfs_log *log;
    int fd;
    dev_t device;
    ino_t inode;
    off_t size; /* as it was left */
    struct bfs_audit_end end;
    bool is_unsure;              /* a write failed, and the file may end anywhere */
    struct bfs_digest continues; /* last line of the log that was here before; zeros: none */
};

static int fail_write(const struct bfs_audit_file *file, int code, struct bfs_error *error)
{
    return bfs_fail(error, code, "%s: cannot write: %s", file->path, strerror(-code));
}

/* Whoever can read the folder needs no line of it, so the file is the daemon's alone. */
static int open_locked(const char *path, int *ret, struct stat *ret_stat, struct bfs_error *error)
{
    bfs_autoclose int fd =
        open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 || fstat(fd, ret_stat) != 0)
        return bfs_fail(error, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(ret_stat->st_mode))
        return bfs_fail(error, -EINVAL, "%s: not a regular file", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return bfs_fail(error, errno == EWOULDBLOCK ? -EBUSY : -errno,
                        "%s: another mount writes this log", path);
    *ret = bfs_steal_fd(&fd);
    return 0;
}

/* What was just created shall be found after a power cut. */
static int sync_folder(const char *path)
{
    bfs_autofree char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (!slash)
        return -ENOMEM;
    slash[slash == folder] = '\0';
    return bfs_sync_folder(folder);
}

static int write_first(struct bfs_audit_file *file, struct bfs_audit_end *end,
                       struct bfs_buffer *ret)
{
    static const struct bfs_digest none = {0};
    uint8_t random[16] = {0};
    char name[2 * sizeof(random) + 1], hex[BFS_DIGEST_HEX_SIZE];
    int status = 0;
    bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
    (void)!getrandom(random, sizeof(random), GRND_NONBLOCK);
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(name + 2 * i, 3, "%02x", random[i]);
    bfs_json_add_string(fields, "schema_version", "1.0", &status);
    bfs_json_add_string(fields, "log", name, &status);
    if (!bfs_digest_equal(&file->continues, &none))
        bfs_json_add_string(fields, "continues", bfs_digest_hex(&file->continues, hex), &status);
    return status ? status
                  : bfs_audit_write_line(end, BFS_AUDIT_BEGIN, (int64_t)time(NULL), fields, ret);
}

/* Writes and syncs what continues `end`, which then is the file's. */
static int put(struct bfs_audit_file *file, const struct bfs_audit_end *end,
               const struct bfs_buffer *text, struct bfs_error *error)
{
    file->is_unsure = true;
    int r = bfs_write_all(file->fd, text->bytes, text->size);
    if (r == 0 && fdatasync(file->fd) != 0)
        r = -errno;
    if (r)
        return fail_write(file, r, error);
    file->is_unsure = false;
    file->end = *end;
    file->size += (off_t)text->size;
    return 0;
}

/* What makes a log right again that ends somewhere: `last_known` is the line that it ended with
 * when it was seen last, and is not there any more; NULL: it was not seen, or all of it is there.
 */
static int mend(struct bfs_audit_file *file, const struct bfs_digest *last_known,
                struct bfs_audit_end *end, struct bfs_buffer *ret)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    int64_t now = (int64_t)time(NULL);
    int status = 0;
    if (end->is_torn)
        status = bfs_audit_write_recovery(end, now, ret);
    else if (end->sequence == 0)
        return write_first(file, end, ret);
    if (status || !last_known)
        return status;
    bfs_autojson struct json_object *fields = bfs_json_new_object(&status);
    bfs_json_add_string(fields, "last", bfs_digest_hex(last_known, hex), &status);
    return status ? status : bfs_audit_write_line(end, "cut_off", now, fields, ret);
}

/* Looks where the log ends, and makes the end right if somebody was killed while writing, or cut it
 * off. */
static int recover(struct bfs_audit_file *file, const struct bfs_digest *last_known,
                   struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_audit_end end;
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return bfs_fail(error, -errno, "%s: %s", file->path, strerror(errno));
    int r = bfs_audit_find_end(file->fd, (uint64_t)st.st_size, file->path, &end, error);
    if (r)
        return r;
    bool was_torn = end.is_torn;
    r = mend(file, last_known, &end, &text);
    if (r)
        return bfs_fail(error, r, "%s: cannot format a line: %s", file->path, strerror(-r));
    file->size = st.st_size;
    r = put(file, &end, &text, error);
    if (r == 0 && was_torn)
        bfs_log(file->log, BFS_LOG_WARNING, "%s: its last line was torn; recovered", file->path);
    return r;
}

/* Another file has the place now, or none. */
static int begin_anew(struct bfs_audit_file *file, struct bfs_error *error)
{
    struct stat st;
    int fd = -1;
    int r = open_locked(file->path, &fd, &st, error);
    if (r)
        return r;
    if (sync_folder(file->path) != 0)
        bfs_log(file->log, BFS_LOG_WARNING, "%s: its folder cannot be synced", file->path);
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = fd;
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->is_unsure = true;
    return recover(file, NULL, error);
}

/* Makes the file what it was left as, where it was left, when it is not. */
static int look(struct bfs_audit_file *file, struct bfs_error *error)
{
    struct stat st = {0};
    if (stat(file->path, &st) != 0 && errno != ENOENT)
        return bfs_fail(error, -errno, "%s: %s", file->path, strerror(errno));
    bool is_here = st.st_dev == file->device && st.st_ino == file->inode;
    struct bfs_digest last = file->end.last;
    if (!is_here) {
        file->continues = last;
        bfs_log(file->log, BFS_LOG_WARNING, "%s: it was moved away, so another one begins",
                file->path);
        return begin_anew(file, error);
    }
    if (st.st_size < file->size && !file->is_unsure) {
        file->continues = last;
        bfs_log(file->log, BFS_LOG_ERROR, "%s: somebody cut it off", file->path);
        return recover(file, &last, error);
    }
    if (file->is_unsure)
        return recover(file, NULL, error);
    if (st.st_size > file->size) {
        /* Whoever did that must not end the log as well; "audit verify" finds the line. */
        bfs_log(file->log, BFS_LOG_ERROR, "%s: somebody else wrote to it", file->path);
        file->size = st.st_size;
    }
    return 0;
}

int bfs_audit_file_append(struct bfs_audit_file *file, bfs_audit_format format, void *context,
                          struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int r = look(file, error);
    if (r)
        return r;
    struct bfs_audit_end end = file->end;
    r = format(context, &end, &text);
    if (r)
        return bfs_fail(error, r, "%s: cannot format a line: %s", file->path, strerror(-r));
    return put(file, &end, &text, error);
}

int bfs_audit_file_open(const char *path, const struct bfs_log *log, struct bfs_audit_file **ret,
                        struct bfs_error *error)
{
    BFS_CLEANUP(bfs_audit_file_cleanup) struct bfs_audit_file *file = calloc(1, sizeof(*file));
    if (!file)
        return bfs_fail(error, -ENOMEM, "out of memory");
    file->fd = -1;
    file->log = log;
    file->path = bfs_absolute_path(path);
    if (!file->path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    int r = begin_anew(file, error);
    if (r)
        return r;
    *ret = bfs_steal(&file);
    return 0;
}

struct bfs_audit_file *bfs_audit_file_free(struct bfs_audit_file *file)
{
    if (file) {
        bfs_cleanup_close(&file->fd);
        free(file->path);
        free(file);
    }
    return NULL;
}

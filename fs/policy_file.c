/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/policy_file.h"

#include "codec/store/files.h"
#include "fs/clock.h"
#include "verify/rfc3339.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { RETRY_MS = 5000 }; /* after what was no fault of the text */

struct bfs_policy_file {
    char *path;
    const struct bfs_log *log;
    struct stat seen; /* before it was last read; zeros: it was not there */
    bool wants_retry; /* what kept it from being taken up may pass, though it stays as it is */
    uint64_t tried_ms;
    pthread_mutex_t mutex;
    struct bfs_policy *policy;         /* protected by mutex, like trouble */
    char trouble[BFS_ERROR_TEXT_SIZE]; /* "": none */
};

static int load(const char *path, struct bfs_policy **ret, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = NULL;
    int r = bfs_policy_load(path, &policy, error);
    if (r == 0)
        r = bfs_policy_resolve(policy, path, error);
    if (r == 0)
        *ret = bfs_steal(&policy);
    return r;
}

static void warn_of_ends(const struct bfs_policy_file *file, const struct bfs_policy *policy)
{
    char end_text[BFS_RFC3339_SIZE];
    int64_t end, now = (int64_t)time(NULL);
    for (size_t i = 0; i < bfs_policy_n_keys(policy); i++)
        if (bfs_policy_key_ends_soon(policy, i, now, &end) &&
            bfs_rfc3339_format(end, end_text) == 0)
            bfs_log(file->log, BFS_LOG_WARNING,
                    "policy: %s: key %s ends at %s; from then on its signatures do not count: "
                    "rotate the key",
                    file->path, bfs_policy_key_name(policy, i), end_text);
}

int bfs_policy_file_open(const char *named, const struct bfs_log *log, struct bfs_policy_file **ret,
                         struct bfs_error *error)
{
    const char *path = bfs_policy_path(named);
    if (!path) {
        *ret = NULL;
        return 0;
    }
    BFS_CLEANUP(bfs_policy_file_cleanup) struct bfs_policy_file *file = calloc(1, sizeof(*file));
    if (!file)
        return bfs_fail(error, -ENOMEM, "out of memory");
    (void)pthread_mutex_init(&file->mutex, NULL);
    file->log = log;
    /* The daemon leaves the folder that it was started from. */
    file->path = bfs_absolute_path(path);
    if (!file->path)
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (stat(file->path, &file->seen) != 0)
        return bfs_fail(error, -errno, "policy: %s: %s", file->path, strerror(errno));
    int r = load(file->path, &file->policy, error);
    if (r)
        return bfs_fail_context(error, r, "policy");
    warn_of_ends(file, file->policy);
    *ret = bfs_steal(&file);
    return 0;
}

struct bfs_policy_file *bfs_policy_file_free(struct bfs_policy_file *file)
{
    if (file) {
        (void)bfs_policy_unref(file->policy);
        (void)pthread_mutex_destroy(&file->mutex);
        free(file->path);
        free(file);
    }
    return NULL;
}

const char *bfs_policy_file_path(const struct bfs_policy_file *file)
{
    return file->path;
}

struct bfs_policy *bfs_policy_file_policy(struct bfs_policy_file *file)
{
    (void)pthread_mutex_lock(&file->mutex);
    struct bfs_policy *policy = bfs_policy_ref(file->policy);
    (void)pthread_mutex_unlock(&file->mutex);
    return policy;
}

bool bfs_policy_file_trouble(struct bfs_policy_file *file, char ret[static BFS_ERROR_TEXT_SIZE])
{
    (void)pthread_mutex_lock(&file->mutex);
    memcpy(ret, file->trouble, sizeof(file->trouble));
    (void)pthread_mutex_unlock(&file->mutex);
    return *ret != '\0';
}

static enum bfs_policy_news note_trouble(struct bfs_policy_file *file, const char *text)
{
    (void)pthread_mutex_lock(&file->mutex);
    bool news = strcmp(file->trouble, text) != 0;
    (void)snprintf(file->trouble, sizeof(file->trouble), "%s", text);
    (void)pthread_mutex_unlock(&file->mutex);
    if (news)
        bfs_log(file->log, BFS_LOG_ERROR,
                "policy: %s; the policy that was read before stays in force", text);
    return news ? BFS_POLICY_BROKEN : BFS_POLICY_SAME;
}

/* Takes the reference over. */
static enum bfs_policy_news put_in_force(struct bfs_policy_file *file, struct bfs_policy *policy)
{
    (void)pthread_mutex_lock(&file->mutex);
    struct bfs_policy *old = file->policy;
    bool was_broken = file->trouble[0] != '\0';
    bool is_same = bfs_digest_equal(bfs_policy_digest(old), bfs_policy_digest(policy));
    file->policy = policy;
    file->trouble[0] = '\0';
    (void)pthread_mutex_unlock(&file->mutex);
    (void)bfs_policy_unref(old);
    if (!is_same || was_broken)
        bfs_log(file->log, BFS_LOG_INFO, "policy: %s: read again, in force", file->path);
    warn_of_ends(file, policy);
    /* Also when the text is the same: the users and groups that it names may be others now. */
    return BFS_POLICY_CHANGED;
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Is it the text that is wrong, and not the moment, or the users that the system has? */
static bool is_lasting(int code)
{
    return code == -EBADMSG || code == -E2BIG || code == -EPROTONOSUPPORT || code == -EINVAL;
}

enum bfs_policy_news bfs_policy_file_look(struct bfs_policy_file *file)
{
    struct stat st;
    struct bfs_policy *policy;
    struct bfs_error error = {0};
    char text[BFS_ERROR_TEXT_SIZE];
    if (stat(file->path, &st) != 0) {
        file->seen = (struct stat){0};
        (void)snprintf(text, sizeof(text), "%s: %s", file->path, strerror(errno));
        return note_trouble(file, text);
    }
    if (is_unchanged(&st, &file->seen) &&
        !(file->wants_retry && bfs_now_ms() - file->tried_ms >= RETRY_MS))
        return BFS_POLICY_SAME;
    /* Seen before it was read: a change in between is noticed the next time. */
    file->seen = st;
    file->tried_ms = bfs_now_ms();
    int r = load(file->path, &policy, &error);
    file->wants_retry = r && !is_lasting(r);
    return r ? note_trouble(file, bfs_error_text(&error, text)) : put_in_force(file, policy);
}

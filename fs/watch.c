/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/watch.h"

#include "fs/invalidate.h"
#include "fs/json_text.h"
#include "fs/node.h"
#include "fs/signatures.h"
#include "fs/thread.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Verdicts are reached for so long before it looks again whether anything has changed. */
enum { REFRESH_MS = 200 };
enum { STOP_MS = 1000 }; /* how long its end may take */
enum { MEMORY_MS = 1000 }; /* how often memory is looked at, at most */
/* How long it waits before it reads statements again that could not be read: twice as long each
 * time. */
enum { RETRY_MIN_MS = 1000, RETRY_MAX_MS = 300000 };

struct bfs_watch {
    struct bfs_fs *fs;
    pthread_t thread;
    int stop;    /* eventfd */
    int inotify; /* -1: polling only */
    struct stat seen;
    bool has_seen;
    /* The tree of the last time when statements could be read; NULL: they have been read since. */
    struct bfs_tree *unread;
    uint64_t retry_ms, delay_ms; /* with `unread`: when it tries again, and how long that is */
    uint64_t epoch;              /* of the policy, when the links were last resolved */
};

static bool is_same_node(const struct bfs_tree_node *a, const struct bfs_tree_node *b)
{
    return a && b && a->node == b->node && a->kind == b->kind;
}

/* Every node of `a` that `b` does not have as it is. */
static void invalidate_difference(struct bfs_fs *fs, const struct bfs_tree *a,
                                  const struct bfs_tree *b)
{
    size_t n;
    const struct bfs_tree_node *nodes = bfs_tree_all(a, &n);
    for (size_t i = 0; i < n; i++)
        if (!is_same_node(&nodes[i], bfs_tree_lookup(b, nodes[i].parent, nodes[i].name)))
            bfs_invalidate_name(fs, nodes[i].parent, nodes[i].name);
}

/* Puts the new tree in place; *ret is the one before. */
static int reload_tree(struct bfs_fs *fs, struct bfs_tree **ret, struct bfs_error *error)
{
    struct bfs_tree *tree;
    int r = bfs_fs_read_tree(fs, &tree, error);
    if (r)
        return r;
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *now = bfs_tree_ref(tree);
    struct bfs_tree *before = bfs_fs_set_tree(fs, tree);
    invalidate_difference(fs, now, before);
    invalidate_difference(fs, before, now);
    bfs_metric_add(&fs->metrics, BFS_METRIC_RELOADS, 1);
    *ret = before;
    return 0;
}

static int reload_statements(struct bfs_fs *fs, const struct bfs_tree *before,
                             struct bfs_error *error)
{
    int links = bfs_links_refresh(fs, before), signatures = bfs_signatures_refresh(fs, before);
    int r = links ? links : signatures;
    return r ? bfs_fail(error, r, "statements cannot be read: %s", strerror(-r)) : 0;
}

int bfs_fs_reload(struct bfs_fs *fs, struct bfs_error *error)
{
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *before = NULL;
    int r = reload_tree(fs, &before, error);
    return r ? r : reload_statements(fs, before, error);
}

static const char serves_old[] = "; serving what was last known";
static const char serves_new[] =
    "; the new catalogue is served, with aliases and signatures as last known";

static void note_trouble(struct bfs_fs *fs, const char *text, const char *consequence)
{
    (void)pthread_mutex_lock(&fs->mutex);
    bool news = strcmp(fs->trouble, text) != 0;
    (void)snprintf(fs->trouble, sizeof(fs->trouble), "%s", text);
    (void)pthread_mutex_unlock(&fs->mutex);
    if (news && *text)
        bfs_log(fs->log, BFS_LOG_ERROR, "catalogue: %s%s", text, consequence);
    else if (news)
        bfs_log(fs->log, BFS_LOG_INFO, "catalogue: readable again");
}

static void note_fine(const struct bfs_watch *watch)
{
    struct bfs_fs *fs = watch->fs;
    if (!watch->unread)
        note_trouble(fs, "", "");
    (void)pthread_mutex_lock(&fs->mutex);
    fs->checked_ms = bfs_now_ms();
    (void)pthread_mutex_unlock(&fs->mutex);
}

/* Statements that could not be read are no reason to read the catalogue again: one blob with a bad
 * sector would cost a reload at every poll. */
static void read_statements(struct bfs_watch *watch)
{
    struct bfs_fs *fs = watch->fs;
    char text[BFS_ERROR_TEXT_SIZE];
    struct bfs_error error = {0};
    if (reload_statements(fs, watch->unread, &error) == 0) {
        (void)bfs_tree_unref(bfs_steal(&watch->unread));
        watch->delay_ms = 0;
        return;
    }
    watch->delay_ms = watch->delay_ms ? 2 * watch->delay_ms : RETRY_MIN_MS;
    if (watch->delay_ms > RETRY_MAX_MS)
        watch->delay_ms = RETRY_MAX_MS;
    watch->retry_ms = bfs_now_ms() + watch->delay_ms;
    bfs_metric_add(&fs->metrics, BFS_METRIC_RELOAD_ERRORS, 1);
    note_trouble(fs, bfs_error_text(&error, text), serves_new);
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void look(struct bfs_watch *watch)
{
    struct bfs_fs *fs = watch->fs;
    struct stat st;
    char text[BFS_ERROR_TEXT_SIZE];
    struct bfs_error error = {0};
    if (stat(bfs_store_index_path(fs->store), &st) != 0) {
        (void)snprintf(text, sizeof(text), "%s: %s", bfs_store_index_path(fs->store),
                       strerror(errno));
        bfs_metric_add(&fs->metrics, BFS_METRIC_RELOAD_ERRORS, 1);
        note_trouble(fs, text, serves_old);
        watch->has_seen = false;
        return;
    }
    if (watch->has_seen && is_unchanged(&st, &watch->seen)) {
        if (watch->unread && bfs_now_ms() >= watch->retry_ms)
            read_statements(watch);
        note_fine(watch);
        return;
    }
    BFS_CLEANUP(bfs_tree_cleanup) struct bfs_tree *before = NULL;
    if (reload_tree(fs, &before, &error)) {
        bfs_metric_add(&fs->metrics, BFS_METRIC_RELOAD_ERRORS, 1);
        note_trouble(fs, bfs_error_text(&error, text), serves_old);
        watch->has_seen = false;
        return;
    }
    /* Seen before it was read: a change in between is noticed the next time. */
    watch->seen = st;
    watch->has_seen = true;
    if (!watch->unread)
        watch->unread = bfs_steal(&before);
    read_statements(watch);
    note_fine(watch);
}

/* Under both of its numbers, of which the kernel may know either. The content of a bundle never
 * changes, and handles that are open go on, so its pages stay. */
static void invalidate_inode(struct bfs_fs *fs, uint32_t slot, uint32_t inode)
{
    bfs_invalidate_attributes(fs, bfs_node_of(slot, inode));
    bfs_invalidate_attributes(fs, bfs_node_of(slot, inode) | BFS_NODE_BACKED);
}

/* What the kernel knows about a bundle is true no more: who may read it, or whether anybody may. */
static void on_changed(void *context, uint32_t slot, uint32_t n_inodes)
{
    struct bfs_fs *fs = context;
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = NULL;
    struct bfs_reference reference;
    struct bfs_digest digest;
    size_t n = 0;
    invalidate_inode(fs, slot, BFS_INODE_ROOT);
    for (uint32_t inode = BFS_INODE_ROOT + 1; inode < n_inodes; inode++)
        invalidate_inode(fs, slot, inode);
    for (uint32_t inode = BFS_INODE_MANIFEST; inode <= BFS_INODE_SIGNATURES; inode++)
        invalidate_inode(fs, slot, inode);
    int r = bfs_links_rejudge(fs, slot);
    if (r)
        bfs_log(fs->log, BFS_LOG_ERROR, "links beside a bundle whose verdict changed: %s",
                strerror(-r));
    if (!bfs_bundles_identity(fs->bundles, slot, &reference, &digest) ||
        bfs_signatures_get(fs, slot, &digest, true, &set))
        return;
    const struct bfs_signature *items = bfs_signature_set_items(set, &n);
    for (size_t i = 0; i < n; i++)
        invalidate_inode(fs, slot, items[i].inode);
}

static void report_policy(struct bfs_fs *fs, bool is_broken)
{
    char text[BFS_ERROR_TEXT_SIZE], digest[BFS_DIGEST_TEXT_SIZE];
    int status = 0;
    if (!fs->audit)
        return;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = bfs_policy_file_policy(fs->policy_file);
    struct json_object *fields = bfs_json_new_object(&status);
    bfs_json_add_text(fields, "file", bfs_policy_file_path(fs->policy_file), &status);
    bfs_json_add_string(fields, "digest", bfs_digest_text(bfs_policy_digest(policy), digest),
                        &status);
    if (is_broken && bfs_policy_file_trouble(fs->policy_file, text))
        bfs_json_add_text(fields, "reason", text, &status);
    bfs_audit_put(fs->audit, is_broken ? "policy_broken" : "policy", fields);
}

static void look_at_policy(struct bfs_watch *watch)
{
    struct bfs_fs *fs = watch->fs;
    enum bfs_policy_news news =
        fs->policy_file ? bfs_policy_file_look(fs->policy_file) : BFS_POLICY_SAME;
    if (news == BFS_POLICY_SAME)
        return;
    report_policy(fs, news == BFS_POLICY_BROKEN);
    if (news == BFS_POLICY_CHANGED) {
        bfs_guard_set_policy(fs->guard);
        watch->has_seen = false; /* where aliases point is the policy's to say too */
    }
}

/* A policy that limits who may read holds in the mount alone: the store must be private too. */
static void look_at_exposure(struct bfs_fs *fs)
{
    bool exposed = false;
    BFS_CLEANUP(bfs_policy_cleanup)
    struct bfs_policy *policy = fs->policy_file ? bfs_policy_file_policy(fs->policy_file) : NULL;
    if (policy && bfs_policy_limits_readers(policy) && bfs_store_is_exposed(fs->store, &exposed))
        return; /* the look at index.json says that the store cannot be reached */
    (void)pthread_mutex_lock(&fs->mutex);
    bool news = exposed && !fs->is_exposed;
    fs->is_exposed = exposed;
    (void)pthread_mutex_unlock(&fs->mutex);
    if (news)
        bfs_log(fs->log, BFS_LOG_WARNING,
                "the policy limits who may read, but every user can read the store itself: "
                "\"chmod o= %s\" makes it private",
                bfs_store_path(fs->store));
}

/* A key has begun or ceased to be valid: aliases may point elsewhere. */
static void look_at_time(struct bfs_watch *watch)
{
    BFS_CLEANUP(bfs_policy_cleanup) struct bfs_policy *policy = bfs_guard_policy(watch->fs->guard);
    uint64_t epoch = bfs_policy_epoch(policy, (int64_t)time(NULL));
    if (epoch != watch->epoch)
        watch->has_seen = false;
    watch->epoch = epoch;
}

static void drain(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof(events)) > 0)
        continue;
}

static void *run_watch(void *argument)
{
    struct bfs_watch *watch = argument;
    struct pollfd events[] = {{.fd = watch->stop, .events = POLLIN},
                              {.fd = watch->inotify, .events = POLLIN}};
    uint64_t looked_ms = 0;
    for (;;) {
        uint64_t now = bfs_now_ms();
        if (now - looked_ms >= MEMORY_MS) {
            looked_ms = now;
            bfs_fs_look_at_memory(watch->fs);
            look_at_exposure(watch->fs);
            bfs_cache_shrink(watch->fs->cache);
        }
        look_at_policy(watch);
        look_at_time(watch);
        look(watch);
        bool more = bfs_guard_refresh(watch->fs->guard, REFRESH_MS, on_changed, watch->fs);
        int n = poll(events, 2, more ? 0 : (int)watch->fs->options->poll_ms);
        if (n > 0 && events[0].revents)
            return NULL;
        if (n > 0 && events[1].revents)
            drain(watch->inotify);
    }
}

/* Of the folder, not of the file: index.json is replaced, never written. */
static int watch_folder(const char *path)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR) < 0) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* The folder again: files are replaced. Without it, polling finds the change. */
static void watch_policy(const struct bfs_watch *watch)
{
    bfs_autofree char *folder =
        watch->fs->policy_file ? strdup(bfs_policy_file_path(watch->fs->policy_file)) : NULL;
    if (!folder || watch->inotify < 0)
        return;
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    (void)inotify_add_watch(watch->inotify, folder, IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
}

int bfs_watch_start(struct bfs_fs *fs, struct bfs_watch **ret)
{
    struct bfs_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return -ENOMEM;
    watch->fs = fs;
    watch->seen = fs->index_seen;
    look_at_time(watch); /* what was resolved so far was resolved now */
    watch->has_seen = fs->index_seen.st_ino != 0;
    watch->inotify = watch_folder(bfs_store_path(fs->store));
    watch_policy(watch);
    watch->stop = eventfd(0, EFD_CLOEXEC);
    int r = watch->stop < 0 ? -errno : bfs_thread_start(&watch->thread, run_watch, watch);
    if (r) {
        bfs_cleanup_close(&watch->stop);
        bfs_cleanup_close(&watch->inotify);
        free(watch);
        return r;
    }
    *ret = watch;
    return 0;
}

bool bfs_watch_stop(struct bfs_watch *watch)
{
    if (!watch)
        return true;
    (void)eventfd_write(watch->stop, 1);
    if (!bfs_thread_stop(watch->thread, STOP_MS))
        return false;
    bfs_cleanup_close(&watch->stop);
    bfs_cleanup_close(&watch->inotify);
    (void)bfs_tree_unref(watch->unread);
    free(watch);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/warm.h"

#include "fs/node.h"
#include "fs/op.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int look_up(struct bfs_fs *fs, uint64_t node, const char *name, uint64_t *ret)
{
    struct bfs_op op = {.function = bfs_op_lookup, .node = node};
    struct bfs_reply reply = {0};
    if (strlen(name) > BFS_OP_NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(op.name, name, strlen(name) + 1);
    int r = bfs_op_lookup(fs, &op, true, &reply);
    if (r)
        return r;
    *ret = reply.entry.ino;
    return reply.entry.ino ? 0 : -ENOENT;
}

/* views/auto and latest are links to a name beside them. */
static int follow(struct bfs_fs *fs, uint64_t parent, uint64_t *node)
{
    bfs_autobuffer struct bfs_buffer target = BFS_BUFFER_INIT;
    struct bfs_op op = {.function = bfs_op_readlink, .node = *node};
    struct bfs_reply reply = {0};
    if (bfs_op_readlink(fs, &op, true, &reply)) {
        bfs_buffer_done(&reply.bytes);
        return 0; /* no link */
    }
    target = reply.bytes;
    bfs_buffer_put_u8(&target, '\0');
    if (bfs_buffer_status(&target))
        return -ENOMEM;
    return look_up(fs, parent, (const char *)target.bytes, node);
}

static int walk(struct bfs_fs *fs, char *path, uint64_t *node)
{
    int r = 0;
    for (char *name; r == 0 && (name = strsep(&path, "/"));) {
        uint64_t parent = *node;
        r = look_up(fs, parent, name, node);
        if (r == 0)
            r = follow(fs, parent, node);
    }
    return r;
}

int bfs_warm_find(struct bfs_fs *fs, const char *what, uint64_t *ret_node, struct bfs_error *error)
{
    bfs_autofree char *name = strdup(what);
    uint64_t node = BFS_NODE_ROOT;
    if (!name)
        return bfs_fail(error, -ENOMEM, "out of memory");
    char *version = strchr(name, ':');
    if (!version || !version[1] || version == name)
        return bfs_fail(error, -EINVAL, "%s: not NAME:VERSION or NAME:VERSION/VIEW", what);
    *version++ = '\0';
    char *view = strchr(version, '/');
    if (view)
        *view++ = '\0';
    int r = walk(fs, name, &node);
    if (r == 0)
        r = walk(fs, version, &node);
    if (r == 0 && view) {
        uint64_t views;
        r = look_up(fs, node, "views", &views);
        node = r ? node : views;
        r = r ? r : walk(fs, view, &node);
    }
    if (r == 0 && !bfs_node_in_bundle(node))
        r = -ENOENT;
    if (r)
        return bfs_fail(error, r, "%s: %s", what, strerror(-r));
    *ret_node = node;
    return 0;
}

static bool is_below(const struct bfs_index *index, uint32_t number, uint32_t directory)
{
    while (number > directory) /* parents have lower numbers */
        number = bfs_index_inode(index, number).parent;
    return number == directory;
}

/* Below what is asked for. */
struct walking {
    struct bfs_fs *fs;
    struct bfs_bundle *bundle;
    struct bfs_warm_steps *steps;
    struct bfs_warm_status status;
};

/* With a reference. */
static int open_file(struct walking *walking, uint64_t node, struct bfs_open_file **ret)
{
    struct bfs_files *files = walking->fs->files;
    uint32_t inode = bfs_node_inode(node);
    *ret = bfs_files_find(files, node);
    if (*ret)
        return 0;
    struct bfs_warm_steps *steps = walking->steps;
    if (steps) {
        atomic_store(&steps->inode, inode);
        atomic_store(&steps->is_opening, true);
    }
    int r = bfs_files_open(files, node, walking->bundle, inode, ret, NULL);
    if (steps) {
        atomic_store(&steps->is_opening, false);
        (void)atomic_fetch_add(&steps->n, 1);
    }
    return r;
}

/* One file: begins it where needed, and adds up. */
static int step(struct walking *walking, uint64_t node, uint64_t size)
{
    struct bfs_fs *fs = walking->fs;
    struct bfs_warm_status *status = &walking->status;
    struct bfs_backing_status backing = bfs_backing_status(fs->backing, node);
    bfs_backing_keep(fs->backing, node);
    if (backing.state == BFS_BACKING_NONE || backing.state == BFS_BACKING_FAILED) {
        struct bfs_open_file *open;
        int r = open_file(walking, node, &open);
        if (r)
            return r;
        (void)bfs_backing_want(fs->backing, node, open->file);
        bfs_files_unref(fs->files, open);
        backing = bfs_backing_status(fs->backing, node);
    }
    status->done += backing.state == BFS_BACKING_READY ? size : backing.present;
    if (backing.state == BFS_BACKING_FAILED && status->state != BFS_WARM_FAILED) {
        status->state = BFS_WARM_FAILED;
        status->error = backing.error;
    } else if (backing.state != BFS_BACKING_READY && status->state == BFS_WARM_READY) {
        status->state = BFS_WARM_FILLING;
    }
    return 0;
}

/* The inodes that a node stands for: all below it, but the views of a model. */
struct scope {
    const struct bfs_index *index;
    uint32_t top;
    uint32_t views; /* BFS_INODE_ROOT: they belong to it, or there are none */
};

static struct scope scope_of(const struct bfs_bundle *bundle, uint64_t node)
{
    struct scope scope = {.index = bfs_bundle_index(bundle), .top = bfs_node_inode(node)};
    if (scope.top != BFS_INODE_ROOT || bfs_index_resolve(scope.index, "views", &scope.views))
        scope.views = BFS_INODE_ROOT;
    return scope;
}

static bool has_file(const struct scope *scope, uint32_t i, const struct bfs_inode *inode)
{
    return S_ISREG(inode->mode) && is_below(scope->index, i, scope->top) &&
           (scope->views == BFS_INODE_ROOT || !is_below(scope->index, i, scope->views));
}

/* All files below a node; without `begin` they are only counted. */
static int for_each(struct walking *walking, uint64_t node, bool begin)
{
    const struct scope scope = scope_of(walking->bundle, node);
    for (uint32_t i = scope.top; i < bfs_index_n_inodes(scope.index); i++) {
        struct bfs_inode inode = bfs_index_inode(scope.index, i);
        if (inode.size < BFS_BACKING_SIZE_MIN || !has_file(&scope, i, &inode))
            continue;
        if (!begin) {
            walking->status.total += inode.size;
            walking->status.n_files++;
            continue;
        }
        int r = step(walking, bfs_node_of(bfs_node_slot(node), i), inode.size);
        if (r)
            return r;
    }
    return 0;
}

int bfs_warm_next_small(struct bfs_fs *fs, uint64_t node, struct bfs_warm_steps *steps,
                        uint32_t *next, struct bfs_open_file **ret)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int r = bfs_op_bundle(fs, node, true, &bundle);
    if (r)
        return r;
    struct walking walking = {.fs = fs, .bundle = bundle, .steps = steps};
    const struct scope scope = scope_of(bundle, node);
    uint32_t i = *next > scope.top ? *next : scope.top;
    for (; i < bfs_index_n_inodes(scope.index); i++) {
        struct bfs_inode inode = bfs_index_inode(scope.index, i);
        if (inode.size > 0 && inode.size < BFS_BACKING_SIZE_MIN && has_file(&scope, i, &inode))
            break;
    }
    struct bfs_open_file *open = NULL;
    if (i < bfs_index_n_inodes(scope.index))
        r = open_file(&walking, bfs_node_of(bfs_node_slot(node), i), &open);
    if (r)
        return bfs_store_errno(r);
    *next = i + 1;
    *ret = open;
    return 0;
}

int bfs_warm(struct bfs_fs *fs, uint64_t node, struct bfs_warm_steps *steps,
             struct bfs_warm_status *ret)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int r = bfs_op_bundle(fs, node, true, &bundle);
    if (r)
        return r;
    if (bfs_node_is_text(node) || bfs_inode_is_virtual(bfs_node_inode(node)))
        return -EINVAL;
    struct walking walking = {
        .fs = fs, .bundle = bundle, .steps = steps, .status.state = BFS_WARM_READY};
    (void)for_each(&walking, node, false);
    uint64_t limit = bfs_backing_limit(fs->backing);
    if (limit == 0) {
        walking.status.state = BFS_WARM_OFF;
    } else if (walking.status.total > limit) {
        walking.status.state = BFS_WARM_FAILED;
        walking.status.error = -EFBIG;
    } else {
        r = for_each(&walking, node, true);
    }
    if (r)
        return bfs_store_errno(r);
    *ret = walking.status;
    return 0;
}

void bfs_warm_reason(struct bfs_fs *fs, const struct bfs_warm_status *status,
                     char ret[static BFS_ERROR_TEXT_SIZE])
{
    const char *reason = strerror(-status->error);
    if (status->state == BFS_WARM_OFF) {
        (void)pthread_mutex_lock(&fs->mutex);
        memcpy(ret, fs->no_passthrough, BFS_ERROR_TEXT_SIZE);
        (void)pthread_mutex_unlock(&fs->mutex);
        return;
    }
    if (status->state != BFS_WARM_FAILED)
        reason = "";
    else if (status->error == -EFBIG)
        reason = "larger than backing_size";
    else if (status->error == -ENOSPC)
        reason = "no room: the disk is full, or files that are open take all of backing_size";
    else if (status->error == -EBADMSG)
        reason = "a chunk is corrupt; see the log";
    (void)snprintf(ret, BFS_ERROR_TEXT_SIZE, "%s", reason);
}

void bfs_warm_write(struct bfs_fs *fs, const struct bfs_warm_status *status, struct bfs_buffer *ret)
{
    static const char *const words[] = {[BFS_WARM_FILLING] = "filling",
                                        [BFS_WARM_READY] = "ready",
                                        [BFS_WARM_FAILED] = "failed",
                                        [BFS_WARM_OFF] = "off"};
    char reason[BFS_ERROR_TEXT_SIZE];
    bfs_warm_reason(fs, status, reason);
    bfs_buffer_printf(ret, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "%s%s", words[status->state],
                      status->done, status->total, status->n_files, *reason ? " " : "", reason);
}

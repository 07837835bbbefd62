/* SPDX-License-Identifier: Apache-2.0
 * An operation runs at once when memory holds all that it needs. Otherwise it goes to a worker, and
 * the thread that took the request is free for the next one. */
#include "fs/dispatch.h"

#include "fs/lookups.h"
#include "fs/node.h"

#include <string.h>

/* An operation that a worker runs. */
struct deferred {
    struct bfs_job job;
    struct bfs_call call;
    struct bfs_fs *fs;
    struct bfs_op op;
    struct bfs_opening opening; /* of a file that is proved first */
    struct bfs_reply reply;     /* which waits for that */
    uint32_t slot;              /* of the bundle that it needs; UINT32_MAX: of none */
    bool leads;                 /* others wait for it to load that bundle */
};

static struct bfs_fs *fs_of(fuse_req_t request)
{
    return fuse_req_userdata(request);
}

static int send_bytes(fuse_req_t request, const struct bfs_reply *reply)
{
    return fuse_reply_buf(request, (const char *)reply->bytes.bytes, reply->bytes.size);
}

static int send_link(fuse_req_t request, struct bfs_reply *reply)
{
    bfs_buffer_put_u8(&reply->bytes, '\0');
    if (bfs_buffer_status(&reply->bytes))
        return fuse_reply_err(request, ENOMEM);
    return fuse_reply_readlink(request, (const char *)reply->bytes.bytes);
}

static int send_reply(fuse_req_t request, struct bfs_reply *reply)
{
    switch (reply->kind) {
    case BFS_REPLY_ENTRY:
        return fuse_reply_entry(request, &reply->entry);
    case BFS_REPLY_ATTR:
        return fuse_reply_attr(request, &reply->entry.attr, reply->entry.attr_timeout);
    case BFS_REPLY_OPEN:
        return bfs_passthrough_reply_open(request, &reply->open, reply->backing_id);
    case BFS_REPLY_BYTES:
        return send_bytes(request, reply);
    case BFS_REPLY_LINK:
        return send_link(request, reply);
    case BFS_REPLY_COUNT:
        return fuse_reply_xattr(request, reply->count);
    case BFS_REPLY_STATFS:
        return fuse_reply_statfs(request, &reply->statfs);
    }
    return fuse_reply_err(request, EIO);
}

/* An entry is counted before the kernel can forget it. */
static int count_entry(struct bfs_fs *fs, const struct bfs_reply *reply)
{
    bool counts = reply->kind == BFS_REPLY_ENTRY && reply->entry.ino;
    return !counts || bfs_lookups_add(fs, reply->entry.ino) ? 0 : -ESTALE;
}

/* The kernel did not get the reply. */
static void take_back(struct bfs_fs *fs, const struct bfs_reply *reply)
{
    if (reply->kind == BFS_REPLY_ENTRY && reply->entry.ino)
        bfs_lookups_forget(fs, reply->entry.ino, 1);
    uint64_t node;
    for (size_t i = 0; i + sizeof(node) <= reply->counted.size; i += sizeof(node)) {
        memcpy(&node, reply->counted.bytes + i, sizeof(node));
        bfs_lookups_forget(fs, node, 1);
    }
}

/* Answers with the outcome of an operation. `request` NULL: somebody else has answered. A handle
 * that does not reach the kernel is released: nobody will ask for that. */
static void settle(struct bfs_fs *fs, fuse_req_t request, int status, struct bfs_reply *reply)
{
    int sent = -ENOENT;
    bool is_entry = status == 0 && request && reply->kind == BFS_REPLY_ENTRY;
    if (is_entry)
        status = count_entry(fs, reply);
    if (request)
        sent = status ? fuse_reply_err(request, -status) : send_reply(request, reply);
    if (status == 0 && sent != 0 && (is_entry || reply->kind != BFS_REPLY_ENTRY))
        take_back(fs, reply);
    if (status == 0 && sent != 0 && reply->kind == BFS_REPLY_OPEN && reply->undo)
        reply->undo(fs, reply->open.fh);
    bfs_buffer_done(&reply->bytes);
    bfs_buffer_done(&reply->counted);
}

static void finish(struct deferred *deferred, int status)
{
    bool ours = bfs_call_claim(deferred->fs->calls, &deferred->call);
    settle(deferred->fs, ours ? deferred->call.request : NULL, status, &deferred->reply);
    free(deferred);
}

static void on_proved(struct bfs_opening *opening, int status)
{
    struct deferred *deferred =
        (struct deferred *)((char *)opening - offsetof(struct deferred, opening));
    if (status)
        deferred->reply.undo(deferred->fs, deferred->reply.open.fh);
    finish(deferred, status == 0 || status == -EINTR ? status : bfs_store_errno(status));
}

/* Reaches the verdict about the bundle. False: the request stands in line for it, and may be gone.
 */
static bool pass_guard(struct deferred *deferred)
{
    struct bfs_fs *fs = deferred->fs;
    struct bfs_line line;
    if (bfs_guard_admit(fs->guard, deferred->slot, false) != -EWOULDBLOCK)
        return true;
    if (!bfs_lines_begin(fs->lines, BFS_LINE_VERDICT, deferred->slot, &line, &deferred->job))
        return false;
    (void)bfs_guard_admit(fs->guard, deferred->slot, true);
    bfs_lines_end(fs->lines, &line);
    return true;
}

/* Takes the lead for the bundle where there is something to load. False: the request stands in
 * line, and may be gone. */
static bool begin_bundle(struct deferred *deferred)
{
    struct bfs_fs *fs = deferred->fs;
    if (deferred->slot == UINT32_MAX || bfs_guard_admit(fs->guard, deferred->slot, false) != 0)
        return true;
    enum bfs_turn turn = bfs_bundles_begin(fs->bundles, deferred->slot, &deferred->job);
    if (turn == BFS_TURN_WAITS)
        return false;
    deferred->leads = turn == BFS_TURN_LEADS;
    return true;
}

static void end_bundle(struct deferred *deferred)
{
    struct bfs_fs *fs = deferred->fs;
    if (deferred->leads)
        bfs_pool_submit_all(fs->pool, bfs_bundles_end(fs->bundles, deferred->slot),
                            BFS_PRIORITY_METADATA);
    deferred->leads = false;
}

/* The operation then finds the bundle, or the reason why there is none. False: the request stands
 * in line, and may be gone. */
static bool load_bundle(struct deferred *deferred)
{
    struct bfs_fs *fs = deferred->fs;
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    if (!deferred->leads && !begin_bundle(deferred))
        return false;
    if (deferred->leads && bfs_guard_admit(fs->guard, deferred->slot, false) == 0)
        (void)bfs_bundles_get(fs->bundles, deferred->slot, true, &bundle);
    end_bundle(deferred);
    return true;
}

/* Does the request open a file that nobody has open? */
static bool opens_file(const struct deferred *deferred)
{
    const struct bfs_op *op = &deferred->op;
    bool may_open = op->function == bfs_op_open_admitted || op->function == bfs_op_getxattr;
    if (!may_open || deferred->slot == UINT32_MAX)
        return false;
    struct bfs_open_file *open = bfs_files_find(deferred->fs->files, op->node);
    if (open)
        bfs_files_unref(deferred->fs->files, open);
    return !open;
}

/* Which line the operation itself stands in; false: in none. */
static bool needs_line(const struct deferred *deferred, enum bfs_line_kind *ret_kind,
                       uint64_t *ret_key)
{
    bool measures = deferred->op.function == bfs_op_statfs;
    *ret_kind = measures ? BFS_LINE_USAGE : BFS_LINE_FILE;
    *ret_key = measures ? 0 : deferred->op.node;
    return measures || opens_file(deferred);
}

/* One step after the other, each in a line of its own. False: the request stands in one of them,
 * and may be gone. */
static bool run_in_lines(struct deferred *deferred, int *ret_status)
{
    struct bfs_fs *fs = deferred->fs;
    struct bfs_line line;
    enum bfs_line_kind kind;
    uint64_t key;
    if (deferred->slot != UINT32_MAX && (!pass_guard(deferred) || !load_bundle(deferred)))
        return false;
    bool leads = needs_line(deferred, &kind, &key);
    if (leads && !bfs_lines_begin(fs->lines, kind, key, &line, &deferred->job))
        return false;
    *ret_status = deferred->op.function(fs, &deferred->op, true, &deferred->reply);
    if (leads)
        bfs_lines_end(fs->lines, &line);
    return true;
}

static void run_deferred(struct bfs_job *job, struct bfs_chunk_reader *reader)
{
    struct deferred *deferred = (struct deferred *)job; /* its first member */
    struct bfs_fs *fs = deferred->fs;
    struct bfs_reply *reply = &deferred->reply;
    int status = -EIO;
    if (reader && !bfs_call_is_answered(fs->calls, &deferred->call) &&
        !run_in_lines(deferred, &status))
        return;
    end_bundle(deferred); /* of a request that was dropped */
    if (status == 0 && reply->to_prove) {
        deferred->opening = (struct bfs_opening){.call = &deferred->call, .done = on_proved};
        bfs_prover_start(fs->prover, reply->to_prove, &deferred->opening);
    } else {
        finish(deferred, status);
    }
}

static void defer(struct bfs_fs *fs, fuse_req_t request, const struct bfs_op *op, uint64_t node)
{
    struct deferred *deferred = calloc(1, sizeof(*deferred));
    if (!deferred) {
        (void)fuse_reply_err(request, ENOMEM);
        return;
    }
    deferred->job.run = run_deferred;
    deferred->fs = fs;
    deferred->op = *op;
    bool needs_bundle = bfs_node_in_bundle(node) && op->function != bfs_op_statfs;
    deferred->slot = needs_bundle ? bfs_node_slot(node) : UINT32_MAX;
    bfs_call_start(fs->calls, &deferred->call, request);
    if (!begin_bundle(deferred))
        return; /* it may be gone already */
    bfs_pool_submit(fs->pool, &deferred->job, BFS_PRIORITY_METADATA);
}

static void run(fuse_req_t request, const struct bfs_op *op)
{
    struct bfs_fs *fs = fs_of(request);
    struct bfs_reply reply = {0};
    int status = op->function(fs, op, false, &reply);
    if (status == -EWOULDBLOCK) {
        take_back(fs, &(struct bfs_reply){.kind = BFS_REPLY_BYTES, .counted = reply.counted});
        bfs_buffer_done(&reply.bytes);
        bfs_buffer_done(&reply.counted);
        /* A lookup in the catalogue has found which bundle it is that must be loaded. */
        defer(fs, request, op, bfs_node_in_bundle(op->node) ? op->node : reply.entry.ino);
    } else {
        settle(fs, request, status, &reply);
    }
}

static void run_named(fuse_req_t request, struct bfs_op *op, const char *name, int too_long)
{
    if (strlen(name) > BFS_OP_NAME_MAX) {
        (void)fuse_reply_err(request, too_long);
        return;
    }
    memcpy(op->name, name, strlen(name) + 1);
    run(request, op);
}

static void on_init(void *data, struct fuse_conn_info *connection)
{
    enum { BACKGROUND_MAX = 64, CONGESTION = 48 };
    struct bfs_fs *fs = data;
    fs->needs_opendir = !(connection->capable & FUSE_CAP_NO_OPENDIR_SUPPORT);
    bfs_passthrough_init(&fs->passthrough, connection);
    /* A file has a second kernel inode with passthrough alone. Without it the kernel keeps locks by
     * itself, and gives them up before close(2) returns. */
    if (fs->passthrough.fd < 0)
        connection->want &= ~(unsigned)FUSE_CAP_FLOCK_LOCKS;
    /* Content is immutable: asking for it again because a second has passed is waste. */
    connection->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
    connection->want |= connection->capable &
                        (FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_READ | FUSE_CAP_READDIRPLUS |
                         FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_EXPLICIT_INVAL_DATA);
    if (fs->guard)
        connection->want |= connection->capable & FUSE_CAP_POSIX_ACL;
    /* The default of 12 starves the kernel's read-ahead. */
    connection->max_background = BACKGROUND_MAX;
    connection->congestion_threshold = CONGESTION;
    bfs_negotiated_note(data, connection);
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    struct bfs_op op = {.function = bfs_op_lookup, .node = parent};
    run_named(request, &op, name, ENAMETOOLONG);
}

static void on_forget(fuse_req_t request, fuse_ino_t node, uint64_t n)
{
    bfs_lookups_forget(fs_of(request), node, n);
    fuse_reply_none(request);
}

static void on_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
    for (size_t i = 0; i < count; i++)
        bfs_lookups_forget(fs_of(request), forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(request);
}

static void on_getattr(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
    (void)info;
    struct bfs_op op = {.function = bfs_op_getattr, .node = node};
    run(request, &op);
}

static void on_readlink(fuse_req_t request, fuse_ino_t node)
{
    struct bfs_op op = {.function = bfs_op_readlink, .node = node};
    run(request, &op);
}

static void on_open(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
    const struct fuse_ctx *context = fuse_req_ctx(request);
    struct bfs_op op = {.function = bfs_op_open_admitted,
                        .node = node,
                        .uid = context->uid,
                        .pid = context->pid,
                        .is_direct = (info->flags & O_DIRECT) != 0};
    if ((info->flags & O_ACCMODE) != O_RDONLY)
        (void)fuse_reply_err(request, EROFS);
    else
        run(request, &op);
}

static void on_read(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    if (bfs_handle_is_in_kernel(info->fh)) {
        (void)fuse_reply_err(request,
                             EIO); /* the kernel does not ask for what it reads by itself */
        return;
    }
    if (!bfs_node_is_text(node)) {
        bfs_reads_start(fs_of(request)->reads, request, bfs_handle_file(info->fh), (uint64_t)offset,
                        size, (info->flags & O_DIRECT) != 0);
        return;
    }
    struct bfs_text *text = bfs_text_ref((struct bfs_text *)(uintptr_t)info->fh);
    size_t start = (uint64_t)offset < text->bytes.size ? (size_t)offset : text->bytes.size;
    size_t left = text->bytes.size - start;
    (void)fuse_reply_buf(request, (const char *)text->bytes.bytes + start,
                         left < size ? left : size);
    bfs_text_unref(text);
}

static void on_release(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
    struct bfs_fs *fs = fs_of(request);
    if (info->flock_release)
        bfs_flock_release(fs->flocks, bfs_node_plain(node), info->lock_owner);
    bfs_release_file(fs, node, info->fh);
    (void)fuse_reply_err(request, 0);
}

static void on_flock(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info,
                     int operation)
{
    bfs_flock(fs_of(request)->flocks, request, bfs_node_plain(node), info->lock_owner, operation);
}

static void on_opendir(fuse_req_t request, fuse_ino_t node, struct fuse_file_info *info)
{
    (void)info;
    struct bfs_op op = {.function = bfs_op_opendir, .node = node};
    /* A kernel that understands this answer opens, keeps and releases directories by itself. */
    if (fs_of(request)->needs_opendir)
        run(request, &op);
    else
        (void)fuse_reply_err(request, ENOSYS);
}

static void run_readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset, bool plus)
{
    struct bfs_op op = {.function = bfs_op_readdir,
                        .node = node,
                        .size = size,
                        .offset = offset,
                        .plus = plus,
                        .request = request};
    run(request, &op);
}

static void on_readdir(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                       struct fuse_file_info *info)
{
    (void)info;
    run_readdir(request, node, size, offset, false);
}

static void on_readdirplus(fuse_req_t request, fuse_ino_t node, size_t size, off_t offset,
                           struct fuse_file_info *info)
{
    (void)info;
    run_readdir(request, node, size, offset, true);
}

static void on_getxattr(fuse_req_t request, fuse_ino_t node, const char *name, size_t size)
{
    struct bfs_op op = {.function = bfs_op_getxattr, .node = node, .size = size};
    run_named(request, &op, name, ERANGE);
}

static void on_listxattr(fuse_req_t request, fuse_ino_t node, size_t size)
{
    struct bfs_op op = {.function = bfs_op_listxattr, .node = node, .size = size};
    run(request, &op);
}

static void on_statfs(fuse_req_t request, fuse_ino_t node)
{
    struct bfs_op op = {.function = bfs_op_statfs, .node = node};
    run(request, &op);
}

static void on_retrieve_reply(fuse_req_t request, void *cookie, fuse_ino_t node, off_t offset,
                              struct fuse_bufvec *bytes)
{
    (void)node;
    (void)offset;
    size_t size;
    uint8_t *room = bfs_backing_retrieved_room(cookie, &size);
    struct fuse_bufvec copy = FUSE_BUFVEC_INIT(size);
    copy.buf[0].mem = room;
    ssize_t n = fuse_buf_copy(&copy, bytes, 0);
    bfs_backing_retrieved(cookie, n > 0 ? (size_t)n : 0);
    fuse_reply_none(request);
}

/* What writes is not here: the mount is read-only, so the kernel itself answers EROFS. */
const struct fuse_lowlevel_ops bfs_fuse_ops = {
    .init = on_init,
    .lookup = on_lookup,
    .forget = on_forget,
    .forget_multi = on_forget_multi,
    .getattr = on_getattr,
    .readlink = on_readlink,
    .open = on_open,
    .read = on_read,
    .release = on_release,
    .flock = on_flock,
    .opendir = on_opendir,
    .readdir = on_readdir,
    .readdirplus = on_readdirplus,
    .getxattr = on_getxattr,
    .listxattr = on_listxattr,
    .statfs = on_statfs,
    .retrieve_reply = on_retrieve_reply,
};

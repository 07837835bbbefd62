/* SPDX-License-Identifier: Apache-2.0
 * open and release of files. */
#include "fs/control.h"
#include "fs/control_text.h"
#include "fs/node.h"
#include "fs/op.h"

bool bfs_node_is_text(uint64_t node)
{
    if (!bfs_node_in_bundle(node))
        return node > BFS_NODE_CONTROL && node <= BFS_NODE_CONTROL + BFS_N_CONTROLS;
    return bfs_node_inode(node) == BFS_INODE_MANIFEST || bfs_node_inode(node) == BFS_INODE_SUMS ||
           bfs_inode_is_signature(bfs_node_inode(node));
}

struct bfs_text *bfs_text_ref(struct bfs_text *text)
{
    atomic_fetch_add(&text->references, 1);
    return text;
}

void bfs_text_unref(struct bfs_text *text)
{
    if (atomic_fetch_sub(&text->references, 1) == 1) {
        bfs_buffer_done(&text->bytes);
        free(text);
    }
}

/* Pointers are multiples of four. The lowest bit marks a file that the kernel reads by itself:
 * above it is the node. The second bit marks a file that the kernel maps by itself, while reads
 * come here: an open with O_DIRECT, which the kernel would refuse at odd offsets. */
#define HANDLE_BESIDE UINT64_C(2)

bool bfs_handle_is_in_kernel(uint64_t handle)
{
    return handle & 1;
}

struct bfs_open_file *bfs_handle_file(uint64_t handle)
{
    return (struct bfs_open_file *)(uintptr_t)(handle & ~HANDLE_BESIDE);
}

static uint64_t handle_in_kernel(uint64_t node)
{
    return bfs_node_plain(node) << 1 | 1;
}

static void release_open(struct bfs_fs *fs, uint64_t handle)
{
    if (bfs_handle_is_in_kernel(handle)) {
        bfs_backing_leave(fs->backing, handle >> 1, true);
        return;
    }
    struct bfs_open_file *open = bfs_handle_file(handle);
    if (bfs_node_is_backed(open->node))
        bfs_backing_leave(fs->backing, open->node, (handle & HANDLE_BESIDE) != 0);
    bfs_files_unref(fs->files, open);
}

void bfs_release_file(struct bfs_fs *fs, uint64_t node, uint64_t handle)
{
    if (bfs_node_is_text(node))
        bfs_text_unref((struct bfs_text *)(uintptr_t)handle);
    else
        release_open(fs, handle);
}

static void undo_text(struct bfs_fs *fs, uint64_t handle)
{
    (void)fs;
    bfs_text_unref((struct bfs_text *)(uintptr_t)handle);
}

/* A statement, as the store has it. */
static int write_signature(struct bfs_fs *fs, const struct bfs_bundle *bundle, uint64_t node,
                           bool may_block, struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_signature_set_cleanup) struct bfs_signature_set *set = NULL;
    bfs_autofree uint8_t *bytes = NULL;
    int r = bfs_signatures_get(fs, bfs_node_slot(node), bfs_bundle_id(bundle), may_block, &set);
    if (r)
        return bfs_store_errno(r);
    const struct bfs_signature *item = bfs_signature_set_inode(set, bfs_node_inode(node));
    if (!item)
        return -ESTALE;
    if (!may_block)
        return -EWOULDBLOCK;
    r = bfs_store_read_blob(fs->store, &item->digest, item->size, BFS_ENVELOPE_SIZE_MAX, &bytes,
                            NULL);
    if (r)
        return bfs_store_errno(r);
    bfs_buffer_put(ret, bytes, (size_t)item->size);
    return bfs_buffer_status(ret);
}

static int write_text(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                      struct bfs_buffer *ret)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
    if (r)
        return r;
    if (bfs_inode_is_signature(bfs_node_inode(op->node)))
        return write_signature(fs, bundle, op->node, may_block, ret);
    if (bfs_node_inode(op->node) == BFS_INODE_SUMS)
        return bfs_bundle_sums(bundle, bfs_op_views(fs, op->node).hidden, ret);
    size_t size;
    const uint8_t *bytes = bfs_bundle_config_bytes(bundle, &size);
    bfs_buffer_put(ret, bytes, size);
    return bfs_buffer_status(ret);
}

/* Read as it was when it was opened, by everybody who has it open. */
static int open_control(struct bfs_fs *fs, const struct bfs_op *op, struct bfs_reply *ret)
{
    struct bfs_text *text;
    int r = bfs_control_text_open(fs, (enum bfs_control)(op->node - BFS_NODE_CONTROL - 1), &text);
    if (r)
        return r;
    ret->open.fh = (uintptr_t)text;
    ret->undo = undo_text;
    ret->open.direct_io = 1;
    return 0;
}

static int open_text(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                     struct bfs_reply *ret)
{
    struct bfs_text *text = calloc(1, sizeof(*text));
    if (!text)
        return -ENOMEM;
    atomic_init(&text->references, 1);
    int r = write_text(fs, op, may_block, &text->bytes);
    if (r) {
        bfs_text_unref(text);
        return r;
    }
    ret->open.fh = (uintptr_t)text;
    ret->undo = undo_text;
    ret->open.keep_cache = 1;
    return 0;
}

/* The file as one that is read through us. */
static int open_file(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                     struct bfs_open_file **ret)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    struct bfs_error error = {0};
    /* Whether it was proved is asked of the store. */
    if (fs->prover && !may_block)
        return -EWOULDBLOCK;
    *ret = bfs_files_find(fs->files, op->node);
    if (*ret)
        return 0;
    struct bfs_file *shared = bfs_backing_source(fs->backing, op->node);
    if (shared)
        return bfs_files_share(fs->files, op->node, shared, ret);
    if (!may_block)
        return -EWOULDBLOCK;
    int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
    if (r)
        return r;
    uint32_t inode = bfs_node_inode(op->node);
    r = bfs_files_open(fs->files, op->node, bundle, inode, ret, &error);
    if (r) {
        char text[BFS_ERROR_TEXT_SIZE], name[BFS_REFERENCE_MAX + 1];
        bfs_autofree char *path = bfs_index_path(bfs_bundle_index(bundle), inode);
        bfs_log(fs->log, BFS_LOG_ERROR, "%s: %s: cannot open: %s",
                bfs_bundles_name(fs->bundles, bfs_node_slot(op->node), name), path ? path : "?",
                bfs_error_text(&error, text));
        return bfs_store_errno(r);
    }
    bfs_cache_shrink(fs->cache); /* its table counts */
    return 0;
}

int bfs_op_open(struct bfs_fs *fs, const struct bfs_op *op, bool may_block, struct bfs_reply *ret)
{
    ret->kind = BFS_REPLY_OPEN;
    if (bfs_node_is_text(op->node) && !bfs_node_in_bundle(op->node))
        return open_control(fs, op, ret);
    if (bfs_node_is_text(op->node))
        return open_text(fs, op, may_block, ret);
    if (!bfs_node_in_bundle(op->node))
        return -EISDIR;
    if (bfs_node_inode(op->node) == BFS_INODE_AUTO)
        return -ELOOP;
    if (bfs_node_inode(op->node) == BFS_INODE_SIGNATURES)
        return -EISDIR;
    bool is_backed = bfs_node_is_backed(op->node);
    int r = is_backed ? bfs_backing_enter(fs->backing, op->node, &ret->backing_id) : 0;
    if (r < 0)
        return r;
    ret->undo = release_open;
    bool is_in_kernel = r == 1;
    if (is_in_kernel && !op->is_direct) {
        ret->open.fh = handle_in_kernel(op->node);
        return 0;
    }
    struct bfs_open_file *open;
    r = open_file(fs, op, may_block, &open);
    if (r) {
        if (is_backed)
            bfs_backing_leave(fs->backing, op->node, is_in_kernel);
        return r;
    }
    if (!is_in_kernel)
        bfs_backing_note_open(fs->backing, op->node, open->file);
    if (fs->replay)
        bfs_replay_opened(fs->replay, open);
    ret->open.fh = (uintptr_t)open | (is_in_kernel ? HANDLE_BESIDE : 0);
    ret->open.keep_cache = !is_in_kernel;
    ret->open.direct_io = is_in_kernel;
    ret->to_prove = fs->prover ? open->file : NULL;
    return 0;
}

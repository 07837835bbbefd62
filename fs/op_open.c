/* SPDX-License-Identifier: Apache-2.0
 * open and release of files. */
#include "fs/control.h"
#include "fs/node.h"
#include "fs/op.h"

bool bfs_node_is_text(uint64_t node)
{
    if (!bfs_node_in_bundle(node))
        return node > BFS_NODE_CONTROL && node <= BFS_NODE_CONTROL + BFS_N_CONTROLS;
    return bfs_node_inode(node) == BFS_INODE_MANIFEST || bfs_node_inode(node) == BFS_INODE_SUMS;
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

void bfs_release_file(struct bfs_fs *fs, uint64_t node, uint64_t handle)
{
    if (!bfs_node_is_text(node)) {
        bfs_files_unref(fs->files, (struct bfs_open_file *)(uintptr_t)handle);
        return;
    }
    bfs_text_unref((struct bfs_text *)(uintptr_t)handle);
}

static void undo_text(struct bfs_fs *fs, uint64_t handle)
{
    bfs_release_file(fs, BFS_NODE_CONTROL + 1, handle);
}

static void undo_file(struct bfs_fs *fs, uint64_t handle)
{
    bfs_files_unref(fs->files, (struct bfs_open_file *)(uintptr_t)handle);
}

static int write_text(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                      struct bfs_buffer *ret)
{
    if (!bfs_node_in_bundle(op->node))
        return bfs_control_write(fs, (enum bfs_control)(op->node - BFS_NODE_CONTROL - 1), ret);
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
    if (r)
        return r;
    if (bfs_node_inode(op->node) == BFS_INODE_SUMS)
        return bfs_bundle_sums(bundle, bfs_op_views(fs, op->node).hidden, ret);
    size_t size;
    const uint8_t *bytes = bfs_bundle_config_bytes(bundle, &size);
    bfs_buffer_put(ret, bytes, size);
    return bfs_buffer_status(ret);
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
    /* What the daemon says about itself has no size before it is said. */
    ret->open.direct_io = !bfs_node_in_bundle(op->node);
    ret->open.keep_cache = bfs_node_in_bundle(op->node);
    return 0;
}

int bfs_op_open(struct bfs_fs *fs, const struct bfs_op *op, bool may_block, struct bfs_reply *ret)
{
    ret->kind = BFS_REPLY_OPEN;
    if (bfs_node_is_text(op->node))
        return open_text(fs, op, may_block, ret);
    if (!bfs_node_in_bundle(op->node))
        return -EISDIR;
    if (bfs_node_inode(op->node) == BFS_INODE_AUTO)
        return -ELOOP;
    /* Whether it was proved is asked of the store. */
    if (fs->prover && !may_block)
        return -EWOULDBLOCK;
    struct bfs_open_file *open = bfs_files_find(fs->files, op->node);
    if (!open) {
        if (!may_block)
            return -EWOULDBLOCK;
        BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
        struct bfs_error error = {0};
        int r = bfs_op_bundle(fs, op->node, may_block, &bundle);
        if (r)
            return r;
        uint32_t inode = bfs_node_inode(op->node);
        r = bfs_files_open(fs->files, op->node, bundle, inode, &open, &error);
        if (r) {
            char text[BFS_ERROR_TEXT_SIZE];
            bfs_autofree char *path = bfs_index_path(bfs_bundle_index(bundle), inode);
            bfs_log(fs->log, BFS_LOG_ERROR, "%s: %s: cannot open: %s",
                    bfs_bundles_name(fs->bundles, bfs_node_slot(op->node)), path ? path : "?",
                    bfs_error_text(&error, text));
            return bfs_store_errno(r);
        }
    }
    if (fs->replay)
        bfs_replay_opened(fs->replay, open);
    ret->open.fh = (uintptr_t)open;
    ret->open.keep_cache = 1;
    ret->undo = undo_file;
    ret->to_prove = fs->prover ? open->file : NULL;
    return 0;
}

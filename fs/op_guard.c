/* SPDX-License-Identifier: Apache-2.0
 * Opening a file under the eyes of the policy, and its record in the audit log. */
#include "fs/node.h"
#include "fs/op.h"

#include <string.h>

/* The id of the view that a file lies in; "" for the model itself. The bundle is loaded when its
 * file is open; if it was dropped meanwhile, its name alone is recorded. */
static char *view_of(struct bfs_fs *fs, uint64_t node)
{
    static const char prefix[] = "views/";
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    if (bfs_node_is_text(node) ||
        bfs_bundles_get(fs->bundles, bfs_node_slot(node), false, &bundle) ||
        bfs_node_inode(node) >= bfs_index_n_inodes(bfs_bundle_index(bundle)))
        return NULL;
    bfs_autofree char *path = bfs_index_path(bfs_bundle_index(bundle), bfs_node_inode(node));
    if (!path || strncmp(path, prefix, strlen(prefix)) != 0)
        return NULL;
    const char *id = path + strlen(prefix);
    return strndup(id, strcspn(id, "/"));
}

static void record(struct bfs_fs *fs, const struct bfs_op *op)
{
    struct bfs_reference reference;
    struct bfs_digest digest;
    uint32_t slot = bfs_node_slot(op->node);
    if (!bfs_bundles_identity(fs->bundles, slot, &reference, &digest))
        return;
    char name[BFS_REFERENCE_MAX + 1];
    bfs_autofree char *view = view_of(fs, op->node);
    const struct bfs_audit_open open = {.salt = slot,
                                        .name = bfs_bundles_name(fs->bundles, slot, name),
                                        .digest = &digest,
                                        .view = view ? view : "",
                                        .uid = op->uid,
                                        .pid = op->pid};
    bfs_audit_put_open(fs->audit, &open);
}

int bfs_op_open_admitted(struct bfs_fs *fs, const struct bfs_op *op, bool may_block,
                         struct bfs_reply *ret)
{
    bool in_bundle = bfs_node_in_bundle(op->node);
    int r = in_bundle ? bfs_guard_admit(fs->guard, bfs_node_slot(op->node), may_block) : 0;
    if (r)
        return bfs_store_errno(r);
    r = bfs_op_open(fs, op, may_block, ret);
    if (r == 0 && in_bundle && fs->audit)
        record(fs, op);
    return r;
}

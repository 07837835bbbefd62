/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/lookups.h"

#include "fs/node.h"

bool bfs_lookups_add(struct bfs_fs *fs, uint64_t node)
{
    if (bfs_node_in_bundle(node))
        return bfs_bundles_ref(fs->bundles, bfs_node_slot(node));
    return node < BFS_NODE_FIRST_CATALOG || bfs_tree_numbers_ref(fs->numbers, node);
}

void bfs_lookups_forget(struct bfs_fs *fs, uint64_t node, uint64_t n)
{
    if (bfs_node_in_bundle(node))
        bfs_bundles_unref(fs->bundles, bfs_node_slot(node), n);
    else if (node >= BFS_NODE_FIRST_CATALOG)
        bfs_tree_numbers_unref(fs->numbers, node, n);
}

uint64_t bfs_lookups_ino(const struct bfs_fs *fs, uint64_t node)
{
    if (bfs_node_in_bundle(node))
        return bfs_bundles_ino(fs->bundles, bfs_node_slot(node), bfs_node_inode(node));
    return node < BFS_NODE_FIRST_CATALOG ? node : bfs_tree_numbers_ino(fs->numbers, node);
}

static void on_slot_gone(void *context, uint32_t slot)
{
    struct bfs_fs *fs = context;
    bfs_guard_drop(fs->guard, slot);
    bfs_signatures_drop(fs->signatures, fs->bundles, slot);
}

static void on_directory_gone(void *context, uint64_t node)
{
    struct bfs_fs *fs = context;
    bfs_links_drop(fs->links, fs->numbers, node);
}

void bfs_lookups_watch(struct bfs_fs *fs, bool on)
{
    bfs_bundles_on_gone(fs->bundles, on ? on_slot_gone : NULL, fs);
    bfs_tree_numbers_on_gone(fs->numbers, on ? on_directory_gone : NULL, fs);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tree.h"

#include "verify/cleanup.h"

#include <stdio.h>

/* Recursion goes as deep as BFS_DEPTH_MAX, which a parsed index keeps. */
static int walk(const struct bfs_index *index, uint32_t number, const char *prefix,
                bfs_tree_visit *visit, void *context)
{
    struct bfs_inode directory = bfs_index_inode(index, number);
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < directory.n_dirents; i++) {
        struct bfs_dirent entry = bfs_index_dirent(index, &directory, i);
        struct bfs_inode inode = bfs_index_inode(index, entry.inode);
        bfs_autofree char *path = NULL;
        if (asprintf(&path, "%s%s%.*s", prefix, *prefix ? "/" : "", (int)entry.name_length,
                     entry.name) < 0) {
            path = NULL;
            return -ENOMEM;
        }
        r = visit(context, path, entry.inode, &inode);
        if (r == 0 && S_ISDIR(inode.mode))
            r = walk(index, entry.inode, path, visit, context);
    }
    return r;
}

int bfs_tree_walk(const struct bfs_index *index, bfs_tree_visit *visit, void *context)
{
    return walk(index, BFS_INODE_ROOT, "", visit, context);
}

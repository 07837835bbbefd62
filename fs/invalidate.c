/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/invalidate.h"

#include "fs/fuse.h"

#include <string.h>

void bfs_invalidate_node(struct bfs_fs *fs, uint64_t node)
{
    if (fs->session)
        (void)fuse_lowlevel_notify_inval_inode(fs->session, node, 0, 0);
}

void bfs_invalidate_attributes(struct bfs_fs *fs, uint64_t node)
{
    if (fs->session)
        (void)fuse_lowlevel_notify_inval_inode(fs->session, node, -1, 0);
}

void bfs_invalidate_name(struct bfs_fs *fs, uint64_t directory, const char *name)
{
    if (!fs->session)
        return;
    (void)fuse_lowlevel_notify_inval_entry(fs->session, directory, name, strlen(name));
    bfs_invalidate_node(fs, directory);
}

/* SPDX-License-Identifier: Apache-2.0
 * Record readers: the field order of docs/format.md. */
#include "codec/index/index_private.h"

int bfs_index_read_inode(struct bfs_cursor *c, struct bfs_inode *ret)
{
    struct bfs_inode inode = {0};
    uint32_t mode;
    uint64_t payload;
    int r;
    if ((r = bfs_cursor_u32(c, &mode)) || (r = bfs_cursor_u32(c, &inode.flags)) ||
        (r = bfs_cursor_u64(c, &inode.size)) || (r = bfs_cursor_i64(c, &inode.mtime_sec)) ||
        (r = bfs_cursor_u32(c, &inode.mtime_nsec)) || (r = bfs_cursor_u32(c, &inode.table_layer)) ||
        (r = bfs_cursor_u64(c, &inode.table_off)) || (r = bfs_cursor_u32(c, &inode.table_size)) ||
        (r = bfs_cursor_u32(c, &inode.n_dirents)) || (r = bfs_cursor_u64(c, &payload)) ||
        (r = bfs_cursor_u32(c, &inode.parent)) || (r = bfs_cursor_u32(c, &inode.first_tensor)) ||
        (r = bfs_cursor_u64(c, &inode.stored_size)) || (r = bfs_cursor_u32(c, &inode.n_tensors)) ||
        (r = bfs_cursor_u8(c, &inode.container)) || (r = bfs_cursor_zero(c, 3)) ||
        (r = bfs_cursor_copy(c, inode.digest.bytes, sizeof(inode.digest.bytes))) ||
        (r = bfs_cursor_copy(c, inode.table_digest.bytes, sizeof(inode.table_digest.bytes))))
        return r;
    inode.mode = mode;
    if (payload > UINT32_MAX)
        return -EBADMSG;
    if (S_ISDIR(mode))
        inode.first_dirent = (uint32_t)payload;
    else if (S_ISLNK(mode))
        inode.target_off = (uint32_t)payload;
    else if (payload != 0)
        return -EBADMSG;
    *ret = inode;
    return 0;
}

int bfs_index_read_dirent(struct bfs_cursor *c, struct bfs_dirent_record *ret)
{
    int r;
    if ((r = bfs_cursor_u32(c, &ret->name_off)) || (r = bfs_cursor_u16(c, &ret->name_length)) ||
        (r = bfs_cursor_zero(c, 2)) || (r = bfs_cursor_u32(c, &ret->inode)) ||
        (r = bfs_cursor_zero(c, 4)))
        return r;
    return 0;
}

int bfs_index_read_tensor(struct bfs_cursor *c, struct bfs_tensor_record *ret)
{
    int r;
    if ((r = bfs_cursor_u64(c, &ret->offset)) || (r = bfs_cursor_u64(c, &ret->size)) ||
        (r = bfs_cursor_u32(c, &ret->name_off)) || (r = bfs_cursor_u16(c, &ret->name_length)) ||
        (r = bfs_cursor_u16(c, &ret->dtype)) || (r = bfs_cursor_u32(c, &ret->first_dim)) ||
        (r = bfs_cursor_u8(c, &ret->n_dims)) || (r = bfs_cursor_zero(c, 3)))
        return r;
    return 0;
}

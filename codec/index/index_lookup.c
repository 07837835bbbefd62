/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/index_private.h"

#include <stdio.h>
#include <string.h>

static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    if (order != 0)
        return order;
    return (a_length > b_length) - (a_length < b_length);
}

bool bfs_index_lookup(const struct bfs_index *index, const struct bfs_inode *directory,
                      const char *name, size_t name_length, uint32_t *ret)
{
    uint32_t low = 0, high = directory->n_dirents;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct bfs_dirent entry = bfs_index_dirent(index, directory, middle);
        int order = compare_names(entry.name, entry.name_length, name, name_length);
        if (order == 0) {
            *ret = entry.inode;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

int bfs_index_resolve(const struct bfs_index *index, const char *path, uint32_t *ret)
{
    uint32_t number = BFS_INODE_ROOT;
    while (*path) {
        size_t length = strcspn(path, "/");
        struct bfs_inode directory = bfs_index_inode(index, number);
        if (!S_ISDIR(directory.mode))
            return -ENOTDIR;
        if (!bfs_index_lookup(index, &directory, path, length, &number))
            return -ENOENT;
        path += length + (path[length] == '/');
    }
    *ret = number;
    return 0;
}

bool bfs_index_tensor_in(const struct bfs_index *index, const struct bfs_inode *file,
                         uint64_t offset, uint64_t end, struct bfs_index_tensor *ret)
{
    uint32_t low = 0, high = file->n_tensors;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct bfs_index_tensor tensor = bfs_index_tensor(index, file, middle);
        if (tensor.offset + tensor.size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == file->n_tensors)
        return false;
    struct bfs_index_tensor found = bfs_index_tensor(index, file, low);
    if (found.offset >= end)
        return false;
    *ret = found;
    return true;
}

/* The name under which the parent holds the inode. Linear in the directory: for messages. */
static struct bfs_dirent own_dirent(const struct bfs_index *index, uint32_t number)
{
    struct bfs_inode inode = bfs_index_inode(index, number);
    struct bfs_inode parent = bfs_index_inode(index, inode.parent);
    for (uint32_t i = 0; i < parent.n_dirents; i++) {
        struct bfs_dirent entry = bfs_index_dirent(index, &parent, i);
        if (entry.inode == number)
            return entry;
    }
    return (struct bfs_dirent){.name = "", .name_length = 0, .inode = number};
}

char *bfs_index_path(const struct bfs_index *index, uint32_t number)
{
    char *path = strdup("");
    while (path && number != BFS_INODE_ROOT) {
        struct bfs_dirent entry = own_dirent(index, number);
        char *longer = NULL;
        if (asprintf(&longer, "%.*s%s%s", (int)entry.name_length, entry.name, *path ? "/" : "",
                     path) < 0)
            longer = NULL;
        free(path);
        path = longer;
        number = bfs_index_inode(index, number).parent;
    }
    return path;
}

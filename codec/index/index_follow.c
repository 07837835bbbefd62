/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/index/index.h"

#include "verify/cleanup.h"
#include "verify/links.h"
#include "verify/name.h"

#include <stdlib.h>
#include <string.h>

struct links {
    const struct bfs_index *index;
    char target[BFS_TARGET_MAX + 1];
};

static const char *target_at(void *context, const char *path)
{
    struct links *links = context;
    uint32_t number;
    if (bfs_index_resolve(links->index, path, &number))
        return NULL;
    struct bfs_inode inode = bfs_index_inode(links->index, number);
    if (!S_ISLNK(inode.mode))
        return NULL;
    memcpy(links->target, bfs_index_target(links->index, &inode), (size_t)inode.size);
    links->target[inode.size] = '\0';
    return links->target;
}

int bfs_index_follow(const struct bfs_index *index, const char *path, uint32_t *ret)
{
    struct links links = {.index = index};
    bfs_autofree char *end = NULL;
    int r = bfs_links_follow(path, target_at, &links, &end);
    return r ? r : bfs_index_resolve(index, end, ret);
}

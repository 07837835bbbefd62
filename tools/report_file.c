/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report_file.h"

#include <stdio.h>
#include <string.h>

static const char *type_name(mode_t mode)
{
    if (S_ISDIR(mode))
        return "directory";
    return S_ISLNK(mode) ? "symlink" : "file";
}

struct json_object *bfs_report_file(const struct bfs_index *index, const char *path,
                                    const struct bfs_inode *inode, int *status)
{
    char mode[8];
    struct json_object *object = bfs_json_new_object(status);
    (void)snprintf(mode, sizeof(mode), "%04o", (unsigned)inode->mode & 0777);
    bfs_report_text(object, "path", path, strlen(path), status);
    bfs_json_add_string(object, "type", type_name(inode->mode), status);
    bfs_json_add_string(object, "mode", mode, status);
    bfs_report_time(object, "mtime", inode->mtime_sec, status);
    if (S_ISLNK(inode->mode))
        bfs_report_text(object, "target", bfs_index_target(index, inode), (size_t)inode->size,
                        status);
    if (!S_ISREG(inode->mode))
        return object;
    bfs_json_add_integer(object, "size", inode->size, status);
    bfs_json_add_integer(object, "stored_size", inode->stored_size, status);
    bfs_report_digest(object, "digest", &inode->digest, status);
    if (inode->flags & BFS_INODE_GENERATED)
        bfs_json_add_boolean(object, "generated", true, status);
    return object;
}

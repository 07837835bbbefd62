/* SPDX-License-Identifier: Apache-2.0
 * One file of a bundle as a JSON object: what "ls" and "inspect" tell alike. */
#ifndef BFS_TOOLS_REPORT_FILE_H
#define BFS_TOOLS_REPORT_FILE_H

#include "codec/index/index.h"
#include "tools/report.h"

/* A new object with path, type, mode, mtime and, of files, size, stored_size and digest, of links
 * the target. */
struct json_object *bfs_report_file(const struct bfs_index *index, const char *path,
                                    const struct bfs_inode *inode, int *status);

#endif

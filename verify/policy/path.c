/* SPDX-License-Identifier: Apache-2.0
 * Where the policy of a host is. */
#include "verify/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *unless_none(const char *path)
{
    return strcmp(path, BFS_POLICY_NONE) == 0 ? NULL : path;
}

const char *bfs_policy_path(const char *named)
{
    struct stat st;
    if (named)
        return unless_none(named);
    const char *variable = secure_getenv(BFS_POLICY_VARIABLE);
    if (variable && *variable)
        return unless_none(variable);
    /* A file that cannot be looked at is a policy that cannot be read: the caller fails on it. */
    bool is_absent =
        stat(BFS_POLICY_DEFAULT_PATH, &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
    return is_absent ? NULL : BFS_POLICY_DEFAULT_PATH;
}

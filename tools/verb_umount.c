/* SPDX-License-Identifier: Apache-2.0
 * bundlefs umount: ends a mount. */
#include "fs/mounts.h"
#include "tools/message.h"
#include "tools/verbs.h"
#include "verify/cleanup.h"

#include <stdio.h>
#include <string.h>

struct umount_options {
    bool lazy;
};

static int run(const void *verb_options, int n_args, char **args)
{
    const struct umount_options *options = verb_options;
    struct bfs_error error = {0};
    struct bfs_mount_entry entry;
    bfs_autofree char *absolute = NULL;
    (void)n_args;
    if (bfs_mount_path(args[0], &absolute, &error))
        return bfs_message_error(&error);
    if (!bfs_mount_find(absolute, &entry) || strcmp(entry.type, BFS_FUSE_TYPE) != 0) {
        bfs_message("%s: no bundle store is mounted there", absolute);
        return BFS_EXIT_FAILED;
    }
    /* A dead daemon cannot be asked whether it is busy. */
    bool lazy = options->lazy || bfs_mount_is_stale(absolute);
    if (bfs_mount_detach(absolute, lazy, &error))
        return bfs_message_error(&error);
    return BFS_EXIT_OK;
}

static const struct bfs_option umount_options[] = {
    {"lazy", 'l', NULL, BFS_OPTION_FLAG, offsetof(struct umount_options, lazy),
     "detach now; what is open goes on until it is closed"},
    {0},
};

const struct bfs_verb bfs_verb_umount = {
    .name = "umount",
    .run = run,
    .summary = "unmount a store",
    .synopsis = "MOUNTPOINT",
    .text = "Unmounts a store that \"bundlefs mount\" mounted; its daemon ends. A mount whose "
            "daemon died is cleaned up.",
    .options = umount_options,
    .options_size = sizeof(struct umount_options),
    .min_args = 1,
    .max_args = 1,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs mount: serves a store, in the foreground or as a daemon that is ready when the command
 * returns. */
#include "tools/mount_run.h"

#include "fs/mounts.h"
#include "fs/options.h"
#include "tools/message.h"
#include "tools/verbs.h"

#include <stdio.h>

struct mount_options {
    char *list;
    bool foreground;
};

static int run(const void *verb_options, int n_args, char **args)
{
    const struct mount_options *given = verb_options;
    bfs_automountoptions struct bfs_mount_options options;
    struct bfs_error error = {0};
    (void)n_args;
    bfs_mount_options_init(&options);
    int r = bfs_mount_options_parse(given->list ? given->list : "", &options, &error);
    if (r) {
        char text[BFS_ERROR_TEXT_SIZE];
        return bfs_message_usage("mount", "%s", bfs_error_text(&error, text));
    }
    return bfs_mount_run(args[0], args[1], &options, given->foreground);
}

static void print_mount_options(void)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_mount_options_help(&text);
    (void)printf("\nMount options (-o):\n%.*s", (int)text.size, (const char *)text.bytes);
}

static const struct bfs_option mount_options[] = {
    {"options", 'o', "OPT,...", BFS_OPTION_LIST, offsetof(struct mount_options, list),
     "mount options, see below; may be given again"},
    {"foreground", 'f', NULL, BFS_OPTION_FLAG, offsetof(struct mount_options, foreground),
     "stay in the foreground, with messages on stderr"},
    {0},
};

const struct bfs_verb bfs_verb_mount = {
    .name = "mount",
    .run = run,
    .summary = "show a store's bundles as directories",
    .synopsis = "STORE MOUNTPOINT",
    .text = "Mounts the store read-only: each bundle is a directory NAME/VERSION of ordinary "
            "files, decompressed and proved as they are read. Returns when the mount is ready. "
            "Bundles that are packed or removed later appear and disappear by themselves. Ends "
            "when it is unmounted, or on SIGTERM.\n\n"
            "The daemon tells about itself in MOUNTPOINT/.bundlefs.",
    .options = mount_options,
    .more_help = print_mount_options,
    .options_size = sizeof(struct mount_options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs inspect: all that is known about one bundle. */
#include "tools/inspect.h"
#include "tools/message.h"
#include "tools/verbs.h"

struct options {
    bool tensors;
    bool chunks;
    bool json;
};

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autoopened struct bfs_opened opened = {0};
    (void)n_args;
    int status = bfs_opened_bundle("inspect", args[0], args[1], &opened);
    if (status != BFS_EXIT_OK)
        return status;
    return options->json ? bfs_inspect_json(&opened)
                         : bfs_inspect_text(&opened, options->tensors, options->chunks);
}

static const struct bfs_option table[] = {
    {"tensors", 't', NULL, BFS_OPTION_FLAG, offsetof(struct options, tensors),
     "list every tensor: type, shape, size, file and name"},
    {"chunks", 'c', NULL, BFS_OPTION_FLAG, offsetof(struct options, chunks),
     "count the chunks and bytes of each encoding, file by file"},
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_inspect = {
    .name = "inspect",
    .run = run,
    .summary = "tell everything about one bundle",
    .synopsis = "STORE NAME:VERSION",
    .text = "Prints what the bundle says about itself, its files, its tensors by type, its views "
            "with their sizes and what they take of their own, and the blobs that it consists of. "
            "With --json everything is printed, tensors and chunk "
            "counts included; lists are cut after 100000 entries, and what was left out is "
            "counted.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

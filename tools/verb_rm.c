/* SPDX-License-Identifier: Apache-2.0
 * bundlefs rm: takes a bundle out of the catalogue. */
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/verbs.h"

#include <stdio.h>

static int run(const void *options, int n_args, char **args)
{
    bfs_autoopened struct bfs_opened opened = {0};
    struct bfs_error error = {0};
    (void)options;
    (void)n_args;
    int status = bfs_opened_entry("rm", args[0], args[1], &opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (bfs_catalog_remove(opened.store, &opened.entry->reference, &error))
        return bfs_message_error(&error);
    (void)printf("%s removed; \"bundlefs gc\" frees what only it used\n", args[1]);
    return BFS_EXIT_OK;
}

const struct bfs_verb bfs_verb_rm = {
    .name = "rm",
    .run = run,
    .summary = "remove a bundle from a store",
    .synopsis = "STORE NAME:VERSION",
    .text = "Removes the bundle's name from the store. Its content stays until \"bundlefs gc\" "
            "finds that no other bundle uses it; files that are open in a mount stay readable.",
    .min_args = 2,
    .max_args = 2,
};

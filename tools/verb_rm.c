/* SPDX-License-Identifier: Apache-2.0
 * bundlefs rm: takes a bundle out of the catalogue. */
#include "codec/store/aliases.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/verbs.h"

#include <stdio.h>

struct options {
    bool force;
};

/* A bundle that an alias points to is in use. */
static int check_aliases(const struct bfs_opened *opened)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_error error = {0};
    char name[BFS_REFERENCE_MAX + 1];
    if (bfs_aliases_load(opened->store, opened->catalog, opened->entry->reference.name, NULL, NULL,
                         &aliases, &error))
        return bfs_message_error(&error);
    for (size_t i = 0; i < aliases.n; i++) {
        if (aliases.items[i].target != opened->entry)
            continue;
        bfs_message("the alias %s points to %s; let it point elsewhere first, or use --force",
                    aliases.items[i].name, bfs_reference_text(&opened->entry->reference, name));
        return BFS_EXIT_FAILED;
    }
    return BFS_EXIT_OK;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autoopened struct bfs_opened opened = {0};
    struct bfs_error error = {0};
    (void)n_args;
    int status = bfs_opened_entry("rm", args[0], args[1], &opened);
    if (status == BFS_EXIT_OK && !options->force)
        status = check_aliases(&opened);
    if (status != BFS_EXIT_OK)
        return status;
    if (bfs_catalog_remove(opened.store, &opened.entry->reference, &error))
        return bfs_message_error(&error);
    (void)printf("%s removed; \"bundlefs gc\" frees what only it used\n", args[1]);
    return BFS_EXIT_OK;
}

static const struct bfs_option table[] = {
    {"force", 'f', NULL, BFS_OPTION_FLAG, offsetof(struct options, force),
     "remove it although an alias points to it"},
    {0},
};

const struct bfs_verb bfs_verb_rm = {
    .name = "rm",
    .run = run,
    .summary = "remove a bundle from a store",
    .synopsis = "STORE NAME:VERSION",
    .text = "Removes the bundle's name from the store. Its content stays until \"bundlefs gc\" "
            "finds that no other bundle uses it; files that are open in a mount stay readable.\n\n"
            "The statements about it go along, but what moved aliases and revocations stay. A "
            "bundle that an alias points to is not removed.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs undeprecate: take a deprecation back. */
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"

struct options {
    struct bfs_signing_options signing;
};

/* There is something to take back. */
static int check_deprecated(const struct bfs_signing *signing, const char *name)
{
    bfs_autostatements struct bfs_statements about = {0};
    struct bfs_error error = {0};
    if (bfs_statements_of_bundle(signing->opened.store, signing->opened.catalog,
                                 &signing->opened.entry->manifest, &about, &error))
        return bfs_message_error(&error);
    if (bfs_statements_newest(&about, BFS_STATEMENT_DEPRECATION))
        return BFS_EXIT_OK;
    bfs_message("%s is not deprecated; nothing was said", name);
    return BFS_EXIT_FAILED;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    struct bfs_statement statement;
    (void)n_args;
    int status = bfs_signing_open("undeprecate", args[0], args[1], &options->signing, &signing);
    if (status == BFS_EXIT_OK)
        status = check_deprecated(&signing, args[1]);
    if (status == BFS_EXIT_OK)
        status =
            bfs_signing_new(&signing, signing.opened.entry, BFS_STATEMENT_DEPRECATION, &statement);
    if (status)
        return status;
    statement.is_withdrawn = true;
    status = bfs_signing_after(&signing, &statement);
    return status ? status : bfs_signing_publish(&signing, &statement);
}

static const struct bfs_option table[] = {
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('p'),
    {0},
};

const struct bfs_verb bfs_verb_undeprecate = {
    .name = "undeprecate",
    .run = run,
    .summary = "take a deprecation of a bundle back",
    .synopsis = "STORE NAME:VERSION",
    .text = "Adds a signed statement: the deprecations of the bundle before this one, and their "
            "sunsets, no longer count. The newest deprecation by a key that may deprecate decides, "
            "so \"deprecate\" with the right --sunset corrects one that was mistyped, too.\n\n"
            "Earlier versions of this program cannot read the statement; there the deprecation "
            "goes on counting.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs revoke: a bundle must no longer be used. */
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"

struct options {
    struct bfs_signing_options signing;
};

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    struct bfs_statement statement;
    (void)n_args;
    int status = bfs_signing_open("revoke", args[0], args[1], &options->signing, &signing);
    if (status == BFS_EXIT_OK)
        status =
            bfs_signing_new(&signing, signing.opened.entry, BFS_STATEMENT_REVOCATION, &statement);
    return status ? status : bfs_signing_publish(&signing, &statement);
}

static const struct bfs_option table[] = {
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('p'),
    {0},
};

const struct bfs_verb bfs_verb_revoke = {
    .name = "revoke",
    .run = run,
    .summary = "say that a bundle must no longer be used",
    .synopsis = "STORE NAME:VERSION",
    .text =
        "Adds a signed statement: the bundle must no longer be used. The link \"latest\" skips it, "
        "and it cannot be promoted. A mount with a policy refuses it. The statement stays when "
        "the bundle is removed, and counts again when the same bundle comes back.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs approve: somebody in a role agrees that a bundle is used. */
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"

#include <stdio.h>

struct options {
    struct bfs_signing_options signing;
    const char *role;
};

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    struct bfs_statement statement;
    (void)n_args;
    if (!options->role || !bfs_role_is_valid(options->role))
        return bfs_message_usage("approve",
                                 "--role must name a role: letters, digits, '.', '_' "
                                 "and '-', at most %d",
                                 BFS_STATEMENT_ROLE_MAX);
    int status = bfs_signing_open("approve", args[0], args[1], &options->signing, &signing);
    if (status == BFS_EXIT_OK)
        status =
            bfs_signing_new(&signing, signing.opened.entry, BFS_STATEMENT_APPROVAL, &statement);
    if (status)
        return status;
    (void)snprintf(statement.role, sizeof(statement.role), "%s", options->role);
    return bfs_signing_publish(&signing, &statement);
}

static const struct bfs_option table[] = {
    {"role", 'R', "ROLE", BFS_OPTION_STRING, offsetof(struct options, role),
     "the role in which you approve; it counts if the policy gives it to the key"},
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('p'),
    {0},
};

const struct bfs_verb bfs_verb_approve = {
    .name = "approve",
    .run = run,
    .summary = "approve a bundle in a role",
    .synopsis = "STORE NAME:VERSION",
    .text = "Adds a signed statement: the holder of the key agrees, in the role ROLE, that the "
            "bundle is "
            "used. A policy may ask for approvals in certain roles before it serves a bundle or "
            "lets an alias point to it.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

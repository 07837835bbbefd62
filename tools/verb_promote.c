/* SPDX-License-Identifier: Apache-2.0
 * bundlefs promote: an alias points to a bundle. */
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"

struct options {
    struct bfs_signing_options signing;
    const char *to;
};

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    (void)n_args;
    if (!options->to || !bfs_alias_is_valid(options->to))
        return bfs_message_usage("promote",
                                 "--to must name an alias, such as production: written as a "
                                 "version, but not \"latest\"");
    int status = bfs_signing_open("promote", args[0], args[1], &options->signing, &signing);
    return status
               ? status
               : bfs_signing_move(&signing, signing.opened.entry, options->to, BFS_ALIAS_PROMOTE);
}

static const struct bfs_option table[] = {
    {"to", 't', "ALIAS", BFS_OPTION_STRING, offsetof(struct options, to),
     "the alias that shall point to the bundle, such as production"},
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('p'),
    {0},
};

const struct bfs_verb bfs_verb_promote = {
    .name = "promote",
    .run = run,
    .summary = "let an alias such as production point to a bundle",
    .synopsis = "STORE NAME:VERSION",
    .text =
        "Adds a signed statement: ALIAS of the model NAME points to this version. A mount shows it "
        "as a link beside the versions, within two seconds; what is open stays open.\n\n"
        "Each statement about an alias has the next number and names the one before, so that "
        "an older one that comes back does not count. Of two that are made at once, one "
        "fails.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs rollback: an alias points back. */
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

struct options {
    struct bfs_signing_options signing;
    const char *alias;
    const char *to;
};

/* The bundle that the alias pointed to before it came to where it is. */
static int find_before(const struct bfs_opened *opened, const char *model, const char *alias,
                       char ret[static BFS_REFERENCE_MAX + 1])
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_error error = {0};
    if (bfs_aliases_load(opened->store, opened->catalog, model, NULL, NULL, &aliases, &error))
        return bfs_message_error(&error);
    const struct bfs_alias *now = bfs_aliases_find(&aliases, alias);
    if (!now) {
        bfs_message("%s has no alias %s", model, alias);
        return BFS_EXIT_FAILED;
    }
    const struct bfs_alias_link *before = now->link->before;
    while (before && bfs_digest_equal(&before->statement->subject, &now->link->statement->subject))
        before = before->before;
    if (!before) {
        bfs_message("%s of %s has never pointed elsewhere; name a version with --to", alias, model);
        return BFS_EXIT_FAILED;
    }
    (void)bfs_reference_text(&before->statement->subject_name, ret);
    return BFS_EXIT_OK;
}

static int check_to(const char *model, const char *to)
{
    struct bfs_reference reference;
    int status = bfs_parse_reference("rollback", to, &reference);
    if (status == BFS_EXIT_OK && strcmp(reference.name, model) != 0)
        return bfs_message_usage("rollback", "--to %.200s is no version of %.200s", to, model);
    return status;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    char to[BFS_REFERENCE_MAX + 1];
    int status = BFS_EXIT_OK;
    (void)n_args;
    if (!options->alias || !bfs_alias_is_valid(options->alias))
        return bfs_message_usage("rollback", "--alias must name an alias, such as production");
    if (!bfs_model_name_is_valid(args[1], strlen(args[1])))
        return bfs_message_usage("rollback", "\"%.200s\" is no name of a model", args[1]);
    if (options->to) {
        (void)snprintf(to, sizeof(to), "%s", options->to);
        status = check_to(args[1], options->to);
    } else {
        bfs_autoopened struct bfs_opened opened = {0};
        status = bfs_opened_store(args[0], &opened);
        if (status == BFS_EXIT_OK)
            status = find_before(&opened, args[1], options->alias, to);
    }
    if (status == BFS_EXIT_OK)
        status = bfs_signing_open("rollback", args[0], to, &options->signing, &signing);
    return status ? status
                  : bfs_signing_move(&signing, signing.opened.entry, options->alias,
                                     BFS_ALIAS_ROLLBACK);
}

static const struct bfs_option table[] = {
    {"alias", 'a', "ALIAS", BFS_OPTION_STRING, offsetof(struct options, alias),
     "the alias that shall point back"},
    {"to", 't', "NAME:VERSION", BFS_OPTION_STRING, offsetof(struct options, to),
     "where to; the default is what it pointed to before"},
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING,
    {0},
};

const struct bfs_verb bfs_verb_rollback = {
    .name = "rollback",
    .run = run,
    .summary = "let an alias point to what it pointed to before",
    .synopsis = "STORE NAME",
    .text = "Adds a signed statement like that of \"promote\", which lets ALIAS of the model NAME "
            "point "
            "to the bundle that it pointed to before, or to another one. Nothing is taken back: "
            "\"history\" shows both.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

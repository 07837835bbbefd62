/* SPDX-License-Identifier: Apache-2.0
 * bundlefs rollback: an alias points back. */
#include "codec/store/trust.h"
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct options {
    struct bfs_signing_options signing;
    const char *alias;
    const char *to;
};

/* Did a key of the policy sign the move, be it one that has expired? Errors: -ENOMEM. */
static int find_known(const struct bfs_policy *policy, const struct bfs_alias_link *link, bool *ret)
{
    bfs_autoevidence struct bfs_evidence evidence = {0};
    /* Its first member. */
    const struct bfs_stored_statement *stored = (const void *)link->statement;
    int r = policy ? bfs_evidence_read(policy, stored->envelope, stored->size,
                                       &link->statement->subject, "alias", &evidence, NULL)
                   : 0;
    if (r == -ENOMEM)
        return r;
    *ret = !policy || (r == 0 && evidence.is_signed);
    return 0;
}

/* The last move before `now` that points elsewhere; NULL: none. Errors: -ENOMEM. What nobody known has signed may have been
 * listed by anybody, and must not be what somebody signs next. */
static int step_back(const struct bfs_policy *policy, const char *model,
                     const struct bfs_alias_link *now, const struct bfs_alias_link **ret)
{
    const struct bfs_alias_link *before = now->before;
    for (; before; before = before->before) {
        bool is_known;
        if (bfs_digest_equal(&before->statement->subject, &now->statement->subject))
            continue;
        int r = find_known(policy, before, &is_known);
        if (r)
            return r;
        if (is_known)
            break;
        bfs_message("%s: move %" PRIu64 " of the alias %s is passed over: no key of the policy has "
                    "signed it",
                    model, before->statement->sequence, before->statement->alias);
    }
    *ret = before;
    return 0;
}

/* The bundle that the alias pointed to before it came to where it is. */
static int find_before(const struct bfs_opened *opened, const struct bfs_policy *policy,
                       const char *model, const char *alias, struct bfs_catalog_entry *ret)
{
    bfs_autoaliases struct bfs_aliases aliases = {0};
    struct bfs_error error = {0};
    struct bfs_trust trust = {.store = opened->store,
                              .catalog = opened->catalog,
                              .policy = policy,
                              .now = (int64_t)time(NULL)};
    if (bfs_aliases_load(opened->store, opened->catalog, model, bfs_trust_believes, &trust,
                         &aliases, &error))
        return bfs_message_error(&error);
    if (trust.status) {
        bfs_message("%s: what is said about a bundle cannot be read: %s", model,
                    strerror(-trust.status));
        return BFS_EXIT_FAILED;
    }
    const struct bfs_alias *now = bfs_aliases_find(&aliases, alias);
    if (!now) {
        bfs_message("%s has no alias %s%s", model, alias, policy ? " that the policy accepts" : "");
        return BFS_EXIT_FAILED;
    }
    const struct bfs_alias_link *before;
    if (step_back(policy, model, now->link, &before)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    if (!before) {
        bfs_message("%s of %s has never pointed elsewhere; name a version with --to", alias, model);
        return BFS_EXIT_FAILED;
    }
    const struct bfs_catalog_entry *target = bfs_alias_target(opened->catalog, before->statement);
    if (!target) {
        bfs_message(
            "%s of %s pointed to a bundle before, version %s, that is no longer in the store; "
            "name a version with --to",
            alias, model, before->statement->subject_name.version);
        return BFS_EXIT_FAILED;
    }
    *ret = *target;
    return BFS_EXIT_OK;
}

static int check_to(const char *model, const char *to)
{
    struct bfs_reference reference;
    int status = bfs_parse_any_reference("rollback", to, &reference);
    if (status == BFS_EXIT_OK && strcmp(reference.name, model) != 0)
        return bfs_message_usage("rollback", "--to %.200s is no version of %.200s", to, model);
    return status;
}

static int find_target(const struct options *options, char **args, struct bfs_catalog_entry *ret)
{
    bfs_autoopened struct bfs_opened opened = {.policy_named = options->signing.policy};
    int status = bfs_opened_store(args[0], &opened);
    if (status == BFS_EXIT_OK)
        status = bfs_opened_policy(&opened);
    return status ? status : find_before(&opened, opened.policy, args[1], options->alias, ret);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    struct bfs_catalog_entry target;
    struct bfs_error error = {0};
    char to[BFS_REFERENCE_MAX + 1];
    int status;
    (void)n_args;
    if (!options->alias || !bfs_alias_is_valid(options->alias))
        return bfs_message_usage("rollback", "--alias must name an alias, such as production");
    if (bfs_model_name_check(args[1], strlen(args[1]), &error))
        return bfs_message_usage("rollback", "%s", error.what);
    if (options->to) {
        (void)snprintf(to, sizeof(to), "%s", options->to);
        status = check_to(args[1], options->to);
    } else {
        status = find_target(options, args, &target);
        if (status == BFS_EXIT_OK)
            (void)bfs_reference_text(&target.reference, to);
    }
    if (status == BFS_EXIT_OK)
        status = bfs_signing_open("rollback", args[0], to, &options->signing, &signing);
    if (status)
        return status;
    const struct bfs_catalog_entry *entry = signing.opened.entry;
    if (!options->to && !bfs_digest_equal(&entry->manifest, &target.manifest)) {
        bfs_message("%s has been replaced by another bundle meanwhile; try again", to);
        return BFS_EXIT_FAILED;
    }
    return bfs_signing_move(&signing, entry, options->alias, BFS_ALIAS_ROLLBACK);
}

static const struct bfs_option table[] = {
    {"alias", 'a', "ALIAS", BFS_OPTION_STRING, offsetof(struct options, alias),
     "the alias that shall point back"},
    {"to", 't', "NAME:VERSION", BFS_OPTION_STRING, offsetof(struct options, to),
     "where to, or NAME:ALIAS; the default is what it pointed to before"},
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('p'),
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
            "\"history\" shows both.\n\n"
            "Whoever can write to the store can list moves that nobody else knows of. Give the "
            "policy of your mounts, or name the version with --to, where that may be so.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

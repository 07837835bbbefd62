/* SPDX-License-Identifier: Apache-2.0
 * bundlefs deprecate: a bundle should no longer be used. */
#include "tools/message.h"
#include "tools/signing.h"
#include "tools/verbs.h"
#include "verify/rfc3339.h"

#include <stdio.h>

struct options {
    struct bfs_signing_options signing;
    const char *replaced_by;
    const char *sunset;
};

/* A day, or a moment. */
static int read_sunset(const char *text, int64_t *ret)
{
    char day[BFS_RFC3339_SIZE + 16];
    if (bfs_rfc3339_parse(text, ret) == 0)
        return BFS_EXIT_OK;
    (void)snprintf(day, sizeof(day), "%.20sT00:00:00Z", text);
    if (bfs_rfc3339_parse(day, ret) == 0)
        return BFS_EXIT_OK;
    return bfs_message_usage("deprecate",
                             "--sunset is \"%.100s\", not a day such as 2027-01-31 or a time such "
                             "as 2027-01-31T12:00:00Z",
                             text);
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    struct bfs_statement statement;
    struct bfs_reference replaced_by = {0};
    int64_t sunset = 0;
    int status = BFS_EXIT_OK;
    (void)n_args;
    if (options->replaced_by)
        status = bfs_parse_any_reference("deprecate", options->replaced_by, &replaced_by);
    if (status == BFS_EXIT_OK && options->sunset)
        status = read_sunset(options->sunset, &sunset);
    if (status == BFS_EXIT_OK)
        status = bfs_signing_open("deprecate", args[0], args[1], &options->signing, &signing);
    if (status == BFS_EXIT_OK && options->replaced_by)
        status = bfs_signing_version(&signing, options->replaced_by, &replaced_by);
    if (status == BFS_EXIT_OK)
        status =
            bfs_signing_new(&signing, signing.opened.entry, BFS_STATEMENT_DEPRECATION, &statement);
    if (status)
        return status;
    statement.has_replaced_by = options->replaced_by != NULL;
    statement.replaced_by = replaced_by;
    statement.has_sunset = options->sunset != NULL;
    statement.sunset = sunset;
    if (statement.has_sunset && sunset <= statement.when)
        bfs_message("the sunset %s has passed already", options->sunset);
    status = bfs_signing_after(&signing, &statement);
    return status ? status : bfs_signing_publish(&signing, &statement);
}

static const struct bfs_option table[] = {
    {"replaced-by", '\0', "NAME:VERSION", BFS_OPTION_STRING, offsetof(struct options, replaced_by),
     "the bundle to use instead, or NAME:ALIAS"},
    {"sunset", '\0', "DAY", BFS_OPTION_STRING, offsetof(struct options, sunset),
     "from when on it should be refused, such as 2027-01-31"},
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('p'),
    {0},
};

const struct bfs_verb bfs_verb_deprecate = {
    .name = "deprecate",
    .run = run,
    .summary = "say that a bundle should no longer be used",
    .synopsis = "STORE NAME:VERSION",
    .text = "Adds a signed statement: the bundle should no longer be used. The link \"latest\" "
            "skips it; "
            "whether it is still served, also after its sunset, is what the policy of a mount "
            "says. The newest deprecation counts, so another one corrects a sunset that was "
            "mistyped, and \"undeprecate\" takes all back.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * bundlefs sign: its signer vouches for a bundle. */
#include "tools/message.h"
#include "tools/provenance.h"
#include "tools/verbs.h"

struct options {
    struct bfs_signing_options signing;
    bool provenance;
};

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    bfs_autosigning struct bfs_signing signing = {0};
    struct bfs_statement statement;
    (void)n_args;
    int status = bfs_signing_open("sign", args[0], args[1], &options->signing, &signing);
    if (status == BFS_EXIT_OK && options->provenance)
        return bfs_provenance_publish(&signing, NULL);
    if (status == BFS_EXIT_OK)
        status =
            bfs_signing_new(&signing, signing.opened.entry, BFS_STATEMENT_SIGNATURE, &statement);
    return status ? status : bfs_signing_publish(&signing, &statement);
}

static const struct bfs_option table[] = {
    {"provenance", 'p', NULL, BFS_OPTION_FLAG, offsetof(struct options, provenance),
     "say how the bundle was made, as far as it tells, instead of vouching for it"},
    BFS_OPTION_REASON,
    BFS_OPTIONS_SIGNING('\0'),
    {0},
};

const struct bfs_verb bfs_verb_sign = {
    .name = "sign",
    .run = run,
    .summary = "vouch for a bundle with a signature",
    .synopsis = "STORE NAME:VERSION",
    .text =
        "Adds a signed statement to the store: the holder of the key vouches for the bundle, for "
        "every byte of it. Whether that counts, and in which role, is what the policy of a "
        "mount says.\n\n"
        "Statements are OCI artifacts that refer to the bundle: they can be copied with it, "
        "and a mount shows them in its directory \"signatures\".",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

/* SPDX-License-Identifier: Apache-2.0
 * The name under which a statement is listed in index.json, and tagged in a registry:
 *     NAME:sha256-<64 digits of the bundle's id>.<kind>.<first 16 digits of its manifest's digest>
 * It begins as the referrers tag schema of the OCI distribution specification 1.1 does, survives
 * tools that copy nothing but names, and says enough to read no statement that is not asked for.
 * What it says is a hint until the statement itself has been read.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_CODEC_STATEMENT_NAME_H
#define BFS_CODEC_STATEMENT_NAME_H

#include "verify/trust/statement.h"

enum { BFS_STATEMENT_MARK_SIZE = 17 }; /* with the final NUL */

struct bfs_statement_name {
    char model[BFS_NAME_MAX + 1];
    struct bfs_digest subject; /* the bundle's id */
    enum bfs_statement_kind kind;
    char mark[BFS_STATEMENT_MARK_SIZE]; /* the first digits of the digest of its manifest */
};

/* Has it the form NAME:VERSION with a version that begins like a statement's? */
bool bfs_statement_name_is(const char *text);
/* Errors: -EINVAL, -EPROTONOSUPPORT (a kind that is not known). */
int bfs_statement_name_parse(const char *text, struct bfs_statement_name *ret,
                             struct bfs_error *error);
/* The name of the statement whose manifest this is. */
char *bfs_statement_name_text(const char *model, const struct bfs_digest *subject,
                              enum bfs_statement_kind kind, const struct bfs_digest *manifest,
                              char ret[static BFS_REFERENCE_MAX + 1]);
/* Does the mark fit the digest? */
bool bfs_statement_name_fits(const struct bfs_statement_name *name,
                             const struct bfs_digest *manifest);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * The time of a deprecation: the newest counts, so each is dated after the ones before. */
#include "tools/message.h"
#include "tools/signing.h"
#include "verify/rfc3339.h"

enum { CLOCK_SLACK_S = 86400 }; /* how far another signer's clock may be ahead of this one */

int bfs_signing_after(const struct bfs_signing *signing, struct bfs_statement *statement)
{
    bfs_autostatements struct bfs_statements about = {0};
    struct bfs_error error = {0};
    int64_t newest = INT64_MIN;
    if (bfs_statements_of_bundle(signing->opened.store, signing->opened.catalog,
                                 &statement->subject, &about, &error))
        return bfs_message_error(&error);
    for (size_t i = 0; i < about.n; i++) {
        const struct bfs_statement *said = &about.items[i]->statement;
        if (said->kind == BFS_STATEMENT_DEPRECATION && said->when > newest &&
            said->when <= statement->when + CLOCK_SLACK_S)
            newest = said->when;
        if (said->kind == BFS_STATEMENT_DEPRECATION &&
            said->when > statement->when + CLOCK_SLACK_S) {
            char time[BFS_RFC3339_SIZE] = "?";
            (void)bfs_rfc3339_format(said->when, time);
            bfs_message("a deprecation by key %s is dated %s, more than a day ahead of this "
                        "host's clock; it goes on counting where its key may deprecate",
                        *about.items[i]->key_id ? about.items[i]->key_id : "?", time);
        }
    }
    if (newest >= statement->when)
        statement->when = newest + 1;
    return BFS_EXIT_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 * Whether a policy counts a statement that is about to be published. */
#include "tools/message.h"
#include "tools/signing.h"

#include <time.h>

int bfs_signing_weigh(struct bfs_signing *signing, const struct bfs_statement *statement,
                      const struct bfs_buffer *text, struct bfs_verdict *ret)
{
    bfs_autodossier struct bfs_dossier dossier = {0};
    bfs_autoevidence struct bfs_evidence evidence = {0};
    struct bfs_error error = {0};
    int status = bfs_opened_policy(&signing->opened);
    *ret = (struct bfs_verdict){0};
    if (status != BFS_EXIT_OK || !signing->opened.policy)
        return status;
    const struct bfs_trust trust = bfs_opened_trust(&signing->opened);
    if (bfs_dossier_load(&trust, &statement->subject, &dossier, &error) ||
        bfs_evidence_read(trust.policy, text->bytes, text->size, &statement->subject, "statement",
                          &evidence, &error))
        return bfs_message_error(&error);
    const struct bfs_facts target = {.reference = &statement->subject_name,
                                     .evidence = dossier.pointers,
                                     .n_evidence = dossier.n,
                                     .now = trust.now};
    bfs_policy_weigh(trust.policy, &evidence, &target, ret);
    return BFS_EXIT_OK;
}

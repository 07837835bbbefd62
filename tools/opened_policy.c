/* SPDX-License-Identifier: Apache-2.0
 * The policy that binds a verb: the one that it was given, or this host's. */
#include "accel/review/policy_check.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/verb.h"

#include <time.h>

int bfs_opened_policy(struct bfs_opened *opened)
{
    struct bfs_error error = {0};
    if (opened->knows_policy)
        return BFS_EXIT_OK;
    opened->policy_path = bfs_policy_path(opened->policy_named);
    if (opened->policy_path && bfs_policy_load(opened->policy_path, &opened->policy, &error))
        return bfs_message_error(&error);
    opened->knows_policy = true;
    return BFS_EXIT_OK;
}

struct bfs_trust bfs_opened_trust(const struct bfs_opened *opened)
{
    return (struct bfs_trust){.store = opened->store,
                              .catalog = opened->catalog,
                              .policy = opened->policy,
                              .now = (int64_t)time(NULL),
                              .check = bfs_policy_check_bundle};
}

int bfs_opened_admit(struct bfs_opened *opened, const struct bfs_catalog_entry *entry)
{
    struct bfs_verdict verdict;
    struct bfs_error error = {0};
    char name[BFS_REFERENCE_MAX + 1];
    int status = bfs_opened_policy(opened);
    if (status != BFS_EXIT_OK || !opened->policy)
        return status;
    const struct bfs_trust trust = bfs_opened_trust(opened);
    if (bfs_trust_judge(&trust, &entry->reference, &entry->manifest, NULL, &verdict, &error))
        return bfs_message_error(&error);
    if (verdict.code == 0)
        return BFS_EXIT_OK;
    bfs_message("%s: refused by the policy %s: %s", bfs_reference_text(&entry->reference, name),
                opened->policy_path, verdict.reason);
    return BFS_EXIT_FAILED;
}

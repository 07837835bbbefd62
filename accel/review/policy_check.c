/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/policy_check.h"

#include "accel/review/review.h"

#include <string.h>

/* Of a required bundle, by the policy that judges: whoever it lets say so has revoked it. */
static int find_standing(void *context, const struct bfs_catalog_entry *entry,
                         enum bfs_requirement_state *ret, char **ret_reason,
                         struct bfs_error *error)
{
    static const enum bfs_requirement_state states[] = {
        [BFS_FAVOUR_FULL] = BFS_REQUIREMENT_GOOD,
        [BFS_FAVOUR_DEPRECATED] = BFS_REQUIREMENT_DEPRECATED,
        [BFS_FAVOUR_REVOKED] = BFS_REQUIREMENT_REVOKED,
    };
    char reason[BFS_VERDICT_REASON_SIZE];
    enum bfs_favour favour;
    int r = bfs_trust_favour(context, &entry->reference, &entry->manifest, &favour, reason, error);
    if (r)
        return r;
    char *copy = strdup(reason);
    if (!copy)
        return bfs_fail(error, -ENOMEM, "out of memory");
    *ret = states[favour];
    *ret_reason = copy;
    return 0;
}

static int review(const struct bfs_trust *trust, const struct bfs_reference *reference,
                  const struct bfs_catalog_entry *entry, struct bfs_findings *findings,
                  struct bfs_error *error)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    bfs_autosubject struct bfs_subject subject = {0};
    struct bfs_trust asked = *trust;
    struct bfs_review_budget budget = {BFS_POLICY_CHECK_READ_MAX};
    const struct bfs_review_options options = {.store = trust->store,
                                               .catalog = trust->catalog,
                                               .standing = find_standing,
                                               .context = &asked,
                                               .needs = trust->needs,
                                               .budget = &budget};
    int r = bfs_bundle_open(trust->store, &entry->manifest, entry->manifest_size, &bundle, error);
    if (r == 0)
        r = bfs_subject_of_bundle(reference, bundle, &subject, error);
    return r ? r : bfs_review(&subject, &options, findings, error);
}

int bfs_policy_check_bundle(const struct bfs_trust *trust, const struct bfs_reference *reference,
                            const struct bfs_digest *digest, enum bfs_policy_check *ret,
                            struct bfs_error *error)
{
    bfs_autofindings struct bfs_findings findings = {0};
    const struct bfs_catalog_entry *entry = bfs_catalog_find(trust->catalog, reference);
    if (!entry || !bfs_digest_equal(&entry->manifest, digest))
        return bfs_fail(error, -ENOENT, "it is not in the store any more");
    int r = review(trust, reference, entry, &findings, error);
    if (r && r != -EFBIG)
        return r;
    *ret = r                                       ? BFS_POLICY_CHECK_TOO_LARGE
           : findings.counts[BFS_SEVERITY_ERROR]   ? BFS_POLICY_CHECK_ERROR
           : findings.counts[BFS_SEVERITY_WARNING] ? BFS_POLICY_CHECK_WARNING
                                                   : BFS_POLICY_CHECK_CLEAN;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/policy_check.h"

#include "accel/review/review.h"

int bfs_policy_check_bundle(const struct bfs_trust *trust, const struct bfs_reference *reference,
                            const struct bfs_digest *digest, enum bfs_policy_check *ret,
                            struct bfs_error *error)
{
    BFS_CLEANUP(bfs_bundle_cleanup) struct bfs_bundle *bundle = NULL;
    BFS_CLEANUP(bfs_subject_done) struct bfs_subject subject = {0};
    BFS_CLEANUP(bfs_findings_done) struct bfs_findings findings = {0};
    const struct bfs_review_options options = {.store = trust->store, .catalog = trust->catalog};
    const struct bfs_catalog_entry *entry = bfs_catalog_find(trust->catalog, reference);
    int r;
    if (!entry || !bfs_digest_equal(&entry->manifest, digest))
        return bfs_fail(error, -ENOENT, "it is not in the store any more");
    if ((r = bfs_bundle_open(trust->store, &entry->manifest, entry->manifest_size, &bundle,
                             error)) ||
        (r = bfs_subject_of_bundle(reference, bundle, &subject, error)) ||
        (r = bfs_review(&subject, &options, &findings, error)))
        return r;
    if (findings.status)
        return bfs_fail(error, findings.status, "out of memory");
    *ret = findings.counts[BFS_SEVERITY_ERROR]     ? BFS_POLICY_CHECK_ERROR
           : findings.counts[BFS_SEVERITY_WARNING] ? BFS_POLICY_CHECK_WARNING
                                                   : BFS_POLICY_CHECK_CLEAN;
    return 0;
}

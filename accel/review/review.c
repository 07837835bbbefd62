/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/review.h"

#include "accel/review/rules.h"
#include "verify/contract/schema.h"

#include <errno.h>

static bool is_verdict(int r)
{
    return r == -EBADMSG || r == -E2BIG || r == -EPROTONOSUPPORT;
}

static void add_fault(void *context, const struct bfs_error *error)
{
    bfs_finding_add_error(context, BFS_FINDING_CONTRACT_INVALID, NULL, error);
}

/* Everything that is wrong with the contract, so that its author needs one run. */
static int tell_faults(const struct bfs_subject *subject, int code, const struct bfs_error *why,
                       struct bfs_findings *findings, struct bfs_error *error)
{
    size_t before = findings->n;
    int r = code == -EBADMSG ? bfs_subject_contract_faults(subject, add_fault, findings, error) : 0;
    if (r)
        return r;
    if (findings->n == before)
        bfs_finding_add_error(findings, BFS_FINDING_CONTRACT_INVALID, NULL, why);
    if (findings->n - before >= BFS_SCHEMA_FAULTS_MAX)
        bfs_finding_add(findings, BFS_FINDING_CONTRACT_INVALID,
                        "contract.json: there may be more; only the first %d are listed",
                        BFS_SCHEMA_FAULTS_MAX);
    return 0;
}

static int judge_host(const struct bfs_subject *subject, const struct bfs_review_options *options,
                      struct bfs_findings *findings, struct bfs_error *error)
{
    if (!options->host)
        return 0;
    findings->is_lenient = !options->host_is_named;
    int r = bfs_rules_host(subject, options->host, findings, error);
    findings->is_lenient = false;
    return r;
}

int bfs_review(struct bfs_subject *subject, const struct bfs_review_options *options,
               struct bfs_findings *findings, struct bfs_error *error)
{
    struct bfs_error why = {0};
    subject->budget = options->budget;
    int r = bfs_subject_read_contract(subject, &why);
    if (r && !is_verdict(r)) {
        if (error)
            *error = why;
        return r;
    }
    if (r && (r = tell_faults(subject, r, &why, findings, error)))
        return r;
    if ((r = bfs_rules_files(subject, findings, error)) ||
        (r = bfs_rules_weights(subject, findings, error)))
        return r;
    if (subject->has_contract) {
        if (subject->contract.is_generated)
            bfs_finding_add(findings, BFS_FINDING_CONTRACT_GENERATED,
                            "contract.json says only what the files tell of themselves");
        bfs_rules_contract(subject, findings);
        if ((r = bfs_rules_fixtures(subject, findings, error)) ||
            (r = bfs_rules_needs(subject, options, findings, error)))
            return r;
        bfs_rules_resources(subject, findings);
        bfs_rules_licence(subject, findings);
    }
    if ((r = judge_host(subject, options, findings, error)))
        return r;
    return findings->status ? bfs_fail(error, findings->status, "out of memory") : 0;
}

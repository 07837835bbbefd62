/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/rules.h"

#include "accel/choice.h"
#include "accel/fit.h"
#include "verify/hardware_key.h"

#include <inttypes.h>

static void judge_accelerator(const struct bfs_contract *contract, const struct bfs_host *host,
                              struct bfs_findings *findings)
{
    struct bfs_hardware_key key;
    struct bfs_fit fit;
    if (!contract->accelerator ||
        bfs_hardware_key_read(contract->accelerator, "/resources/accelerator", &key, NULL))
        return;
    bfs_fit_judge(host, &key, (struct bfs_fit_view){.size = key.memory_bytes}, &fit);
    if (!fit.fits)
        bfs_finding_add(findings, BFS_FINDING_HOST_ACCELERATOR, "/resources/accelerator: %s",
                        fit.reason);
}

static void judge_contract(const struct bfs_contract *contract, const struct bfs_host *host,
                           struct bfs_findings *findings)
{
    judge_accelerator(contract, host, findings);
    if (contract->has_memory_bytes && host->memory_bytes &&
        contract->memory_bytes > host->memory_bytes)
        bfs_finding_add(findings, BFS_FINDING_HOST_MEMORY,
                        "/resources/memory_bytes: %" PRIu64
                        " bytes are needed, the host has %" PRIu64,
                        contract->memory_bytes, host->memory_bytes);
    for (size_t i = 0; i < contract->n_features; i++)
        if (!bfs_host_has_feature(host, contract->features[i]))
            bfs_finding_add(findings, BFS_FINDING_HOST_FEATURE,
                            "/requires/features/%zu: the CPU has no %s", i, contract->features[i]);
}

int bfs_rules_host(const struct bfs_subject *subject, const struct bfs_host *host,
                   struct bfs_findings *findings, struct bfs_error *error)
{
    bfs_autofree struct bfs_choice *choice = NULL;
    if (subject->has_contract)
        judge_contract(&subject->contract, host, findings);
    if (!subject->bundle)
        return 0;
    if (bfs_choice_make(host, subject->bundle, NULL, &choice))
        return bfs_fail(error, -ENOMEM, "out of memory");
    if (choice->n_views && choice->best < 0)
        bfs_finding_add(findings, BFS_FINDING_HOST_VIEW,
                        "none of the %u views fits the host; %s: %s", choice->n_views,
                        choice->views[0].config->id, choice->views[0].fit.reason);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 * What the contract says that the model takes, against what it has. */
#include "accel/review/rules.h"

#include <inttypes.h>

/* The least that any form of the model takes: itself, or one of its views. */
static uint64_t smallest_form(const struct bfs_subject *subject, const char **ret_name)
{
    uint64_t least = subject->tensor_size;
    *ret_name = "the model";
    for (size_t i = 0; i < subject->n_views; i++)
        if (least == 0 || subject->views[i].tensor_size < least) {
            least = subject->views[i].tensor_size;
            *ret_name = subject->views[i].id;
        }
    return least;
}

void bfs_rules_resources(const struct bfs_subject *subject, struct bfs_findings *findings)
{
    const struct bfs_contract *contract = &subject->contract;
    const char *form;
    uint64_t least = smallest_form(subject, &form);
    if (contract->has_disk_bytes && contract->disk_bytes < subject->content_size)
        bfs_finding_add(findings, BFS_FINDING_DISK_UNDERSTATED,
                        "/resources/disk_bytes: the files have %" PRIu64 " bytes, %" PRIu64
                        " are declared",
                        subject->content_size, contract->disk_bytes);
    if (contract->has_disk_bytes && contract->disk_bytes / 2 > subject->content_size)
        bfs_finding_add(findings, BFS_FINDING_DISK_OVERSTATED,
                        "/resources/disk_bytes: the files have only %" PRIu64 " bytes, %" PRIu64
                        " are declared",
                        subject->content_size, contract->disk_bytes);
    if (contract->has_memory_bytes && contract->memory_bytes < least)
        bfs_finding_add(findings, BFS_FINDING_MEMORY_UNDERSTATED,
                        "/resources/memory_bytes: the tensors of %s have %" PRIu64
                        " bytes, %" PRIu64 " are declared",
                        form, least, contract->memory_bytes);
}

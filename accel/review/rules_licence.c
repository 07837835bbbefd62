/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/rules.h"

#include "verify/licence/licence.h"
#include "verify/licence/spdx_list.h"

static void judge(const char *expression, const char *place, size_t i,
                  struct bfs_findings *findings)
{
    char word[BFS_LICENCE_WORD_MAX + 1];
    switch (bfs_licence_judge(expression, word)) {
    case BFS_LICENCE_KNOWN:
        break;
    case BFS_LICENCE_DEPRECATED:
        bfs_finding_add(findings, BFS_FINDING_LICENCE_DEPRECATED,
                        "%s/%zu: SPDX list " BFS_SPDX_LIST_VERSION " deprecates \"%s\"", place, i,
                        word);
        break;
    case BFS_LICENCE_UNKNOWN:
        bfs_finding_add(findings, BFS_FINDING_LICENCE_UNKNOWN,
                        "%s/%zu: \"%s\" is not in SPDX list " BFS_SPDX_LIST_VERSION, place, i,
                        word);
        break;
    case BFS_LICENCE_MALFORMED:
        bfs_finding_add(findings, BFS_FINDING_LICENCE_MALFORMED,
                        "%s/%zu: \"%s\" is no licence expression at %s", place, i, expression,
                        word);
        break;
    }
}

void bfs_rules_licence(const struct bfs_subject *subject, struct bfs_findings *findings)
{
    const struct bfs_contract *contract = &subject->contract;
    struct json_object *provenance = bfs_json_member(contract->root, "provenance");
    struct json_object *data = provenance ? bfs_json_member(provenance, "training_data") : NULL;
    /* a generated contract promises nothing, so it lacks nothing */
    if (contract->n_licences == 0 && !contract->is_generated)
        bfs_finding_add(findings, BFS_FINDING_LICENCE_NONE, "/licenses: there is none");
    for (size_t i = 0; i < contract->n_licences; i++)
        judge(contract->licences[i], "/licenses", i, findings);
    for (size_t i = 0; data && i < json_object_array_length(data); i++) {
        const char *licence = bfs_json_string(json_object_array_get_idx(data, i), "license");
        if (licence)
            judge(licence, "/provenance/training_data", i, findings);
    }
}

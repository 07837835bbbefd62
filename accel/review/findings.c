/* SPDX-License-Identifier: Apache-2.0 */
#include "accel/review/findings.h"

#include "verify/array.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct bfs_finding_info infos[] = {
#define INFO(ID, id, severity, meaning, advice) {id, BFS_SEVERITY_##severity, meaning, advice},
    BFS_FINDING_LIST(INFO)
#undef INFO
};

const struct bfs_finding_info *bfs_finding_info(enum bfs_finding_id id)
{
    return &infos[id];
}

const char *bfs_severity_name(enum bfs_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity];
}

static void add(struct bfs_findings *findings, enum bfs_finding_id id, const char *sentence)
{
    enum bfs_severity severity = infos[id].severity;
    if (findings->is_lenient && severity == BFS_SEVERITY_ERROR)
        severity = BFS_SEVERITY_WARNING;
    char *copy = strdup(sentence);
    if (!copy || bfs_array_grow(&findings->items, findings->n, sizeof(*findings->items))) {
        free(copy);
        findings->status = -ENOMEM;
        return;
    }
    findings->items[findings->n++] =
        (struct bfs_finding){.id = id, .severity = severity, .sentence = copy};
    findings->counts[severity]++;
}

void bfs_finding_add(struct bfs_findings *findings, enum bfs_finding_id id, const char *format, ...)
{
    char sentence[BFS_FINDING_SENTENCE_MAX + 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    add(findings, id, sentence);
}

void bfs_finding_add_error(struct bfs_findings *findings, enum bfs_finding_id id,
                           const char *context, const struct bfs_error *error)
{
    char text[BFS_ERROR_TEXT_SIZE];
    (void)bfs_error_text(error, text);
    bfs_finding_add(findings, id, "%s%s%s", context ? context : "", context ? ": " : "", text);
}

void bfs_findings_done(struct bfs_findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        free(findings->items[i].sentence);
    free(findings->items);
    memset(findings, 0, sizeof(*findings));
}

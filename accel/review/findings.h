/* SPDX-License-Identifier: Apache-2.0
 * What a check found.
 *
 * THREAD SAFETY: a list belongs to one thread. */
#ifndef BFS_ACCEL_FINDINGS_H
#define BFS_ACCEL_FINDINGS_H

#include "accel/review/finding_list.h"
#include "verify/cleanup.h"
#include "verify/error.h"

#include <stdbool.h>
#include <stddef.h>

enum bfs_finding_id {
#define BFS_FINDING_ENUM(ID, id, severity, meaning, advice) BFS_FINDING_##ID,
    BFS_FINDING_LIST(BFS_FINDING_ENUM)
#undef BFS_FINDING_ENUM
};

enum bfs_severity {
    BFS_SEVERITY_NOTE,
    BFS_SEVERITY_WARNING,
    BFS_SEVERITY_ERROR,
    BFS_SEVERITY_COUNT,
};

struct bfs_finding_info {
    const char *id;
    enum bfs_severity severity;
    const char *meaning;
    const char *advice;
};
const struct bfs_finding_info *bfs_finding_info(enum bfs_finding_id id);
/* "note", "warning", "error". */
const char *bfs_severity_name(enum bfs_severity severity);

enum { BFS_FINDING_SENTENCE_MAX = 1023 };

struct bfs_finding {
    enum bfs_finding_id id;
    enum bfs_severity severity;
    char *sentence; /* owned: what was found, and where */
};

struct bfs_findings {
    struct bfs_finding *items; /* owned; in the order in which they were found */
    size_t n;
    size_t counts[BFS_SEVERITY_COUNT];
    bool is_lenient; /* what is an error otherwise is added as a warning */
    int status;      /* 0; or -ENOMEM: some are lost */
};

/* Adds one with the severity of its row. */
void bfs_finding_add(struct bfs_findings *findings, enum bfs_finding_id id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds one whose sentence is the error's text, after "<context>: " when there is a context. */
void bfs_finding_add_error(struct bfs_findings *findings, enum bfs_finding_id id,
                           const char *context, const struct bfs_error *error);
void bfs_findings_done(struct bfs_findings *findings);
#define bfs_autofindings BFS_CLEANUP(bfs_findings_done)

#endif

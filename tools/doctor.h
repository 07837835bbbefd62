/* SPDX-License-Identifier: Apache-2.0
 * What a mount got and what it lacks: each finding says what it costs and how to get it.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_DOCTOR_H
#define BFS_TOOLS_DOCTOR_H

#include "verify/error.h"
#include "verify/json.h"

#include <stddef.h>

enum { BFS_FINDINGS_MAX = 32, BFS_FINDING_TEXT = 320 };

enum bfs_finding_state {
    BFS_FINDING_OK,
    BFS_FINDING_NOTE,    /* fine, and good to know */
    BFS_FINDING_MISSING, /* costs something */
    BFS_FINDING_FAULT,   /* reads fail, or will */
};

struct bfs_finding {
    const char *name; /* "kernel read-ahead" */
    enum bfs_finding_state state;
    char found[BFS_FINDING_TEXT];
    const char *cost; /* NULL unless MISSING or FAULT */
    const char *how;  /* likewise */
};

struct bfs_diagnosis {
    struct json_object *session, *health; /* owned; what the daemon says */
    char *metrics;                        /* owned */
    char device[32];                      /* of the mount, "0:57" */
    struct bfs_finding findings[BFS_FINDINGS_MAX];
    size_t n;
};

/* Asks the daemon of the mount at `path`, and the system. Errors: -EINVAL (no mount of ours),
 * -ENOTCONN (its daemon is dead), -EBADMSG (it says what is not JSON), errno of reading. */
int bfs_diagnosis_make(const char *path, struct bfs_diagnosis *ret, struct bfs_error *error);
void bfs_diagnosis_done(struct bfs_diagnosis *diagnosis);
#define bfs_autodiagnosis BFS_CLEANUP(bfs_diagnosis_done)

#endif

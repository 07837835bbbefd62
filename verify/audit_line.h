/* SPDX-License-Identifier: Apache-2.0
 * What of a line of an audit log the chain is made of; for audit_log.c and audit_verify.c.
 *
 * THREAD SAFETY: pure functions. */
#ifndef BFS_VERIFY_AUDIT_LINE_H
#define BFS_VERIFY_AUDIT_LINE_H

#include "verify/audit_log.h"

struct bfs_audit_line {
    uint64_t sequence;
    struct bfs_digest previous;
    bool is_recovery;
    struct bfs_digest last_complete; /* of a recovery */
};

/* Errors: -EBADMSG, -ENOMEM. */
int bfs_audit_line_read(const void *bytes, size_t size, const char *what,
                        struct bfs_audit_line *ret, struct bfs_error *error);

#endif

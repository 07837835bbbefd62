/* SPDX-License-Identifier: Apache-2.0
 * The check of a bundle, or of a directory before it is packed: contract, dependencies, resources,
 * host. docs/contract.md lists what can be found.
 *
 * THREAD SAFETY: one thread at a time for a subject and a list of findings. */
#ifndef BFS_ACCEL_REVIEW_H
#define BFS_ACCEL_REVIEW_H

#include "accel/host.h"
#include "accel/review/findings.h"
#include "accel/review/subject.h"
#include "codec/store/catalog.h"
#include "codec/store/needs.h"

enum bfs_requirement_state {
    BFS_REQUIREMENT_GOOD,
    BFS_REQUIREMENT_DEPRECATED,
    BFS_REQUIREMENT_REVOKED,
};

struct bfs_review_options {
    const struct bfs_store *store;     /* NULL: there is none yet, so it holds nothing */
    const struct bfs_catalog *catalog; /* NULL as well */
    const struct bfs_host *host;       /* NULL: no host is judged */
    bool host_is_named;                /* what the host lacks is an error, not a warning */
    /* What signed statements say about a bundle of the store; NULL: nothing is known. *ret_reason
     * is malloc'ed, or NULL. Errors: negative errno, which ends the check. */
    int (*standing)(void *context, const struct bfs_catalog_entry *entry,
                    enum bfs_requirement_state *ret, char **ret_reason, struct bfs_error *error);
    void *context;
    struct bfs_needs *needs;          /* NULL, or takes the models that were looked for */
    struct bfs_review_budget *budget; /* NULL: whatever it takes is read */
};

/* Adds all findings about the subject, whose contract it reads. Errors: what kept the check from
 * being made: -EFBIG (over the budget), -ENOMEM, and errno of the file system or of the store. */
int bfs_review(struct bfs_subject *subject, const struct bfs_review_options *options,
               struct bfs_findings *findings, struct bfs_error *error);

enum bfs_change_class {
    BFS_CHANGE_NONE,
    BFS_CHANGE_PATCH,
    BFS_CHANGE_MINOR,
    BFS_CHANGE_MAJOR,
};
/* "none", "patch", "minor", "major". */
const char *bfs_change_class_name(enum bfs_change_class value);

struct bfs_change {
    enum bfs_change_class value;
    char *sentence; /* owned */
};
struct bfs_changes {
    struct bfs_change *items; /* owned */
    size_t n;
    enum bfs_change_class largest;
    int status; /* 0 or -ENOMEM */
};
void bfs_changes_done(struct bfs_changes *changes);
#define bfs_autochanges BFS_CLEANUP(bfs_changes_done)

/* What changed from `before` to `after`, whose contracts have been read, and what that asks of the
 * version numbers. Errors: -ENOMEM. */
int bfs_review_changes(const struct bfs_subject *before, const struct bfs_subject *after,
                       struct bfs_changes *changes, struct bfs_findings *findings);

#endif

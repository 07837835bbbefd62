/* SPDX-License-Identifier: Apache-2.0
 * Running a command on the fixtures of a contract, and judging what it answers.
 *
 * THREAD SAFETY: belongs to the main thread. */
#ifndef BFS_TOOLS_CONFORM_H
#define BFS_TOOLS_CONFORM_H

#include "accel/review/subject.h"

/* A temporary folder with the store mounted in it, or the bundle unpacked, or nothing. */
struct bfs_conform_place {
    char *folder;    /* owned */
    char *bundle;    /* owned: the directory of the bundle */
    bool is_mounted; /* at folder/mount */
};
/* Mounts when it can, under the policy of that path (NULL: none), and unpacks when it cannot or
 * `only_unpack`; of a directory, that is the bundle. *ret is to be released in any case. Errors:
 * those of bfs_unpack(), -ENOMEM, errno of the file system. */
int bfs_conform_place_make(const struct bfs_store *store, const char *policy,
                           const struct bfs_subject *subject, bool only_unpack,
                           struct bfs_conform_place *ret, struct bfs_error *error);
/* Unmounts and removes everything; says what it cannot. */
void bfs_conform_place_done(struct bfs_conform_place *place);
#define bfs_autoplace BFS_CLEANUP(bfs_conform_place_done)

enum bfs_conform_verdict {
    BFS_CONFORM_PASSED,
    BFS_CONFORM_DIFFERS, /* outside of the tolerance, or another shape or type */
    BFS_CONFORM_MISSING, /* an output was not written */
    BFS_CONFORM_INVALID, /* an output cannot be read */
    BFS_CONFORM_FAILED,  /* the command failed */
    BFS_CONFORM_TIMED_OUT,
    BFS_CONFORM_INTERRUPTED,
};
/* "passed", "differs", ... */
const char *bfs_conform_verdict_name(enum bfs_conform_verdict verdict);

struct bfs_conform_result {
    enum bfs_conform_verdict verdict;
    uint64_t n_values;  /* compared */
    double largest;     /* difference of all */
    char sentence[768]; /* what is wrong first; "" when it passed */
};

struct bfs_conform_job {
    const struct bfs_subject *subject; /* its contract was read */
    const struct bfs_contract_fixture *fixture;
    const char *folder;    /* for the files of this run, which are left there */
    const char *directory; /* what the command opens: a bundle or view */
    const char *view;      /* id; "": the bundle */
    char *const *args;
    uint64_t timeout_seconds;
};
/* Errors: those of bfs_subject_read() and bfs_command_run(), -EBADMSG (the fixture cannot be read),
 * -ENOMEM, errno of the file system. */
int bfs_conform_run(const struct bfs_conform_job *job, struct bfs_conform_result *ret,
                    struct bfs_error *error);

#endif

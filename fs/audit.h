/* SPDX-License-Identifier: Apache-2.0
 * The audit log of a mount: what was mounted, which policy was in force, what was refused, who
 * opened what. Lines are written by a thread of its own, one chained to the other
 * (verify/audit_log.h), and synced after each batch; nobody who reports waits for the disk. When
 * more happens than is written, or nothing can be written, the rest is counted, and a line says how
 * many are missing as soon as there can be one.
 *
 * THREAD SAFETY: any function from any thread. A NULL log takes everything and writes nothing. */
#ifndef BFS_FS_AUDIT_H
#define BFS_FS_AUDIT_H

#include "fs/log.h"
#include "verify/digest.h"
#include "verify/json.h"

#include <sys/types.h>

enum { BFS_AUDIT_QUEUE_MAX = 8192 }; /* lines that wait for the disk */

struct bfs_audit;
/* Creates the log, or continues it. Errors: -EBUSY (another mount writes it), -EBADMSG (it does not
 * end like an audit log), errno of open(2) and write(2). */
int bfs_audit_open(const char *path, const struct bfs_log *log, struct bfs_audit **ret,
                   struct bfs_error *error);
/* Writes what is left, and ends the thread: what is reported later is not written. False: not
 * within `timeout_ms`. */
bool bfs_audit_stop(struct bfs_audit *audit, unsigned timeout_ms);
/* After that: the thread ends by itself, and nobody waits for it. The object must not be freed. */
void bfs_audit_leave(struct bfs_audit *audit);
/* Stops it, however long that takes. */
struct bfs_audit *bfs_audit_free(struct bfs_audit *audit);
BFS_DEFINE_CLEANUP(bfs_audit, bfs_audit_free)

/* Reports an event; takes ownership of `fields`, an object, which may be NULL: no fields, or no
 * memory for them, and then the event alone is written. */
void bfs_audit_put(struct bfs_audit *audit, const char *event, struct json_object *fields);

/* The first open of a bundle's file by a process, and the next one when an hour has passed since
 * the last that was recorded. A process is its pid and when it started. Every open of a process
 * that cannot be told from others is recorded: pid 0, or /proc/PID/stat cannot be read. `view` is
 * "" for the model itself; `salt` tells bundles apart. */
struct bfs_audit_open {
    uint64_t salt;
    const char *name; /* NAME:VERSION */
    const struct bfs_digest *digest;
    const char *view;
    uid_t uid;
    pid_t pid; /* 0: of another namespace */
};
void bfs_audit_put_open(struct bfs_audit *audit, const struct bfs_audit_open *open);

/* Why nothing is written at present, and how many lines are missing so far; false: all is well. */
bool bfs_audit_trouble(struct bfs_audit *audit, char ret[static BFS_ERROR_TEXT_SIZE],
                       uint64_t *ret_lost);

#endif

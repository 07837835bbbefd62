/* SPDX-License-Identifier: Apache-2.0
 * The file of an audit log (verify/audit_log.h): where it ends, and how it goes on when its writer
 * was killed, or when somebody moved it away, removed it or cut it off.
 *
 * A log that is not where it was any more is closed, and another one begins in its place, whose
 * first line tells the digest of the last line before: what rotates logs may simply rename them.
 *
 * THREAD SAFETY: a file belongs to one thread at a time. */
#ifndef BFS_FS_AUDIT_FILE_H
#define BFS_FS_AUDIT_FILE_H

#include "fs/log.h"
#include "verify/audit_log.h"

struct bfs_audit_file;
/* Creates the log, or continues it; from then on nobody else writes it. Errors: -EBUSY (somebody
 * does), -EBADMSG (it does not end like an audit log), -EINVAL (not a regular file), -ENOMEM, errno
 * of open(2), write(2), fdatasync(2). */
int bfs_audit_file_open(const char *path, const struct bfs_log *log, struct bfs_audit_file **ret,
                        struct bfs_error *error);
struct bfs_audit_file *bfs_audit_file_free(struct bfs_audit_file *file);
BFS_DEFINE_CLEANUP(bfs_audit_file, bfs_audit_file_free)

/* Appends lines that continue `end`, and moves it behind them. Errors: those of
 * bfs_audit_write_line(). */
typedef int (*bfs_audit_format)(void *context, struct bfs_audit_end *end, struct bfs_buffer *ret);

/* Writes the lines at the end of the log, and syncs them. After a failure, where the log ends is
 * looked up by the next call. Errors: those of bfs_audit_file_open() and of `format`. */
int bfs_audit_file_append(struct bfs_audit_file *file, bfs_audit_format format, void *context,
                          struct bfs_error *error);

#endif

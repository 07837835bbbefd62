/* SPDX-License-Identifier: Apache-2.0
 * The format of an audit log: a JSON object on each line, with a number that grows by one, a time,
 * an event, and the SHA-256 of the line before (without its newline). So no line can be changed,
 * inserted or taken away without changing every later one; who keeps the last digest elsewhere
 * notices that too, and a cut-off end. docs/policy.md lists the events.
 *
 * A line that was cut off when its writer was killed stays, because a log is only ever appended to.
 * The next line is then "recovered": it is chained to the bytes of the fragment, and names the last
 * complete line as well.
 *
 * THREAD SAFETY: pure functions; descriptors are read by pread(2). */
#ifndef BFS_VERIFY_AUDIT_LOG_H
#define BFS_VERIFY_AUDIT_LOG_H

#include "verify/digest.h"
#include "verify/json.h"

enum { BFS_AUDIT_LINE_MAX = 64 << 10 }; /* bytes, with the newline */

#define BFS_AUDIT_BEGIN "begin"
#define BFS_AUDIT_RECOVERED "recovered"

/* Where a log ends; what the next line continues. */
struct bfs_audit_end {
    uint64_t sequence;          /* of the last complete line; 0: none */
    struct bfs_digest last;     /* of that line; zeros */
    bool is_torn;               /* after it there is a fragment */
    struct bfs_digest fragment; /* of its bytes */
    uint64_t fragment_size;
};

/* Looks at the last line only. Errors: -EBADMSG (it is not one of an audit log), -ENOMEM, errno of
 * pread(2). */
int bfs_audit_find_end(int fd, uint64_t size, const char *what, struct bfs_audit_end *ret,
                       struct bfs_error *error);

/* Appends the next line and moves `end` behind it. `fields`: the event's own, an object; NULL:
 * none. Errors: -EINVAL (a time that cannot be), -E2BIG (the line is too long), -ENOMEM; then
 * nothing is appended. */
int bfs_audit_write_line(struct bfs_audit_end *end, const char *event, int64_t when,
                         struct json_object *fields, struct bfs_buffer *ret);
/* Appends what makes a log that ends in a fragment right again. Errors: as above. */
int bfs_audit_write_recovery(struct bfs_audit_end *end, int64_t when, struct bfs_buffer *ret);

struct bfs_audit_report {
    uint64_t n_lines;
    uint64_t n_fragments;
    uint64_t broken_line;   /* the first that is not right; 0: all are */
    struct bfs_digest last; /* of the last line */
};

/* Reads the whole log. A broken one is no error: *ret names the line, and `error` says why.
 * Errors: -ENOMEM, errno of pread(2). */
int bfs_audit_verify(int fd, const char *what, struct bfs_audit_report *ret,
                     struct bfs_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0
 * Reads an audit log from its first line to its last. */
#include "verify/audit_log.h"
#include "verify/audit_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The file, a line at a time. */
struct reader {
    int fd;
    const char *what;
    uint64_t offset; /* of what comes after the buffer's bytes */
    char *bytes;     /* 2 * BFS_AUDIT_LINE_MAX of them */
    size_t start, end;
    bool at_end; /* of the file */
};

static int fill(struct reader *reader, struct bfs_error *error)
{
    enum { SIZE = 2 * BFS_AUDIT_LINE_MAX };
    memmove(reader->bytes, reader->bytes + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    while (!reader->at_end && reader->end < SIZE) {
        ssize_t n = pread(reader->fd, reader->bytes + reader->end, SIZE - reader->end,
                          (off_t)reader->offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bfs_fail(error, -errno, "%s: %s", reader->what, strerror(errno));
        reader->at_end = n == 0;
        reader->end += (size_t)n;
        reader->offset += (uint64_t)n;
    }
    return 0;
}

/* What comes next. */
enum found { FOUND_LINE, FOUND_END, FOUND_UNENDED, FOUND_TOO_LONG };

/* The bytes of a line stay until the next call. Errors: those of reading. */
static int next_line(struct reader *reader, enum found *ret_found, struct bfs_bytes *ret,
                     struct bfs_error *error)
{
    const char *newline = memchr(reader->bytes + reader->start, '\n', reader->end - reader->start);
    if (!newline) {
        int r = fill(reader, error);
        if (r)
            return r;
        newline = memchr(reader->bytes, '\n', reader->end);
    }
    size_t left = reader->end - reader->start;
    size_t length = newline ? (size_t)(newline - (reader->bytes + reader->start)) : left;
    *ret = (struct bfs_bytes){.bytes = reader->bytes + reader->start, .size = length};
    if (length >= BFS_AUDIT_LINE_MAX)
        *ret_found = FOUND_TOO_LONG;
    else
        *ret_found = newline ? FOUND_LINE : left ? FOUND_UNENDED : FOUND_END;
    if (newline)
        reader->start += length + 1;
    return 0;
}

/* What is known when a line is judged. */
struct chain {
    uint64_t sequence;        /* of the last good line */
    struct bfs_digest last;   /* of it */
    struct bfs_digest before; /* of the one before it */
    uint64_t n_fragments;
    bool has_fragment; /* the line before could not be read: the next one must vouch for it */
    struct bfs_digest digest; /* of that */
    struct bfs_error why;     /* it could not */
};

static int check_values(struct bfs_error *error, const char *what,
                        const struct bfs_digest *expected, const struct bfs_digest *found)
{
    char left[BFS_DIGEST_HEX_SIZE], right[BFS_DIGEST_HEX_SIZE];
    (void)bfs_fail(error, -EBADMSG, "%s", what);
    bfs_fail_values(error, bfs_digest_hex(expected, left), bfs_digest_hex(found, right));
    return -EBADMSG;
}

/* Does the line continue the chain? Errors: -EBADMSG: it does not; *ret_back as for take_line(). */
static int check_line(const struct chain *chain, const struct bfs_audit_line *line,
                      unsigned *ret_back, struct bfs_error *error)
{
    const struct bfs_digest *before = chain->has_fragment ? &chain->digest : &chain->last;
    if (chain->has_fragment != line->is_recovery)
        return bfs_fail(error, -EBADMSG, "it recovers what was not torn");
    if (line->sequence != chain->sequence + 1) {
        char expected[24], found[24];
        (void)snprintf(expected, sizeof(expected), "%" PRIu64, chain->sequence + 1);
        (void)snprintf(found, sizeof(found), "%" PRIu64, line->sequence);
        (void)bfs_fail(error, -EBADMSG, "its number is wrong: lines are missing, or not in order");
        bfs_fail_values(error, expected, found);
        return -EBADMSG;
    }
    if (!bfs_digest_equal(&line->previous, before)) {
        *ret_back = chain->sequence > 0; /* the first one has nobody to blame */
        return check_values(error, "the next line tells another digest of it", &line->previous,
                            before);
    }
    if (line->is_recovery && !bfs_digest_equal(&line->last_complete, &chain->last)) {
        *ret_back = chain->sequence > 0 ? 2 : 0; /* the fragment lies between */
        return check_values(error, "the line that recovers the next one tells another digest of it",
                            &line->last_complete, &chain->last);
    }
    return 0;
}

/* One line, of whatever worth. -EBADMSG: the line `*ret_broken` steps back from this one is
 * broken. */
static int take_line(struct chain *chain, const struct bfs_bytes *bytes, unsigned *ret_back,
                     struct bfs_error *error)
{
    struct bfs_audit_line line;
    struct bfs_digest digest;
    int r = bfs_sha256(bytes->bytes, bytes->size, &digest);
    if (r)
        return bfs_fail(error, r, "cannot compute a digest");
    struct bfs_error why = {0};
    r = bfs_audit_line_read(bytes->bytes, bytes->size, "line", &line, &why);
    if (r == -ENOMEM)
        return bfs_fail(error, r, "out of memory");
    if (chain->has_fragment && (r || !line.is_recovery)) {
        *error = chain->why;
        *ret_back = 1;
        return -EBADMSG;
    }
    *ret_back = 0;
    if (r) { /* torn, if the next line says so */
        chain->has_fragment = true;
        chain->n_fragments++;
        chain->digest = digest;
        chain->why = why;
        return 0;
    }
    if (line.is_recovery && !chain->has_fragment && chain->sequence > 0) {
        /* All of the line was written but its newline, which its writer did not know. */
        *chain = (struct chain){.sequence = chain->sequence - 1,
                                .last = chain->before,
                                .n_fragments = chain->n_fragments + 1,
                                .has_fragment = true,
                                .digest = chain->last};
    }
    r = check_line(chain, &line, ret_back, error);
    if (r)
        return r;
    *chain = (struct chain){.sequence = line.sequence,
                            .last = digest,
                            .before = chain->last,
                            .n_fragments = chain->n_fragments};
    return 0;
}

static int verify(struct reader *reader, struct bfs_audit_report *ret, struct bfs_error *error)
{
    struct chain chain = {0};
    struct bfs_bytes bytes;
    for (;;) {
        enum found found;
        unsigned back = 0;
        int r = next_line(reader, &found, &bytes, error);
        if (r)
            return r;
        if (found == FOUND_END) {
            if (chain.has_fragment) {
                *error = chain.why;
                ret->broken_line = ret->n_lines;
            }
            ret->last = chain.last;
            return 0;
        }
        ret->n_lines++;
        if (found == FOUND_TOO_LONG)
            r = bfs_fail(error, -EBADMSG, "it is longer than %d bytes", BFS_AUDIT_LINE_MAX);
        else if (found == FOUND_UNENDED)
            r = bfs_fail(error, -EBADMSG,
                         "it has no end: its writer was killed, or it was cut off");
        else
            r = take_line(&chain, &bytes, &back, error);
        if (r == -EBADMSG) {
            ret->broken_line = ret->n_lines - back;
            return 0;
        }
        if (r)
            return r;
        ret->n_fragments = chain.n_fragments;
    }
}

int bfs_audit_verify(int fd, const char *what, struct bfs_audit_report *ret,
                     struct bfs_error *error)
{
    struct bfs_error ours = {0};
    struct bfs_audit_report report = {0};
    bfs_autofree char *bytes = malloc(2 * BFS_AUDIT_LINE_MAX);
    if (!bytes)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    struct reader reader = {.fd = fd, .what = what, .bytes = bytes};
    int r = verify(&reader, &report, &ours);
    if (error && (r || report.broken_line))
        *error = ours;
    if (r == 0)
        *ret = report;
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/audit_log.h"

#include "verify/audit_line.h"
#include "verify/rfc3339.h"

#include <string.h>

static const struct bfs_json_field fields[] = {
    {"sequence", BFS_JSON_INTEGER, true},
    {"time", BFS_JSON_STRING, true},
    {"event", BFS_JSON_STRING, true},
    {"previous", BFS_JSON_STRING, true},
    {0},
};

int bfs_audit_line_read(const void *bytes, size_t size, const char *what,
                        struct bfs_audit_line *ret, struct bfs_error *error)
{
    bfs_autojson struct json_object *root = NULL;
    int64_t when;
    int r = bfs_json_parse(bytes, size, what, &root, error);
    if (r == 0)
        r = bfs_json_check(root, fields, true, what, error);
    if (r == -E2BIG)
        return bfs_fail(error, -EBADMSG, "%s: nested deeper than any line of a log", what);
    if (r)
        return r;
    *ret = (struct bfs_audit_line){.sequence = bfs_json_integer(root, "sequence")};
    if (bfs_digest_parse_hex(bfs_json_string(root, "previous"), &ret->previous))
        return bfs_fail(error, -EBADMSG, "%s: \"previous\" is no digest", what);
    if (bfs_rfc3339_parse(bfs_json_string(root, "time"), &when))
        return bfs_fail(error, -EBADMSG, "%s: \"time\" is no time", what);
    ret->is_recovery = strcmp(bfs_json_string(root, "event"), BFS_AUDIT_RECOVERED) == 0;
    struct json_object *last = bfs_json_member(root, "last_complete");
    if (ret->is_recovery &&
        (!json_object_is_type(last, json_type_string) ||
         bfs_digest_parse_hex(json_object_get_string(last), &ret->last_complete)))
        return bfs_fail(error, -EBADMSG, "%s: \"last_complete\" is no digest", what);
    return 0;
}

static int read_at(int fd, uint64_t offset, void *ret, size_t size, const char *what,
                   struct bfs_error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(fd, (char *)ret + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bfs_fail(error, -errno, "%s: %s", what, strerror(errno));
        if (n == 0)
            return bfs_fail(error, -ESTALE, "%s: it became shorter", what);
        done += (size_t)n;
    }
    return 0;
}

int bfs_audit_find_end(int fd, uint64_t size, const char *what, struct bfs_audit_end *ret,
                       struct bfs_error *error)
{
    /* A complete line and a fragment of another. */
    size_t n = size < 2 * BFS_AUDIT_LINE_MAX ? (size_t)size : 2 * BFS_AUDIT_LINE_MAX;
    struct bfs_audit_end end = {0};
    struct bfs_audit_line line;
    int r;
    if (size == 0) {
        *ret = end;
        return 0;
    }
    bfs_autofree char *tail = malloc(n);
    if (!tail)
        return bfs_fail(error, -ENOMEM, "%s: out of memory", what);
    r = read_at(fd, size - n, tail, n, what, error);
    if (r)
        return r;
    const char *newline = memrchr(tail, '\n', n);
    size_t complete = newline ? (size_t)(newline - tail) : 0;
    size_t fragment = newline ? n - complete - 1 : n;
    const char *before = complete ? memrchr(tail, '\n', complete) : NULL;
    const char *start = before ? before + 1 : tail;
    if (newline) {
        r = bfs_audit_line_read(start, (size_t)(newline - start), "the last line", &line, error);
        if (r)
            return bfs_fail_context(error, r, "%s: not an audit log", what);
        end.sequence = line.sequence;
        r = bfs_sha256(start, (size_t)(newline - start), &end.last);
    }
    if (r == 0 && fragment) {
        end.is_torn = true;
        end.fragment_size = fragment;
        r = bfs_sha256(tail + n - fragment, fragment, &end.fragment);
    }
    /* With no line at all there is nothing that says it is one of ours. */
    if (r == 0 && !newline && tail[0] != '{')
        return bfs_fail(error, -EBADMSG, "%s: not an audit log", what);
    if (r)
        return bfs_fail(error, r, "%s: cannot compute a digest", what);
    *ret = end;
    return 0;
}

static void copy_fields(struct json_object *from, struct json_object *to, int *status)
{
    if (!from)
        return;
    json_object_object_foreach(from, name, value)
    {
        bfs_json_add(to, name, json_object_get(value), status);
    }
}

int bfs_audit_write_line(struct bfs_audit_end *end, const char *event, int64_t when,
                         struct json_object *own, struct bfs_buffer *ret)
{
    char time[BFS_RFC3339_SIZE], hex[BFS_DIGEST_HEX_SIZE];
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    struct bfs_digest digest;
    int status = 0;
    int r = bfs_rfc3339_format(when, time);
    if (r)
        return r;
    const struct bfs_digest *previous = end->is_torn ? &end->fragment : &end->last;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_integer(root, "sequence", end->sequence + 1, &status);
    bfs_json_add_string(root, "time", time, &status);
    bfs_json_add_string(root, "event", event, &status);
    bfs_json_add_string(root, "previous", bfs_digest_hex(previous, hex), &status);
    copy_fields(own, root, &status);
    if (status)
        return status;
    bfs_json_write_line(root, &text);
    if ((r = bfs_buffer_status(&text)) || (r = text.size > BFS_AUDIT_LINE_MAX ? -E2BIG : 0) ||
        (r = bfs_sha256(text.bytes, text.size - 1, &digest)))
        return r;
    bfs_buffer_put(ret, text.bytes, text.size);
    r = bfs_buffer_status(ret);
    if (r)
        return r;
    *end = (struct bfs_audit_end){.sequence = end->sequence + 1, .last = digest};
    return 0;
}

int bfs_audit_write_recovery(struct bfs_audit_end *end, int64_t when, struct bfs_buffer *ret)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    int status = 0;
    bfs_autojson struct json_object *own = bfs_json_new_object(&status);
    bfs_json_add_string(own, "last_complete", bfs_digest_hex(&end->last, hex), &status);
    bfs_json_add_integer(own, "fragment_bytes", end->fragment_size, &status);
    if (status)
        return status;
    bfs_buffer_put_u8(&text, '\n');
    int r = bfs_audit_write_line(end, BFS_AUDIT_RECOVERED, when, own, &text);
    if (r == 0)
        bfs_buffer_put(ret, text.bytes, text.size);
    return r ? r : bfs_buffer_status(ret);
}

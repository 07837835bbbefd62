/* SPDX-License-Identifier: Apache-2.0
 * Statements to JSON. */
#include "verify/json.h"
#include "verify/rfc3339.h"
#include "verify/trust/statement.h"

#include <errno.h>
#include <string.h>

static void add_time(struct json_object *object, const char *name, int64_t seconds, int *status)
{
    char text[BFS_RFC3339_SIZE];
    if (bfs_rfc3339_format(seconds, text))
        *status = -EINVAL;
    else
        bfs_json_add_string(object, name, text, status);
}

static void add_reference(struct json_object *object, const char *name,
                          const struct bfs_reference *reference, int *status)
{
    char text[BFS_REFERENCE_MAX + 1];
    bfs_json_add_string(object, name, bfs_reference_text(reference, text), status);
}

static void add_alias(struct json_object *object, const struct bfs_statement *statement,
                      int *status)
{
    char previous[BFS_DIGEST_TEXT_SIZE];
    bfs_json_add_string(object, "alias", statement->alias, status);
    bfs_json_add_string(object, "move", bfs_alias_move_word(statement->move), status);
    bfs_json_add_integer(object, "sequence", statement->sequence, status);
    if (statement->has_previous)
        bfs_json_add_string(object, "previous", bfs_digest_text(&statement->previous, previous),
                            status);
}

static struct json_object *predicate_json(const struct bfs_statement *statement, int *status)
{
    if (statement->kind == BFS_STATEMENT_PROVENANCE)
        return bfs_provenance_json(&statement->provenance, status);
    struct json_object *object = bfs_json_new_object(status);
    add_time(object, "when", statement->when, status);
    if (statement->kind == BFS_STATEMENT_APPROVAL)
        bfs_json_add_string(object, "role", statement->role, status);
    if (statement->kind == BFS_STATEMENT_ALIAS)
        add_alias(object, statement, status);
    if (statement->kind == BFS_STATEMENT_DEPRECATION && statement->has_replaced_by)
        add_reference(object, "replaced_by", &statement->replaced_by, status);
    if (statement->kind == BFS_STATEMENT_DEPRECATION && statement->has_sunset)
        add_time(object, "sunset", statement->sunset, status);
    if (statement->kind == BFS_STATEMENT_DEPRECATION && statement->is_withdrawn)
        bfs_json_add_boolean(object, "withdrawn", true, status);
    if (*statement->reason)
        bfs_json_add_string(object, "reason", statement->reason, status);
    return object;
}

static struct json_object *subject_json(const struct bfs_statement *statement, int *status)
{
    char hex[BFS_DIGEST_HEX_SIZE];
    struct json_object *list = bfs_json_new_array(status), *subject = bfs_json_new_object(status),
                       *digest = bfs_json_new_object(status);
    add_reference(subject, "name", &statement->subject_name, status);
    bfs_json_add_string(digest, "sha256", bfs_digest_hex(&statement->subject, hex), status);
    bfs_json_add(subject, "digest", digest, status);
    bfs_json_append(list, subject, status);
    return list;
}

int bfs_statement_write(const struct bfs_statement *statement, struct bfs_buffer *ret,
                        struct bfs_error *error)
{
    bfs_autobuffer struct bfs_buffer text = BFS_BUFFER_INIT;
    bfs_autostatement struct bfs_statement again = {0};
    int status = 0, r;
    bfs_autojson struct json_object *root = bfs_json_new_object(&status);
    bfs_json_add_string(root, "_type", BFS_STATEMENT_IN_TOTO, &status);
    bfs_json_add(root, "subject", subject_json(statement, &status), &status);
    bfs_json_add_string(root, "predicateType", bfs_statement_type(statement->kind), &status);
    bfs_json_add(root, "predicate", predicate_json(statement, &status), &status);
    if (status)
        return bfs_fail(error, status, "a statement cannot be written: %s", strerror(-status));
    bfs_json_write_line(root, &text);
    if (bfs_buffer_status(&text))
        return bfs_fail(error, -ENOMEM, "out of memory");
    /* What the reader would refuse must not be signed. */
    r = bfs_statement_parse(text.bytes, text.size, "statement", &again, error);
    if (r == -EBADMSG) {
        if (error)
            error->code = -EINVAL;
        return -EINVAL;
    }
    if (r == 0)
        bfs_buffer_put(ret, text.bytes, text.size);
    return r ? r : bfs_buffer_status(ret);
}

/* SPDX-License-Identifier: Apache-2.0
 * Statements from JSON. */
#include "verify/json.h"
#include "verify/rfc3339.h"
#include "verify/trust/statement.h"

#include <errno.h>
#include <string.h>

#define COMMON_FIELDS                                                                              \
    {"when", BFS_JSON_STRING, true}, {"reason", BFS_JSON_STRING, false},                           \
    {                                                                                              \
        "annotations", BFS_JSON_OBJECT, false                                                      \
    }

static const struct bfs_json_field plain_fields[] = {COMMON_FIELDS, {0}};
static const struct bfs_json_field approval_fields[] = {
    COMMON_FIELDS, {"role", BFS_JSON_STRING, true}, {0}};
static const struct bfs_json_field alias_fields[] = {COMMON_FIELDS,
                                                     {"alias", BFS_JSON_STRING, true},
                                                     {"move", BFS_JSON_STRING, true},
                                                     {"sequence", BFS_JSON_INTEGER, true},
                                                     {"previous", BFS_JSON_STRING, false},
                                                     {0}};
static const struct bfs_json_field deprecation_fields[] = {COMMON_FIELDS,
                                                           {"replaced_by", BFS_JSON_STRING, false},
                                                           {"sunset", BFS_JSON_STRING, false},
                                                           {"withdrawn", BFS_JSON_BOOLEAN, false},
                                                           {0}};

/* The predicate under the reader's hand, and where it goes. */
struct reader {
    struct json_object *predicate;
    const char *what;
    struct bfs_statement *statement;
    struct bfs_error *error;
};

static int refuse(const struct reader *reader, const char *name, const char *expected)
{
    (void)bfs_fail(reader->error, -EBADMSG, "%s: \"%s\" is not valid", reader->what, name);
    bfs_fail_values(reader->error, expected, bfs_json_string(reader->predicate, name));
    return -EBADMSG;
}

static int take_time(const struct reader *reader, const char *name, int64_t *ret)
{
    if (bfs_rfc3339_parse(bfs_json_string(reader->predicate, name), ret))
        return refuse(reader, name, "a time such as 2026-01-31T12:00:00Z");
    return 0;
}

/* Reasons are shown on terminals and in lists of one line each. */
static bool is_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static int take_common(const struct reader *reader)
{
    const char *reason = bfs_json_string(reader->predicate, "reason");
    int r = take_time(reader, "when", &reader->statement->when);
    if (r || !reason)
        return r;
    if (strlen(reason) > BFS_STATEMENT_REASON_MAX)
        return bfs_fail(reader->error, -E2BIG, "%s: a reason of %zu bytes is longer than %d",
                        reader->what, strlen(reason), BFS_STATEMENT_REASON_MAX);
    if (*reason == '\0' || !is_line(reason))
        return refuse(reader, "reason", "one line of text");
    memcpy(reader->statement->reason, reason, strlen(reason) + 1);
    return 0;
}

static int take_approval(const struct reader *reader)
{
    const char *role = bfs_json_string(reader->predicate, "role");
    if (!bfs_role_is_valid(role))
        return refuse(reader, "role", "1 to 64 letters, digits, '.', '_' and '-'");
    memcpy(reader->statement->role, role, strlen(role) + 1);
    return 0;
}

static int take_move(const struct reader *reader)
{
    const char *word = bfs_json_string(reader->predicate, "move");
    if (bfs_alias_move_parse(word, &reader->statement->move))
        return refuse(reader, "move", "promote or rollback");
    return 0;
}

static int take_alias(const struct reader *reader)
{
    struct bfs_statement *statement = reader->statement;
    const char *alias = bfs_json_string(reader->predicate, "alias");
    const char *previous = bfs_json_string(reader->predicate, "previous");
    if (!bfs_alias_is_valid(alias))
        return refuse(reader, "alias", "letters, digits, '.', '_' and '-', but not \"latest\"");
    memcpy(statement->alias, alias, strlen(alias) + 1);
    statement->sequence = bfs_json_integer(reader->predicate, "sequence");
    statement->has_previous = previous != NULL;
    if (statement->sequence == 0 || statement->has_previous != (statement->sequence > 1))
        return bfs_fail(reader->error, -EBADMSG,
                        "%s: \"sequence\" must be 1 without \"previous\", or more with it",
                        reader->what);
    if (previous && bfs_digest_parse_text(previous, &statement->previous))
        return refuse(reader, "previous", "sha256: and 64 hexadecimal digits");
    return take_move(reader);
}

static int take_deprecation(const struct reader *reader)
{
    struct bfs_statement *statement = reader->statement;
    const char *replaced_by = bfs_json_string(reader->predicate, "replaced_by");
    statement->has_replaced_by = replaced_by != NULL;
    if (replaced_by && bfs_reference_parse(replaced_by, &statement->replaced_by, NULL))
        return refuse(reader, "replaced_by", "NAME:VERSION");
    statement->has_sunset = bfs_json_member(reader->predicate, "sunset") != NULL;
    statement->is_withdrawn =
        json_object_get_boolean(bfs_json_member(reader->predicate, "withdrawn"));
    if (statement->is_withdrawn && (statement->has_replaced_by || statement->has_sunset))
        return bfs_fail(reader->error, -EBADMSG,
                        "%s: a withdrawn deprecation has neither \"replaced_by\" nor \"sunset\"",
                        reader->what);
    return statement->has_sunset ? take_time(reader, "sunset", &statement->sunset) : 0;
}

static int take_nothing(const struct reader *reader)
{
    (void)reader;
    return 0;
}

static int take_provenance(const struct reader *reader)
{
    int r = bfs_provenance_read(reader->predicate, reader->what, &reader->statement->provenance,
                                reader->error);
    if (r == 0)
        reader->statement->when = reader->statement->provenance.finished_on;
    return r;
}

/* What the members of each kind of predicate are. A provenance has a standard of its own. */
static const struct {
    const struct bfs_json_field *fields;
    int (*take)(const struct reader *reader);
} predicates[] = {
    [BFS_STATEMENT_SIGNATURE] = {plain_fields, take_nothing},
    [BFS_STATEMENT_APPROVAL] = {approval_fields, take_approval},
    [BFS_STATEMENT_ALIAS] = {alias_fields, take_alias},
    [BFS_STATEMENT_DEPRECATION] = {deprecation_fields, take_deprecation},
    [BFS_STATEMENT_REVOCATION] = {plain_fields, take_nothing},
    [BFS_STATEMENT_PROVENANCE] = {NULL, take_provenance},
};
_Static_assert(sizeof(predicates) / sizeof(predicates[0]) == BFS_N_STATEMENT_KINDS, "each kind");

static int take_predicate(const struct reader *reader)
{
    enum bfs_statement_kind kind = reader->statement->kind;
    int r = 0;
    if (predicates[kind].fields && ((r = bfs_json_check(reader->predicate, predicates[kind].fields,
                                                        false, reader->what, reader->error)) ||
                                    (r = take_common(reader))))
        return r;
    return predicates[kind].take(reader);
}

static int take_subject(struct json_object *list, const char *what, struct bfs_statement *statement,
                        struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {
        {"name", BFS_JSON_STRING, true}, {"digest", BFS_JSON_OBJECT, true}, {0}};
    static const struct bfs_json_field digests[] = {{"sha256", BFS_JSON_STRING, true}, {0}};
    size_t n = json_object_array_length(list);
    if (n != 1)
        return bfs_fail(error, -EBADMSG, "%s: a statement has one subject, this one has %zu", what,
                        n);
    struct json_object *subject = json_object_array_get_idx(list, 0);
    int r = bfs_json_check(subject, fields, false, what, error);
    if (r)
        return r;
    struct json_object *digest = bfs_json_member(subject, "digest");
    if ((r = bfs_json_check(digest, digests, false, what, error)))
        return r;
    if (bfs_reference_parse(bfs_json_string(subject, "name"), &statement->subject_name, NULL))
        return bfs_fail(error, -EBADMSG, "%s: the subject's name must be NAME:VERSION", what);
    if (bfs_digest_parse_hex(bfs_json_string(digest, "sha256"), &statement->subject))
        return bfs_fail(error, -EBADMSG, "%s: the subject's digest must be 64 hexadecimal digits",
                        what);
    return 0;
}

static int take_kind(const char *type, const char *what, enum bfs_statement_kind *ret,
                     struct bfs_error *error)
{
    for (unsigned i = 0; i < BFS_N_STATEMENT_KINDS; i++)
        if (strcmp(type, bfs_statement_type((enum bfs_statement_kind)i)) == 0) {
            *ret = (enum bfs_statement_kind)i;
            return 0;
        }
    return bfs_fail(error, -EPROTONOSUPPORT, "%s: a statement of an unknown kind, \"%.256s\"", what,
                    type);
}

int bfs_statement_parse(const void *text, size_t size, const char *what, struct bfs_statement *ret,
                        struct bfs_error *error)
{
    static const struct bfs_json_field fields[] = {{"_type", BFS_JSON_STRING, true},
                                                   {"subject", BFS_JSON_ARRAY, true},
                                                   {"predicateType", BFS_JSON_STRING, true},
                                                   {"predicate", BFS_JSON_OBJECT, true},
                                                   {0}};
    bfs_autojson struct json_object *root = NULL;
    bfs_autostatement struct bfs_statement statement = {0};
    int r;
    if (size > BFS_STATEMENT_SIZE_MAX)
        return bfs_fail(error, -E2BIG, "%s: a statement of %zu bytes is larger than %d", what, size,
                        BFS_STATEMENT_SIZE_MAX);
    if ((r = bfs_json_parse(text, size, what, &root, error)) ||
        (r = bfs_json_check(root, fields, false, what, error)))
        return r;
    if (strcmp(bfs_json_string(root, "_type"), BFS_STATEMENT_IN_TOTO) != 0) {
        (void)bfs_fail(error, -EPROTONOSUPPORT, "%s: not an in-toto statement, version 1", what);
        bfs_fail_values(error, BFS_STATEMENT_IN_TOTO, bfs_json_string(root, "_type"));
        return -EPROTONOSUPPORT;
    }
    struct reader reader = {bfs_json_member(root, "predicate"), what, &statement, error};
    if ((r = take_kind(bfs_json_string(root, "predicateType"), what, &statement.kind, error)) ||
        (r = take_subject(bfs_json_member(root, "subject"), what, &statement, error)) ||
        (r = take_predicate(&reader)))
        return r;
    *ret = statement;
    statement.provenance = (struct bfs_provenance){0};
    return 0;
}

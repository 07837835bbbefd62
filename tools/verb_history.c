/* SPDX-License-Identifier: Apache-2.0
 * bundlefs history: who stated what about a model, when and why. */
#include "codec/store/aliases.h"
#include "codec/store/statement_name.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"
#include "verify/rfc3339.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct options {
    bool json;
};

struct history {
    struct bfs_opened opened;
    struct bfs_statements statements;
    struct bfs_aliases aliases; /* of the model */
};

static void history_done(struct history *history)
{
    bfs_aliases_done(&history->aliases);
    bfs_statements_done(&history->statements);
    bfs_opened_done(&history->opened);
}

/* "production number 2", "in the role release", "replaced by acme/m:2": what a kind tells more. */
static void describe(const struct bfs_statement *statement, char *ret, size_t size)
{
    char name[BFS_REFERENCE_MAX + 1], time[BFS_RFC3339_SIZE] = "?";
    ret[0] = '\0';
    switch (statement->kind) {
    case BFS_STATEMENT_APPROVAL:
        (void)snprintf(ret, size, "%s", statement->role);
        break;
    case BFS_STATEMENT_ALIAS:
        (void)snprintf(ret, size, "%s #%" PRIu64 "%s", statement->alias, statement->sequence,
                       statement->move == BFS_ALIAS_ROLLBACK ? " rollback" : "");
        break;
    case BFS_STATEMENT_DEPRECATION:
        if (statement->has_sunset)
            (void)bfs_rfc3339_format(statement->sunset, time);
        (void)snprintf(
            ret, size, "%s%s%s%s%s", statement->has_replaced_by ? "use " : "",
            statement->has_replaced_by ? bfs_reference_text(&statement->replaced_by, name) : "",
            statement->has_replaced_by && statement->has_sunset ? ", " : "",
            statement->has_sunset ? "until " : "", statement->has_sunset ? time : "");
        break;
    case BFS_STATEMENT_SIGNATURE:
    case BFS_STATEMENT_REVOCATION:
    case BFS_STATEMENT_PROVENANCE:
    case BFS_N_STATEMENT_KINDS:
        break;
    }
}

/* Does the alias point where this statement says? */
static bool is_in_force(const struct history *history, const struct bfs_stored_statement *stored)
{
    const struct bfs_alias *alias =
        stored->statement.kind == BFS_STATEMENT_ALIAS
            ? bfs_aliases_find(&history->aliases, stored->statement.alias)
            : NULL;
    return alias && bfs_digest_equal(alias->link->digest, &stored->digest);
}

static void add_particulars(struct json_object *object, const struct history *history,
                            const struct bfs_stored_statement *stored, int *status)
{
    const struct bfs_statement *statement = &stored->statement;
    char name[BFS_REFERENCE_MAX + 1];
    if (*statement->role)
        bfs_json_add_string(object, "role", statement->role, status);
    if (statement->kind == BFS_STATEMENT_ALIAS) {
        bfs_json_add_string(object, "alias", statement->alias, status);
        bfs_json_add_integer(object, "sequence", statement->sequence, status);
        bfs_json_add_string(object, "move",
                            statement->move == BFS_ALIAS_ROLLBACK ? "rollback" : "promote", status);
        if (statement->has_previous)
            bfs_report_digest(object, "previous", &statement->previous, status);
        bfs_json_add_boolean(object, "in_force", is_in_force(history, stored), status);
    }
    if (statement->has_replaced_by)
        bfs_json_add_string(object, "replaced_by",
                            bfs_reference_text(&statement->replaced_by, name), status);
    if (statement->has_sunset)
        bfs_report_time(object, "sunset", statement->sunset, status);
    if (*statement->reason)
        bfs_json_add_string(object, "reason", statement->reason, status);
}

static struct json_object *statement_json(const struct history *history,
                                          const struct bfs_stored_statement *stored, int *status)
{
    const struct bfs_statement *statement = &stored->statement;
    struct json_object *object = bfs_json_new_object(status);
    bfs_report_time(object, "when", statement->when, status);
    bfs_json_add_string(object, "kind", bfs_statement_word(statement->kind), status);
    bfs_json_add_string(object, "name", statement->subject_name.name, status);
    bfs_json_add_string(object, "version", statement->subject_name.version, status);
    bfs_report_digest(object, "id", &statement->subject, status);
    bfs_report_digest(object, "statement", &stored->digest, status);
    bfs_json_add_string(object, "key_id", stored->key_id, status);
    bfs_json_add_boolean(object, "verified", false, status);
    add_particulars(object, history, stored, status);
    return object;
}

static int print_json(const struct history *history)
{
    int status = 0;
    struct json_object *root = bfs_json_new_object(&status);
    struct json_object *list = bfs_json_new_array(&status);
    struct json_object *refused = bfs_json_new_array(&status);
    for (size_t i = 0; i < history->statements.n; i++)
        bfs_json_append(list, statement_json(history, history->statements.items[i], &status),
                        &status);
    for (size_t i = 0; i < history->statements.n_refusals; i++) {
        const struct bfs_statement_refusal *refusal = &history->statements.refusals[i];
        struct json_object *object = bfs_json_new_object(&status);
        bfs_json_add_string(object, "name", refusal->name, &status);
        bfs_report_text(object, "reason", refusal->reason, strlen(refusal->reason), &status);
        bfs_json_append(refused, object, &status);
    }
    bfs_json_add(root, "statements", list, &status);
    bfs_json_add(root, "refused", refused, &status);
    return bfs_report_print(root, status);
}

static int print_table(const struct history *history)
{
    struct bfs_table *table = bfs_table_new("lllllll");
    if (!table) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    bfs_table_row(table, "WHEN", "KEY", "WHAT", "VERSION", "DETAIL", "VERIFIED", "WHY", NULL);
    for (size_t i = 0; i < history->statements.n; i++) {
        const struct bfs_stored_statement *stored = history->statements.items[i];
        const struct bfs_statement *statement = &stored->statement;
        char when[BFS_RFC3339_SIZE] = "?", detail[2 * BFS_REFERENCE_MAX];
        (void)bfs_rfc3339_format(statement->when, when);
        describe(statement, detail, sizeof(detail) - 16);
        if (is_in_force(history, stored))
            strcat(detail, " (now)");
        bfs_table_row(table, when, *stored->key_id ? stored->key_id : "?",
                      bfs_statement_word(statement->kind), statement->subject_name.version,
                      *detail ? detail : "-", "no", *statement->reason ? statement->reason : "-",
                      NULL);
    }
    if (bfs_table_print(table, stdout)) {
        bfs_message("out of memory");
        return BFS_EXIT_FAILED;
    }
    return BFS_EXIT_OK;
}

/* All about a model, or about one of its bundles. */
static int gather(const char *argument, struct history *history)
{
    struct bfs_opened *opened = &history->opened;
    struct bfs_error error = {0};
    struct bfs_reference reference = {0};
    int r;
    if (strchr(argument, ':'))
        r = bfs_statements_of_bundle(opened->store, opened->catalog, &opened->entry->manifest,
                                     &history->statements, &error);
    else
        r = bfs_statements_of_model(opened->store, opened->catalog, argument, &history->statements,
                                    &error);
    (void)snprintf(reference.name, sizeof(reference.name), "%.*s", (int)strcspn(argument, ":"),
                   argument);
    if (r == 0)
        r = bfs_aliases_load(opened->store, opened->catalog, reference.name, NULL, NULL,
                             &history->aliases, &error);
    return r ? bfs_message_error(&error) : BFS_EXIT_OK;
}

static int open_model(const char *store, const char *model, struct history *history)
{
    size_t n, n_aliases;
    if (!bfs_model_name_is_valid(model, strlen(model)))
        return bfs_message_usage("history", "\"%.200s\" is no name of a model", model);
    int status = bfs_opened_store(store, &history->opened);
    if (status)
        return status;
    (void)bfs_catalog_model(history->opened.catalog, model, &n);
    (void)bfs_catalog_aliases(history->opened.catalog, model, &n_aliases);
    if (n || n_aliases)
        return BFS_EXIT_OK;
    bfs_message("%s: no such model in %s; \"bundlefs ls\" shows what there is", model, store);
    return BFS_EXIT_FAILED;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    BFS_CLEANUP(history_done) struct history history = {0};
    (void)n_args;
    int status = strchr(args[1], ':')
                     ? bfs_opened_entry("history", args[0], args[1], &history.opened)
                     : open_model(args[0], args[1], &history);
    if (status || (status = gather(args[1], &history)))
        return status;
    for (size_t i = 0; i < history.statements.n_refusals; i++)
        bfs_message("%s: refused: %s", history.statements.refusals[i].name,
                    history.statements.refusals[i].reason);
    return options->json ? print_json(&history) : print_table(&history);
}

static const struct bfs_option table[] = {
    BFS_OPTION_JSON(struct options),
    {0},
};

const struct bfs_verb bfs_verb_history = {
    .name = "history",
    .run = run,
    .summary = "tell who stated what about a model, when and why",
    .synopsis = "STORE NAME[:VERSION]",
    .text =
        "Lists the signed statements about the bundles of the model NAME, or about one of them, "
        "by the time that they name: when, the id of the key, what, which version, more about "
        "it, and why. \"(now)\" marks where an alias points.\n\n"
        "A key's id is what the statement claims. Statements that contradict themselves are "
        "named on stderr.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};

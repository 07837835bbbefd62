/* SPDX-License-Identifier: Apache-2.0
 * bundlefs history: who stated what about a model, when and why. */
#include "codec/store/aliases.h"
#include "codec/store/trust.h"
#include "tools/message.h"
#include "tools/opened.h"
#include "tools/report.h"
#include "tools/text.h"
#include "tools/verbs.h"
#include "verify/policy.h"
#include "verify/rfc3339.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct options {
    const char *policy;
    bool json;
};

struct history {
    struct bfs_opened opened;
    struct bfs_statements statements;
    struct bfs_aliases aliases; /* of the model, as far as the policy believes in them */
    struct bfs_policy *policy;  /* NULL: nothing is verified */
    int64_t now;
    char model[BFS_NAME_MAX + 1];
};

static void history_done(struct history *history)
{
    (void)bfs_policy_unref(history->policy);
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
            ret, size, "%s%s%s%s%s%s", statement->is_withdrawn ? "withdrawn" : "",
            statement->has_replaced_by ? "use " : "",
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

/* Is there another move of the alias with the same number, to another bundle? */
static bool is_forked(const struct history *history, const struct bfs_stored_statement *stored)
{
    const struct bfs_alias_link *link =
        stored->statement.kind == BFS_STATEMENT_ALIAS
            ? bfs_alias_chains_find(&history->aliases.chains, &stored->statement, &stored->digest)
            : NULL;
    return link && link->is_forked;
}

/* What the policy makes of a statement. */
struct opinion {
    char *signers; /* owned; names of keys, joined by commas; "" for nobody */
    bool counts;   /* now, and by a key that may say so */
};

static void opinion_done(struct opinion *opinion)
{
    free(opinion->signers);
}

/* Errors: -ENOMEM. What cannot be read is signed by nobody. */
static int form_opinion(const struct history *history, const struct bfs_stored_statement *stored,
                        struct opinion *ret)
{
    bfs_autoevidence struct bfs_evidence evidence = {0};
    bfs_autobuffer struct bfs_buffer names = BFS_BUFFER_INIT;
    int r = history->policy ? bfs_evidence_read(history->policy, stored->envelope, stored->size,
                                                &stored->statement.subject, "statement", &evidence,
                                                NULL)
                            : -ENOKEY;
    bool is_read = r == 0 && evidence.is_signed;
    if (r == -ENOMEM)
        return r;
    for (size_t i = 0; is_read && i < bfs_policy_n_keys(history->policy); i++)
        if (evidence.signers[i / 64] >> (i % 64) & 1)
            bfs_buffer_printf(&names, "%s%s", names.size ? "," : "",
                              bfs_policy_key_name(history->policy, i));
    bfs_buffer_put_u8(&names, 0);
    if (bfs_buffer_status(&names))
        return -ENOMEM;
    ret->counts = is_read && bfs_policy_counts(history->policy, &stored->statement.subject_name,
                                               &evidence, history->now);
    ret->signers = (char *)bfs_buffer_steal(&names);
    return 0;
}

static void add_opinion(struct json_object *object, const struct history *history,
                        const struct bfs_stored_statement *stored, int *status)
{
    BFS_CLEANUP(opinion_done) struct opinion opinion = {0};
    if (form_opinion(history, stored, &opinion)) {
        *status = -ENOMEM;
        return;
    }
    bfs_json_add_boolean(object, "verified", *opinion.signers != '\0', status);
    if (!history->policy)
        return;
    struct json_object *array = bfs_json_new_array(status);
    char *rest = *opinion.signers ? opinion.signers : NULL;
    for (const char *name; (name = strsep(&rest, ","));)
        bfs_json_append(array, bfs_json_new_string(name, status), status);
    bfs_json_add(object, "signers", array, status);
    bfs_json_add_boolean(object, "counts", opinion.counts, status);
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
        bfs_json_add_boolean(object, "forked", is_forked(history, stored), status);
    }
    if (statement->has_replaced_by)
        bfs_json_add_string(object, "replaced_by",
                            bfs_reference_text(&statement->replaced_by, name), status);
    if (statement->has_sunset)
        bfs_report_time(object, "sunset", statement->sunset, status);
    if (statement->is_withdrawn)
        bfs_json_add_boolean(object, "withdrawn", true, status);
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
    add_opinion(object, history, stored, status);
    add_particulars(object, history, stored, status);
    return object;
}

static struct json_object *alias_json(const struct history *history, const struct bfs_alias *alias,
                                      int *status)
{
    const struct bfs_statement *statement = alias->link->statement;
    struct json_object *object = bfs_json_new_object(status);
    bfs_json_add_string(object, "alias", alias->name, status);
    bfs_json_add_string(object, "name", history->model, status);
    if (alias->target)
        bfs_json_add_string(object, "version", alias->target->reference.version, status);
    bfs_report_digest(object, "id", &statement->subject, status);
    bfs_json_add_integer(object, "sequence", statement->sequence, status);
    bfs_json_add_boolean(object, "forked", alias->is_forked, status);
    return object;
}

static int print_json(const struct history *history)
{
    int status = 0;
    struct json_object *aliases = bfs_json_new_array(&status);
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
    for (size_t i = 0; i < history->aliases.n; i++)
        bfs_json_append(aliases, alias_json(history, &history->aliases.items[i], &status), &status);
    bfs_json_add(root, "statements", list, &status);
    bfs_json_add(root, "aliases", aliases, &status);
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
        bool in_force = is_in_force(history, stored), forked = is_forked(history, stored);
        BFS_CLEANUP(opinion_done) struct opinion opinion = {0};
        if (form_opinion(history, stored, &opinion)) {
            bfs_message("out of memory");
            return BFS_EXIT_FAILED;
        }
        (void)bfs_rfc3339_format(statement->when, when);
        describe(statement, detail, sizeof(detail) - 16);
        if (in_force || forked)
            strcat(detail, !forked ? " (now)" : in_force ? " (now, forked)" : " (forked)");
        bfs_table_row(table, when, *stored->key_id ? stored->key_id : "?",
                      bfs_statement_word(statement->kind), statement->subject_name.version,
                      *detail ? detail : "-", *opinion.signers ? opinion.signers : "no",
                      *statement->reason ? statement->reason : "-", NULL);
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
    struct bfs_trust trust = {.store = opened->store,
                              .catalog = opened->catalog,
                              .policy = history->policy,
                              .now = history->now};
    int r;
    if (strchr(argument, ':'))
        r = bfs_statements_of_bundle(opened->store, opened->catalog, &opened->entry->manifest,
                                     &history->statements, &error);
    else
        r = bfs_statements_of_model(opened->store, opened->catalog, argument, &history->statements,
                                    &error);
    (void)snprintf(history->model, sizeof(history->model), "%.*s", (int)strcspn(argument, ":"),
                   argument);
    if (r == 0)
        r = bfs_aliases_load(opened->store, opened->catalog, history->model, bfs_trust_believes,
                             &trust, &history->aliases, &error);
    if (r == 0 && trust.status)
        r = bfs_fail(&error, trust.status, "%s: what is said about a bundle cannot be read: %s",
                     history->model, strerror(-trust.status));
    return r ? bfs_message_error(&error) : BFS_EXIT_OK;
}

static void warn(const struct history *history)
{
    for (size_t i = 0; i < history->statements.n_refusals; i++)
        bfs_message("%s: refused: %s", history->statements.refusals[i].name,
                    history->statements.refusals[i].reason);
    for (size_t i = 0; i < history->aliases.n; i++) {
        const struct bfs_alias *alias = &history->aliases.items[i];
        if (alias->is_forked)
            bfs_message("%s: the alias %s has forked: moves with the number %" PRIu64
                        " point to different bundles; promote or rollback decides it",
                        history->model, alias->name, alias->link->statement->sequence);
    }
}

static int open_model(const char *store, const char *model, struct history *history)
{
    size_t n;
    struct bfs_error error = {0};
    if (bfs_model_name_check(model, strlen(model), &error))
        return bfs_message_usage("history", "%s", error.what);
    int status = bfs_opened_store(store, &history->opened);
    if (status)
        return status;
    const struct bfs_catalog *catalog = history->opened.catalog;
    if (bfs_catalog_model(catalog, model, &n))
        return BFS_EXIT_OK;
    /* What is said about bundles that were removed may be all that is left. */
    for (size_t i = 0; i < catalog->n_statements; i++)
        if (strcmp(catalog->statements[i].model, model) == 0)
            return BFS_EXIT_OK;
    bfs_message("%s: no such model in %s; \"bundlefs ls\" shows what there is", model, store);
    return BFS_EXIT_FAILED;
}

static int run(const void *given, int n_args, char **args)
{
    const struct options *options = given;
    BFS_CLEANUP(history_done) struct history history = {.now = (int64_t)time(NULL)};
    struct bfs_error error = {0};
    (void)n_args;
    history.opened.policy_named = options->policy;
    if (options->policy && strcmp(options->policy, BFS_POLICY_NONE) != 0 &&
        bfs_policy_load(options->policy, &history.policy, &error))
        return bfs_message_error(&error);
    int status = strchr(args[1], ':')
                     ? bfs_opened_entry("history", args[0], args[1], &history.opened)
                     : open_model(args[0], args[1], &history);
    if (status || (status = gather(args[1], &history)))
        return status;
    warn(&history);
    return options->json ? print_json(&history) : print_table(&history);
}

static const struct bfs_option table[] = {
    {"policy", 'p', "FILE", BFS_OPTION_STRING, offsetof(struct options, policy),
     "verify with the keys of this policy, and name those that signed"},
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
        "it, and why. \"(now)\" marks where an alias points, \"(forked)\" moves with one number to "
        "different bundles, which copies of a store can bring about.\n\n"
        "A key's id is what the statement claims; with --policy the keys that really signed are "
        "named, and an alias points where that policy lets it. Statements that contradict "
        "themselves, and aliases that have forked and not moved since, are named on stderr.",
    .options = table,
    .options_size = sizeof(struct options),
    .min_args = 2,
    .max_args = 2,
};
